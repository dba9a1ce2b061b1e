"""Who really asks: only what our own proxies wrote is believed."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchhook.net.client_address import client_address, read_forwarded, read_forwarded_for

TRUSTED = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]


@pytest.mark.parametrize(
    ("peer", "values", "client"),
    [
        ("203.0.113.9", [], "203.0.113.9"),
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),  # not our proxy: its header is only a claim
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["1.2.3.4, 198.51.100.1"], "198.51.100.1"),  # the left end is the client's own
        ("10.0.0.1", ["1.2.3.4", "198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["198.51.100.1, 10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", ["198.51.100.1:4711"], "198.51.100.1"),
        ("10.0.0.1", ["[2001:db8::1]:4711"], "2001:db8::1"),
        ("10.0.0.1", ["2001:db8::1"], "2001:db8::1"),
        ("fd00::1", ["::ffff:198.51.100.1"], "198.51.100.1"),
        ("::ffff:10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["198.51.100.1, unknown"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1, garbage, 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", ["198.51.100.1,"], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1, 010.0.0.2"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1\r\n"], "198.51.100.1"),
        ("10.0.0.1", ["x" * 9000], "10.0.0.1"),
        ("127.0.0.1", ["198.51.100.1"], "127.0.0.1"),  # a tunnel that ends on loopback is no proxy of ours
        ("::1", ["198.51.100.1"], "::1"),
        ("garbage", ["198.51.100.1"], None),
        (None, ["198.51.100.1"], None),
    ],
)
def test_walks_from_the_right_to_the_first_stranger(
    peer: str | None, values: list[str], client: str | None
) -> None:
    address = client_address(peer, read_forwarded_for(values), TRUSTED)

    assert (None if address is None else str(address)) == client


def test_a_unix_socket_is_trusted_only_when_said_so() -> None:
    address = client_address(None, ["198.51.100.1"], TRUSTED, trusts_unix=True)

    assert str(address) == "198.51.100.1"


@pytest.mark.parametrize(
    ("values", "hops"),
    [
        ([], []),
        (["for=198.51.100.1"], ["198.51.100.1"]),
        (['For="[2001:db8::1]:4711";proto=https;by=10.0.0.1'], ["2001:db8::1"]),
        (["for=198.51.100.1, for=10.0.0.2"], ["198.51.100.1", "10.0.0.2"]),
        (["for=198.51.100.1", "for=10.0.0.2;host=a.test"], ["198.51.100.1", "10.0.0.2"]),
        (["proto=https"], [None]),
        (["for=_hidden, for=unknown"], [None, None]),
        (["for=198.51.100.1;for=10.0.0.2"], [None]),
        (['for="198.51.100.1, for=10.0.0.2'], [None]),
        (['for="1.2.3.4,for=10.0.0.2";host=x'], [None]),
        (["for=2001:db8::1"], ["2001:db8::1"]),
        (["for=198.51.100.1;"], [None]),
    ],
)
def test_reads_forwarded(values: list[str], hops: list[str | None]) -> None:
    assert read_forwarded(values) == hops


@given(st.lists(st.text()), st.one_of(st.none(), st.text()))
def test_any_header_ends_in_an_address_or_nothing(values: list[str], peer: str | None) -> None:
    for hops in (read_forwarded_for(values), read_forwarded(values)):
        assert client_address("203.0.113.9", hops, TRUSTED) == client_address("203.0.113.9", [], TRUSTED)
        client_address(peer, hops, TRUSTED)
