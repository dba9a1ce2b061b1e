"""Which addresses are public: the table of ranges, and every disguise of them."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchhook.net.addresses import (
    Reach,
    carried_addresses,
    is_numeric_host,
    is_public,
    judge,
    parse_address,
)

# What ipaddress.is_global of Python 3.11.7 calls public.
CALLED_GLOBAL = [
    "192.0.0.8", "192.88.99.1", "224.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::",
    "fec0::1", "ff02::1", "3fff::1", "5f00::1", "::7f00:1",
]  # fmt: skip
RANGES = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.100.100.200", "100.127.255.255", "127.0.0.1",
    "127.255.255.254", "168.63.129.16", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.2.1",
    "192.168.0.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255", "::", "::1", "100::1", "2001:db8::1", "2001:2::1", "2001:10::1", "fc00::1",
    "fd00:ec2::254", "fd12:3456::1", "fe80::1", "fe80::1%eth0", "febf::1", "ff0e::1", "4000::1", "8000::1",
    "e000::1",
]  # fmt: skip
DISGUISED = [
    "::ffff:127.0.0.1", "::ffff:a00:1", "::ffff:0:127.0.0.1", "::169.254.169.254", "64:ff9b::10.0.0.1",
    "64:ff9b::c0a8:1", "2002:a00:1::1", "2002:c0a8:101::", "2001:0:7f00:1::", "2001:0:808:808::80ff:fffe",
]  # fmt: skip


@pytest.mark.parametrize("text", CALLED_GLOBAL + RANGES + DISGUISED)
def test_denies(text: str) -> None:
    assert not is_public(text)


@pytest.mark.parametrize(
    "text",
    ["8.8.8.8", "1.1.1.1", "93.184.216.34", "100.63.255.255", "100.128.0.1", "172.15.255.255", "172.32.0.1",
     "192.167.255.255", "223.255.255.255", "2606:4700::1111", "2a00:1450:4001:800::200e",
     "2001:4860:4860::8888",
     "64:ff9b::808:808", "::ffff:8.8.8.8"],
)  # fmt: skip
def test_lets_through(text: str) -> None:
    assert is_public(text)


@pytest.mark.parametrize(
    ("text", "reach"),
    [
        ("127.0.0.1", Reach.PRIVATE),
        ("192.168.1.20", Reach.PRIVATE),
        ("100.64.0.1", Reach.PRIVATE),
        ("fd12::1", Reach.PRIVATE),
        ("::1", Reach.PRIVATE),
        ("::ffff:10.0.0.1", Reach.PRIVATE),
        ("169.254.169.254", Reach.NEVER),
        ("::ffff:169.254.169.254", Reach.NEVER),
        ("100.100.100.200", Reach.NEVER),
        ("fd00:ec2::254", Reach.NEVER),
        ("0.0.0.0", Reach.NEVER),
        ("::", Reach.NEVER),
        ("224.0.0.1", Reach.NEVER),
        ("255.255.255.255", Reach.NEVER),
        ("fe80::1", Reach.NEVER),
    ],
)
def test_a_grant_opens_the_lan_and_not_the_cloud_or_the_wire(text: str, reach: Reach) -> None:
    assert judge(ipaddress.ip_address(text))[0] is reach


@pytest.mark.parametrize(
    "text",
    ["127.0.0.1", "127.1", "127.0.1", "2130706433", "017700000001", "0x7f000001", "0X7F.1", "0177.0.0.1",
     "0x7f.0x0.0x0.0x1", "127.0.0.1.", "::ffff:127.0.0.1", "[::ffff:7f00:1]", "00000177.0x0.1"],
)  # fmt: skip
def test_reads_loopback_in_every_spelling(text: str) -> None:
    address = parse_address(text)

    assert address is not None
    assert {address, *carried_addresses(address)} & {ipaddress.IPv4Address("127.0.0.1")}
    assert is_numeric_host(text)


@pytest.mark.parametrize(
    "text", ["127.0.0.256", "1.2.3.4.5", "08.1.1.1", "4294967296", "1..1", "256.1", "x.127", "0x"]
)
def test_numbers_that_are_no_address_still_claim_to_be_one(text: str) -> None:
    assert is_numeric_host(text)
    assert not is_public(text)


@pytest.mark.parametrize(
    "text", ["example.test", "localhost", "1.example", "0x7f.example", "127.0.0.1.nip.io", ""]
)
def test_names_are_not_numbers(text: str) -> None:
    assert not is_numeric_host(text)
    assert parse_address(text) is None


@given(st.ip_addresses(v=4))
def test_a_carried_address_is_judged_like_the_bare_one(address: ipaddress.IPv4Address) -> None:
    bare = judge(address)
    number = int(address)
    disguises = [f"::ffff:{address}", f"64:ff9b::{address}", f"2002:{number >> 16:x}:{number & 0xFFFF:x}::1"]

    assert [judge(ipaddress.ip_address(text)) for text in disguises] == [bare] * 3


@given(st.ip_addresses())
def test_nothing_is_public_that_python_calls_private(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if is_public(address) and not carried_addresses(address):
        assert address.is_global
