"""Whatever bytes come in, the answer is in the vendor's words."""

import json
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchhook.connectors.planfix import CONNECTOR, as_crm, as_pbx
from switchhook.core.connector import Role
from switchhook.core.edge import Reply, Request
from switchhook.core.errors import PeerDown, Refused, StoreDown, TooMany
from tests.connectors.planfix.ask import COMPLETED, PARAMETERS, ask_crm, ask_pbx
from tests.connectors.planfix.hub import ScriptedHub, link_to
from tests.connectors.planfix.sent import FORM, PBX_KEY, PLANFIX_KEY, post, to_crm, to_pbx

ANSWERS = {200, 400, 401, 404, 405, 413}
ERRORS = ("Invalid parameters", "Invalid token")
KEYS = urlencode({"planfix_token": PLANFIX_KEY}).encode() + b"&" + urlencode({"token": PBX_KEY}).encode()

content_types = st.sampled_from(
    ["", FORM, "application/json", "multipart/form-data", "multipart/form-data; boundary=b", "text/\x00; ;="]
)
names = st.sampled_from(
    [
        "cmd",
        "type",
        "event",
        "phone",
        "callid",
        "ext",
        "status",
        "duration",
        "from",
        "to",
        "data_x",
        "record_link",
    ]
)
values = st.one_of(
    st.sampled_from(["event", "record", "contact", "ping", "makeCall", "setup", "in", "COMPLETED"]),
    st.text(max_size=40),
)
forms = st.dictionaries(names, values, max_size=9)


def is_in_the_vendors_words(reply: Reply) -> bool:
    if reply.status == 200:
        return reply.body == b"" or isinstance(json.loads(reply.body), dict)
    return reply.status in ANSWERS and json.loads(reply.body)["error"] in ERRORS


async def ask_both(body: bytes, content_type: str) -> list[Reply]:
    crm = await as_crm.serve(post("/tel/api", body, content_type), link_to(Role.PBX), ScriptedHub())
    pbx = await as_pbx.serve(
        post("/planfix", body, content_type), link_to(Role.CRM, {"accept_setup": "false"}), ScriptedHub()
    )
    return [crm, pbx]


@given(st.binary(max_size=400), content_types)
async def test_any_bytes_of_a_stranger_are_answered(body: bytes, content_type: str) -> None:
    replies = await ask_both(body, content_type)

    assert all(is_in_the_vendors_words(reply) for reply in replies)
    assert {reply.status for reply in replies} <= {400, 401, 413}


@given(st.binary(max_size=400))
async def test_any_bytes_with_the_right_key_are_answered(body: bytes) -> None:
    replies = await ask_both(KEYS + b"&cmd=event&" + body, FORM)

    assert all(is_in_the_vendors_words(reply) for reply in replies)


@given(forms)
async def test_any_fields_with_the_right_key_are_answered(form: dict[str, str]) -> None:
    keyed = form | {"planfix_token": PLANFIX_KEY, "token": PBX_KEY}
    as_form = urlencode(keyed, errors="surrogatepass").encode()
    as_json = json.dumps(keyed).encode()

    replies = [*await ask_both(as_form, FORM), *await ask_both(as_json, "application/json")]

    assert all(is_in_the_vendors_words(reply) for reply in replies)


@pytest.mark.parametrize(
    "body",
    [
        b'{"cmd":{"a":1}}',
        b'{"cmd":[1]}',
        b"{" * 60_000,
        b'{"cmd":"ping","planfix_token":NaN}',
        b'{"cmd":"\\ud800"}',
        b'{"duration":' + b"9" * 5000 + b"}",
        b"null",
    ],
)
async def test_json_that_is_no_flat_object_is_refused(body: bytes) -> None:
    replies = await ask_both(body, "application/json")

    assert {reply.status for reply in replies} <= {400, 401}


@pytest.mark.parametrize("character", ["\r\n", "\n", "\0", "\x1b", "\x85", "\u2028"])
@pytest.mark.parametrize(
    "name", ["callid", "phone", "ext", "diversion", "status", "data_x", "nobody knows this"]
)
async def test_control_characters_are_refused_in_every_field(name: str, character: str) -> None:
    hub = ScriptedHub()

    reply = await ask_crm(to_crm(**COMPLETED | {name: f"1{character}2"}), hub)

    assert (reply.status, reply.body, hub.heard) == (400, PARAMETERS, [])


async def test_bytes_that_are_not_utf_8_are_refused() -> None:
    body = urlencode(COMPLETED | {"planfix_token": PLANFIX_KEY}).encode() + b"&data_name=%CF%F0%E8"

    reply = await ask_crm(post("/tel/api", body))

    assert (reply.status, reply.body) == (400, PARAMETERS)


async def test_a_store_that_takes_nothing_is_not_hidden() -> None:
    with pytest.raises(StoreDown):
        await ask_crm(to_crm(**COMPLETED), ScriptedHub(fails=StoreDown("disk full")))

    assert CONNECTOR.sorry(StoreDown("disk full")).status == 503


async def test_a_failing_pbx_is_said_in_json_without_its_secrets() -> None:
    hub = ScriptedHub(fails=PeerDown("https://10.0.0.7 refuses connections"))

    reply = await ask_pbx(to_pbx(cmd="makeCall", from_="101", to="79165550199"), hub)

    assert (reply.status, reply.body) == (400, b'{"error":"PBX is not available"}')


async def test_a_double_click_is_one_call() -> None:
    hub = ScriptedHub(fails=TooMany("the same click within two seconds"))

    reply = await ask_pbx(to_pbx(cmd="makeCall", from_="101", to="79165550199"), hub)

    assert (reply.status, reply.body) == (200, b"")


def test_sorry_never_says_what_went_wrong() -> None:
    replies = [
        CONNECTOR.sorry(error)
        for error in (Refused("for Anna"), RuntimeError("/etc"), TooMany("x", retry_after_seconds=1.2))
    ]

    assert [(reply.status, reply.headers) for reply in replies] == [
        (401, {}),
        (500, {}),
        (429, {"Retry-After": "2"}),
    ]
    assert not any(word in reply.body for reply in replies for word in (b"Anna", b"etc"))


def test_a_request_without_a_readable_key_finds_no_connection() -> None:
    odd = [b"", b"{", b"cmd=ping", b"\xff", b"token=%ff", b'{"token":"\\ud800"}']

    assert [as_crm.presented_key(post("/tel/api", body)) for body in odd] == [None] * 6
    assert as_crm.presented_key(Request(method="GET", path="/tel/api")) is None
