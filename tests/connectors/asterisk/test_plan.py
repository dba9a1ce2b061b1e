"""Which channel is whose phone, which is a line to the outside, and which is neither."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchhook.connectors.asterisk.listen.names import read_channel_name
from switchhook.connectors.asterisk.listen.plan import Plan, read_phones
from switchhook.core.errors import BadMessage


@pytest.mark.parametrize(
    ("name", "endpoint"),
    [
        ("PJSIP/101-0000002a", "101"),
        ("PJSIP/my-trunk-0000002a", "my-trunk"),
        ("PJSIP/face-00000001", "face"),
        ("SIP/101-00000001<ZOMBIE>", "101"),
        ("PJSIP/101", "101"),
        ("DAHDI/i1/79101234567-5", "i1/79101234567"),
        ("Local/103@transfers-00000000;2", ""),
        ("Local/PJSIP/101@x-00000000;1", ""),
        ("Snoop/1700000000.1-00000001", ""),
        ("Recorder/ARI-00000001;1", ""),
        ("Surrogate/PJSIP/101-00000001", ""),
        ("", ""),
        ("nonsense", ""),
    ],
)
def test_the_endpoint_of_a_channel(name: str, endpoint: str) -> None:
    read = read_channel_name(name)

    assert (read.endpoint, read.is_party) == (endpoint, bool(endpoint))


def test_both_halves_of_a_local_channel_are_a_pair() -> None:
    one, two = (read_channel_name(f"Local/103@transfers-00000000;{half}") for half in (1, 2))

    assert one.pair == two.pair != ""
    assert read_channel_name("Local/103@transfers-00000001;1").pair != one.pair


@given(st.text(max_size=60))
def test_any_name_can_be_read(name: str) -> None:
    assert isinstance(read_channel_name(name).is_party, bool)


@pytest.mark.parametrize(
    ("phones", "endpoint", "extension"),
    [
        ("", "101", "101"),
        ("", "12", "12"),
        ("", "trunk", None),
        ("", "1", None),
        ("", "74950000001", None),
        ("101, 102", "102", "102"),
        ("101, 102", "103", None),
        ("2??", "201", "201"),
        ("2??", "2011", None),
        ("anna=101 boris=102", "boris", "102"),
        ("sip-*", "sip-7", "sip-7"),
        ("web.1", "webx1", None),
    ],
)
def test_an_endpoint_is_a_phone_as_the_administrator_says(
    phones: str, endpoint: str, extension: str | None
) -> None:
    assert Plan(phones=read_phones(phones)).extension_of(endpoint) == extension


@pytest.mark.parametrize("text", ["a/b", "x=y", "101=", "=101", "a=1=2", "[a]", "a\0"])
def test_what_is_no_list_of_phones_is_refused(text: str) -> None:
    with pytest.raises(BadMessage) as refused:
        read_phones(text)

    assert refused.value.field == "phones"


@given(st.text(max_size=60))
def test_any_list_is_read_or_refused(text: str) -> None:
    try:
        plan = Plan(phones=read_phones(text))
    except BadMessage:
        return

    assert plan.extension_of("101") in (None, "101") or "=" in text
