"""Keys of our own APIs: made here, shown once, kept as a hash."""

import secrets
from collections.abc import Sequence
from datetime import datetime
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from switchhook.core.api import Scope
from switchhook.core.errors import BadMessage, NotFound
from switchhook.core.text import ELLIPSIS
from switchhook.store.hub_settings import bump
from switchhook.store.secrets import SecretBox
from switchhook.store.tables.book import api_keys
from switchhook.store.times import from_millis, to_millis

KEY_BYTES = 32
PURPOSE = "api key"
# So much of a key's start and of its end is shown in lists.
HINT_CHARACTERS = 4

UTC_ZONE = "UTC"
EVERY_SCOPE = tuple(Scope)
# Every request of a window is remembered, so neither is without end.
MOST_REQUESTS = 10_000
LONGEST_WINDOW_SECONDS = 86_400


class ApiKey(Struct, frozen=True, kw_only=True):
    id: int
    account_id: int
    name: str
    hint: str = ""  # "" of a key made before hints were kept
    allow: tuple[str, ...]  # networks; none: from anywhere, where the API takes such keys
    scopes: tuple[Scope, ...] = EVERY_SCOPE
    zone: str = UTC_ZONE  # in which its days are cut
    rate_requests: int | None = None  # with the next one; None: as the API has it
    rate_seconds: int | None = None
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None

    def allows(self, client: str) -> bool:
        """Tell whether the key may be used from this address."""
        if not self.allow:
            return True
        try:
            address = ip_address(client.partition("%")[0])
        except ValueError:
            return False
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return any(address in ip_network(network) for network in self.allow)

    def rate(self, requests: int, per_seconds: int) -> tuple[int, int]:
        """Give its own rate as requests and seconds, else the one that is given."""
        if self.rate_requests is None or self.rate_seconds is None:
            return requests, per_seconds
        return self.rate_requests, self.rate_seconds


def add_api_key(
    tx: sa.Connection,
    account_id: int,
    box: SecretBox,
    *,
    name: str,
    at: datetime,
    allow: Sequence[str] = (),
    scopes: Sequence[Scope] = EVERY_SCOPE,
    zone: str = UTC_ZONE,
    rate: tuple[int, int] | None = None,
) -> tuple[ApiKey, str]:
    """Make a key; give it in clear, this once. `rate` is requests and seconds.

    Raises: BadMessage: `allow` holds something else than networks (`10.0.0.0/8`) and addresses, there is
        no such time zone, or the rate is out of bounds; names the field.
    """
    key = secrets.token_hex(KEY_BYTES)
    requests, seconds = _checked_rate(rate) if rate is not None else (None, None)
    insert = sa.insert(api_keys).values(
        account_id=account_id,
        name=name,
        lookup=box.lookup(PURPOSE, key),
        hint=f"{key[:HINT_CHARACTERS]}{ELLIPSIS}{key[-HINT_CHARACTERS:]}",
        allow=msgspec.json.encode(_networks(allow)).decode(),
        # In the order in which they are declared, each once.
        scopes=msgspec.json.encode([one for one in Scope if one in scopes]).decode(),
        zone=_checked_zone(zone),
        rate_requests=requests,
        rate_seconds=seconds,
        created_at_ms=to_millis(at),
    )
    row = tx.execute(insert.returning(api_keys)).one()
    bump(tx)
    return _shown(row), key


def list_api_keys(tx: sa.Connection, account_id: int) -> list[ApiKey]:
    """Give all of them, the revoked ones too."""
    found = sa.select(api_keys).where(api_keys.c.account_id == account_id).order_by(api_keys.c.id)
    return [_shown(row) for row in tx.execute(found)]


def find_api_key(
    tx: sa.Connection, box: SecretBox, key: str, *, is_revoked_too: bool = False
) -> ApiKey | None:
    """Find the key that is presented, of whatever account; one that is revoked only when asked for."""
    found = sa.select(api_keys).where(api_keys.c.lookup.in_(box.lookups(PURPOSE, key)))
    if not is_revoked_too:
        found = found.where(api_keys.c.revoked_at_ms.is_(None))
    row = tx.execute(found).first()
    return None if row is None else _shown(row)


def note_use(tx: sa.Connection, account_id: int, key_id: int, *, at: datetime) -> None:
    """Note when the key was last used; callers do so now and then, not per request."""
    tx.execute(sa.update(api_keys).where(_is_one(account_id, key_id)).values(last_used_at_ms=to_millis(at)))


def revoke_api_key(tx: sa.Connection, account_id: int, key_id: int, *, at: datetime) -> None:
    """Raises: NotFound."""
    first_time = sa.func.coalesce(api_keys.c.revoked_at_ms, to_millis(at))
    revoke = sa.update(api_keys).where(_is_one(account_id, key_id)).values(revoked_at_ms=first_time)
    if not tx.execute(revoke).rowcount:
        raise NotFound(f"no such key: {key_id}")
    bump(tx)


def _networks(allow: Sequence[str]) -> tuple[str, ...]:
    try:
        networks = [_unmapped(ip_network(text.strip(), strict=False)) for text in allow]
    except ValueError as error:
        raise BadMessage(f"expected networks such as 10.0.0.0/8, got {error}", field="allow") from None
    return tuple(dict.fromkeys(map(str, networks)))


def _unmapped(network: IPv4Network | IPv6Network) -> IPv4Network | IPv6Network:
    """Clients are judged by their IPv4 address, so a list that writes it inside an IPv6 one is turned too."""
    if isinstance(network, IPv4Network) or network.network_address.ipv4_mapped is None:
        return network
    return IPv4Network((network.network_address.ipv4_mapped, max(network.prefixlen - 96, 0)))


def _checked_zone(zone: str) -> str:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadMessage(
            f"expected a time zone such as Europe/Berlin, got {zone[:40]!r}", field="zone"
        ) from None
    return zone


def _checked_rate(rate: tuple[int, int]) -> tuple[int, int]:
    requests, seconds = rate
    if not (1 <= requests <= MOST_REQUESTS and 1 <= seconds <= LONGEST_WINDOW_SECONDS):
        raise BadMessage(
            f"expected up to {MOST_REQUESTS} requests in up to {LONGEST_WINDOW_SECONDS} seconds, "
            f"got {requests}/{seconds}",
            field="rate",
        )
    return rate


def _is_one(account_id: int, key_id: int) -> sa.ColumnElement[bool]:
    return (api_keys.c.account_id == account_id) & (api_keys.c.id == key_id)


def _shown(row: sa.Row[tuple[object, ...]]) -> ApiKey:
    stored = row._mapping
    return ApiKey(
        id=stored["id"],
        account_id=stored["account_id"],
        name=stored["name"],
        hint=stored["hint"],
        allow=msgspec.json.decode(stored["allow"], type=tuple[str, ...]),
        scopes=msgspec.json.decode(stored["scopes"], type=tuple[Scope, ...]),
        zone=stored["zone"],
        rate_requests=stored["rate_requests"],
        rate_seconds=stored["rate_seconds"],
        created_at=from_millis(stored["created_at_ms"]),
        last_used_at=from_millis(stored["last_used_at_ms"]),
        revoked_at=from_millis(stored["revoked_at_ms"]),
    )
