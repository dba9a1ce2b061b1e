"""The address of whoever really asks, behind proxies that we trust.

Pure. Only what a trusted proxy wrote is believed, so the list is walked from the right, from our
side; the left end is whatever the client liked to send. Which of the two headers the proxy writes
is a setting: the other one comes from the client unread.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from ipaddress import IPv6Address, ip_address

from switchhook.net.addresses import IPAddress, IPNetwork

# A hop as X-Forwarded-For has it: bare, with a port, or in brackets.
HOP = re.compile(
    r"\[(?P<v6>[^\[\]]+)\](?::[0-9]{1,5})?|(?P<v4>[0-9.]+)(?::[0-9]{1,5})?|(?P<bare>[0-9a-fA-F:.]+)"
)
# A pair of Forwarded (RFC 7239, 4): a token or a quoted text.
PAIR = re.compile(r'\s*(?P<name>[A-Za-z]+)=(?:"(?P<quoted>[^"\\]*)"|(?P<token>[^\s",;=]+))\s*')
LONGEST_HEADER = 8192


def client_address(
    peer: str | None, hops: Sequence[str | None], trusted: Collection[IPNetwork], *, trusts_unix: bool = False
) -> IPAddress | None:
    """Give the first address, from our side outwards, that is not a trusted proxy.

    `peer` is the other end of the socket, None for a unix socket. `hops` are in the order of the
    header; None stands for one that cannot be read and ends the walk: the proxy that passed it on
    is then as far as we know. Loopback and unix sockets are not trusted unless it is said so.
    None when not even the peer is known.
    """
    known = None if peer is None else _parse(peer)
    is_trusted = trusts_unix if peer is None else _is_trusted(known, trusted)
    for hop in reversed(hops):
        if not is_trusted:
            break
        address = None if hop is None else _parse(hop)
        if address is None:
            break
        known, is_trusted = address, _is_trusted(address, trusted)
    return known


def read_forwarded_for(values: Sequence[str]) -> list[str | None]:
    """Read the values of X-Forwarded-For headers, in the order they came."""
    text = ",".join(values)
    if len(text) > LONGEST_HEADER:
        return [None]
    return [_hop(entry.strip()) for entry in text.split(",")] if values else []


def read_forwarded(values: Sequence[str]) -> list[str | None]:
    """Read the `for` of each element of Forwarded headers (RFC 7239), in the order they came."""
    text = ",".join(values)
    if len(text) > LONGEST_HEADER:
        return [None]
    return [_for(element) for element in _split(text, ",")] if values else []


def _for(element: str) -> str | None:
    found: str | None = None
    for pair in _split(element, ";"):
        match = PAIR.fullmatch(pair)
        if match is None:
            return None
        if match["name"].lower() == "for":
            if found is not None:  # twice in one element: no telling which is true
                return None
            found = match["quoted"] if match["quoted"] is not None else match["token"]
    return None if found is None else _hop(found)


def _split(text: str, separator: str) -> Iterator[str]:
    """Split outside quotes."""
    start, is_quoted = 0, False
    for index, character in enumerate(text):
        if character == '"':
            is_quoted = not is_quoted
        elif character == separator and not is_quoted:
            yield text[start:index]
            start = index + 1
    yield text[start:]


def _hop(text: str) -> str | None:
    match = HOP.fullmatch(text)
    if match is None:
        return None
    address = match["v6"] or match["v4"] or match["bare"]
    return address if _parse(address) is not None else None


def _parse(text: str) -> IPAddress | None:
    # Proper spellings only: what a proxy writes is proper, and 010.0.0.1 is two different addresses.
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _is_trusted(address: IPAddress | None, trusted: Collection[IPNetwork]) -> bool:
    return address is not None and any(address.version == n.version and address in n for n in trusted)
