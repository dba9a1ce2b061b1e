"""From which addresses the PBX may post, when the administrator says so: a second wall behind the secret."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from switchhook.core.connector import Link
from switchhook.core.errors import BadMessage

FIELD = "webhook_addresses"


def check_sources(value: str) -> None:
    """Judge the setting. Raises: BadMessage: something in it is no address and no network."""
    read_sources(value)


def read_sources(value: str) -> Sequence[IPv4Network | IPv6Network]:
    """Read addresses and networks, separated by commas or blanks. Raises as `check_sources`."""
    found: list[IPv4Network | IPv6Network] = []
    for part in value.replace(",", " ").split():
        try:
            found.append(ip_network(part, strict=False))
        except ValueError:
            raise BadMessage(f"expected an address or a network, got {part[:40]!r}", field=FIELD) from None
    return found


def is_listed(client: str, link: Link) -> bool:
    """Tell whether events may come from here; from anywhere when no address is listed."""
    listed = read_sources(link.settings.get(FIELD, ""))
    if not listed:
        return True
    try:
        address = ip_address(client)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in network for network in listed)
