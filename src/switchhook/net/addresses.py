"""Judge IP addresses: may an outgoing connection go there?

Pure. `ipaddress.is_global` is not enough: Python 3.11.7 calls the NAT64 and 6to4 forms of loopback
public, and multicast and site-local addresses too. So: a deny table in the manner of Svix's, taken
from the IANA special-purpose registries, and every form that carries an IPv4 address inside is
opened and judged by what it carries.
"""

import re
from enum import IntEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

IPAddress = IPv4Address | IPv6Address
IPNetwork = IPv4Network | IPv6Network


class Reach(IntEnum):
    """Who may be sent there; the higher the fewer."""

    PUBLIC = 0
    PRIVATE = 1  # with a grant of the administrator
    NEVER = 2


# The first row that holds the address decides, so the narrow ones stand first.
SPECIAL: tuple[tuple[IPNetwork, Reach, str], ...] = tuple(
    (ip_network(network), reach, name)
    for network, reach, name in (
        ("100.100.100.200/32", Reach.NEVER, "cloud metadata"),
        ("168.63.129.16/32", Reach.NEVER, "cloud metadata"),
        ("0.0.0.0/8", Reach.NEVER, "this network"),
        ("10.0.0.0/8", Reach.PRIVATE, "private"),
        ("100.64.0.0/10", Reach.PRIVATE, "shared by a provider"),
        ("127.0.0.0/8", Reach.PRIVATE, "loopback"),
        ("169.254.0.0/16", Reach.NEVER, "link-local"),
        ("172.16.0.0/12", Reach.PRIVATE, "private"),
        ("192.0.0.0/24", Reach.NEVER, "protocol assignments"),
        ("192.0.2.0/24", Reach.PRIVATE, "documentation"),
        ("192.31.196.0/24", Reach.NEVER, "AS112"),
        ("192.52.193.0/24", Reach.NEVER, "AMT relays"),
        ("192.88.99.0/24", Reach.NEVER, "6to4 relays"),
        ("192.168.0.0/16", Reach.PRIVATE, "private"),
        ("192.175.48.0/24", Reach.NEVER, "AS112"),
        ("198.18.0.0/15", Reach.PRIVATE, "benchmarking"),
        ("198.51.100.0/24", Reach.PRIVATE, "documentation"),
        ("203.0.113.0/24", Reach.PRIVATE, "documentation"),
        ("224.0.0.0/4", Reach.NEVER, "multicast"),
        ("240.0.0.0/4", Reach.NEVER, "reserved"),
        ("fd00:ec2::/64", Reach.NEVER, "cloud metadata"),
        ("fd20:ce::/64", Reach.NEVER, "cloud metadata"),
        ("::/128", Reach.NEVER, "this host"),
        ("::1/128", Reach.PRIVATE, "loopback"),
        ("64:ff9b:1::/48", Reach.NEVER, "local NAT64"),
        ("100::/64", Reach.NEVER, "discard"),
        ("2001::/23", Reach.NEVER, "protocol assignments"),
        ("2001:db8::/32", Reach.PRIVATE, "documentation"),
        ("2620:4f:8000::/48", Reach.NEVER, "AS112"),
        ("3fff::/20", Reach.PRIVATE, "documentation"),
        ("fc00::/7", Reach.PRIVATE, "private"),
        ("fe80::/10", Reach.NEVER, "link-local"),
        ("fec0::/10", Reach.NEVER, "site-local"),
        ("ff00::/8", Reach.NEVER, "multicast"),
    )
)
# All that IANA has given out for the public so far; the rest is denied until it has.
GLOBAL_UNICAST = IPv6Network("2000::/3")

COMPATIBLE = IPv6Network("::/96")
TRANSLATED = IPv6Network("::ffff:0:0:0/96")
NAT64 = IPv6Network("64:ff9b::/96")

PART = re.compile(r"0[xX][0-9a-fA-F]*|[0-9]+")


def judge(address: IPAddress) -> tuple[Reach, str]:
    """Say who may be sent to this address, and what it is, in words."""
    carried = carried_addresses(address)
    if carried:
        return max(judge(inner) for inner in carried)
    for network, reach, name in SPECIAL:
        if address.version == network.version and address in network:
            return reach, name
    if isinstance(address, IPv6Address) and address not in GLOBAL_UNICAST:
        return Reach.NEVER, "not in public use"
    return Reach.PUBLIC, "public"


def is_public(address: IPAddress | str) -> bool:
    """Tell whether anyone's data may choose this address. A text that is no address is not public."""
    parsed = parse_address(address) if isinstance(address, str) else address
    return parsed is not None and judge(parsed)[0] is Reach.PUBLIC


def carried_addresses(address: IPAddress) -> tuple[IPv4Address, ...]:
    """Give the IPv4 addresses that a mapped, translated, compatible, NAT64, 6to4 or Teredo form carries."""
    if not isinstance(address, IPv6Address):
        return ()
    if address.ipv4_mapped is not None:
        return (address.ipv4_mapped,)
    if address.sixtofour is not None:
        return (address.sixtofour,)
    if address.teredo is not None:
        return address.teredo
    is_compatible = address in COMPATIBLE and int(address) > 1  # :: and ::1 are themselves
    if is_compatible or address in NAT64 or address in TRANSLATED:
        return (IPv4Address(int(address) & 0xFFFFFFFF),)
    return ()


def parse_address(text: str) -> IPAddress | None:
    """Read an address in any spelling that a system's resolver would take for one.

    That is decimal, octal, hex and shortened IPv4 beside the proper forms, brackets and a zone
    around IPv6.
    """
    text = text.removeprefix("[").removesuffix("]")
    try:
        return ip_address(text.partition("%")[0])
    except ValueError:
        return _parse_odd_ipv4(text)


def is_numeric_host(host: str) -> bool:
    """Tell whether a host claims to be an address: its last label is a number (WHATWG URL, 3.5)."""
    last = host.removesuffix(".").rpartition(".")[2]
    return ":" in host or PART.fullmatch(last) is not None


def _parse_odd_ipv4(text: str) -> IPv4Address | None:
    parts = text.removesuffix(".").split(".")
    if len(parts) > 4 or len(text) > 64 or not all(PART.fullmatch(part) for part in parts):
        return None
    try:
        numbers = [_number(part) for part in parts]
    except ValueError:  # 08: octal without being so
        return None
    *front, last = numbers
    if any(number > 255 for number in front) or last >= 256 ** (4 - len(front)):
        return None
    return IPv4Address(sum(n << (8 * (3 - i)) for i, n in enumerate(front)) + last)


def _number(part: str) -> int:
    if part[:2] in ("0x", "0X"):
        return int(part[2:] or "0", 16)
    return int(part, 8 if part.startswith("0") else 10)
