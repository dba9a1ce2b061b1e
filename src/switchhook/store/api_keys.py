"""Keys of our own APIs: made here, shown once, kept as a hash."""

import secrets
from collections.abc import Sequence
from datetime import datetime
from ipaddress import IPv6Address, ip_address, ip_network

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from switchhook.core.errors import BadMessage, NotFound
from switchhook.store.hub_settings import bump
from switchhook.store.secrets import SecretBox
from switchhook.store.tables.book import api_keys
from switchhook.store.times import from_millis, to_millis

KEY_BYTES = 32
PURPOSE = "api key"


class ApiKey(Struct, frozen=True, kw_only=True):
    id: int
    account_id: int
    name: str
    allow: tuple[str, ...]  # networks; none: from anywhere
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None

    def allows(self, client: str) -> bool:
        """Tell whether the key may be used from this address."""
        if not self.allow:
            return True
        try:
            address = ip_address(client)
        except ValueError:
            return False
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return any(address in ip_network(network) for network in self.allow)


def add_api_key(
    tx: sa.Connection,
    account_id: int,
    box: SecretBox,
    *,
    name: str,
    at: datetime,
    allow: Sequence[str] = (),
) -> tuple[ApiKey, str]:
    """Make a key; give it in clear, this once.

    Raises: BadMessage: `allow` holds something else than networks (`10.0.0.0/8`) and addresses.
    """
    key = secrets.token_hex(KEY_BYTES)
    insert = sa.insert(api_keys).values(
        account_id=account_id,
        name=name,
        lookup=box.lookup(PURPOSE, key),
        allow=msgspec.json.encode(_networks(allow)).decode(),
        created_at_ms=to_millis(at),
    )
    row = tx.execute(insert.returning(api_keys)).one()
    bump(tx)
    return _shown(row), key


def list_api_keys(tx: sa.Connection, account_id: int) -> list[ApiKey]:
    """Give all of them, the revoked ones too."""
    found = sa.select(api_keys).where(api_keys.c.account_id == account_id).order_by(api_keys.c.id)
    return [_shown(row) for row in tx.execute(found)]


def find_api_key(tx: sa.Connection, box: SecretBox, key: str) -> ApiKey | None:
    """Find the key that is presented, of whatever account, unless it is revoked."""
    wanted = api_keys.c.lookup.in_(box.lookups(PURPOSE, key)) & api_keys.c.revoked_at_ms.is_(None)
    row = tx.execute(sa.select(api_keys).where(wanted)).first()
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
        return tuple(str(ip_network(text.strip(), strict=False)) for text in allow)
    except ValueError as error:
        raise BadMessage(f"expected networks such as 10.0.0.0/8, got {error}", field="allow") from None


def _is_one(account_id: int, key_id: int) -> sa.ColumnElement[bool]:
    return (api_keys.c.account_id == account_id) & (api_keys.c.id == key_id)


def _shown(row: sa.Row[tuple[object, ...]]) -> ApiKey:
    stored = row._mapping
    return ApiKey(
        id=stored["id"],
        account_id=stored["account_id"],
        name=stored["name"],
        allow=msgspec.json.decode(stored["allow"], type=tuple[str, ...]),
        created_at=from_millis(stored["created_at_ms"]),
        last_used_at=from_millis(stored["last_used_at_ms"]),
        revoked_at=from_millis(stored["revoked_at_ms"]),
    )
