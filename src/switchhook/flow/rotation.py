"""Replace a key of a connection, and let the one before hold until its peer has the new one."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from msgspec import Struct

from switchhook.core.connector import Connector, Key, Role, Side
from switchhook.core.errors import Misconfigured
from switchhook.flow.configure import make_key, side_of
from switchhook.store import Store
from switchhook.store.connections import get_connection, rotate_key
from switchhook.store.secrets import SecretBox

# A key that was replaced because somebody else may have it should not live on for ever.
LONGEST_OVERLAP_HOURS = 30 * 24


class Rotated(Struct, frozen=True, kw_only=True):
    """A connection with its new key, to give to the peer."""

    id: str
    kind: str
    role: Role
    name: str
    keys: dict[str, str]  # the new one only
    old_key_until: datetime | None  # None: the one before holds no more


async def rotate_connection(
    store: Store,
    box: SecretBox,
    connectors: Mapping[str, Connector],
    account_id: int,
    connection_id: str,
    *,
    key_name: str | None = None,
    overlap_hours: float,
    at: datetime,
) -> Rotated:
    """Make a new key. The one before holds beside it for so long; one replaced earlier ends now.

    `key_name` may be left out where there is only one key.

    Raises:
        Misconfigured: names the key or the overlap that is wrong.
        NotFound: no such connection.
    """
    if not 0 <= overlap_hours <= LONGEST_OVERLAP_HOURS:
        raise Misconfigured(f"expected 0 to {LONGEST_OVERLAP_HOURS} hours of overlap", field="overlap_hours")
    row = await store.read(get_connection, account_id, box, connection_id)
    key = choose_key(side_of(connectors, row.kind, row.role), key_name)
    until = at + timedelta(hours=overlap_hours)
    row = await store.write(
        rotate_key, account_id, box, connection_id, key.name, make_key(key), at=at, until=until
    )
    return Rotated(
        id=row.id,
        kind=row.kind,
        role=row.role,
        name=row.name,
        keys={key.name: row.keys[key.name]},
        old_key_until=row.old_keys_until.get(key.name),
    )


def choose_key(side: Side, name: str | None) -> Key:
    """Find the key that is meant.

    Raises: Misconfigured: there is none, or no such one, or it is not said which of several.
    """
    keys = {key.name: key for key in side.keys}
    if not keys:
        raise Misconfigured("this connection has no key that the hub made", field="key")
    if name is None and len(keys) == 1:
        return side.keys[0]
    if name not in keys:
        got = "none" if name is None else repr(name[:40])
        raise Misconfigured(f"expected --key as one of {', '.join(sorted(keys))}, got {got}", field="key")
    return keys[name]
