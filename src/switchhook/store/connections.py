"""Configured connections: what the administrator set, the keys peers present, what connectors remember.

Secret settings, keys and state are encrypted, each bound to its account, row and field.
"""

import base64
import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from functools import partial

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from switchhook.core.connector import Role
from switchhook.core.errors import BadMessage, NotFound
from switchhook.store.hub_settings import bump
from switchhook.store.inserts import insert_into
from switchhook.store.secrets import SecretBox
from switchhook.store.tables.connections import connection_keys, connections, destinations
from switchhook.store.times import from_millis, to_millis

ID_PREFIX = "c-"
ID_BYTES = 7  # ten and a bit letters of base32
ID_LETTERS = 10
URL_KEY_BYTES = 24

URL_PURPOSE = "url"

# The columns that are encrypted.
SEALED = ("url_key", "secret_settings", "keys", "state", "old_keys")


class ConnectionStatus(StrEnum):
    ACTIVE = "active"
    PAUSED = "paused"


class OldKey(Struct, frozen=True, kw_only=True):
    """A key that was replaced and is taken for a while longer."""

    key: str
    until_ms: int


class ConnectionRow(Struct, frozen=True, kw_only=True):
    """A connection as stored, with its secrets in clear. `state` holds JSON values only."""

    id: str
    account_id: int
    url_key: str
    kind: str
    role: Role
    name: str
    settings: dict[str, str]
    keys: dict[str, str]
    state: dict[str, object]
    status: ConnectionStatus
    status_reason: str | None
    created_at: datetime
    old_keys: dict[str, OldKey] = {}  # the one before, by name; those that hold no more too

    @property
    def old_keys_until(self) -> dict[str, datetime]:
        return {name: from_millis(old.until_ms) for name, old in self.old_keys.items()}


def add_connection(
    tx: sa.Connection,
    account_id: int,
    box: SecretBox,
    *,
    kind: str,
    role: Role,
    name: str,
    at: datetime,
    settings: Mapping[str, str] | None = None,
    secret_names: Iterable[str] = (),
    keys: Mapping[str, str] | None = None,
) -> ConnectionRow:
    """Add a connection; its id and the key of its address are made here.

    `secret_names` are the settings that the connector's fields call secret.

    Raises:
        BadMessage: another connection of this kind has one of the keys.
    """
    row = ConnectionRow(
        id=ID_PREFIX + base64.b32encode(secrets.token_bytes(ID_BYTES)).decode().lower()[:ID_LETTERS],
        account_id=account_id,
        url_key=secrets.token_urlsafe(URL_KEY_BYTES),
        kind=kind,
        role=role,
        name=name,
        settings=dict(settings or {}),
        keys=dict(keys or {}),
        state={},
        status=ConnectionStatus.ACTIVE,
        status_reason=None,
        created_at=at,
    )
    tx.execute(
        sa.insert(connections).values(
            id=row.id,
            account_id=account_id,
            url_lookup=box.lookup(URL_PURPOSE, row.url_key),
            url_key=box.seal(row.url_key.encode(), place=_place_of(account_id, row.id, "url_key")),
            kind=kind,
            role=role.value,
            name=name,
            keys=box.seal_json(row.keys, place=_place_of(account_id, row.id, "keys")),
            state=box.seal_json(row.state, place=_place_of(account_id, row.id, "state")),
            status=row.status.value,
            created_at_ms=to_millis(at),
            **_split_settings(box, row, frozenset(secret_names)),
        )
    )
    tx.execute(sa.insert(destinations).values(connection_id=row.id, account_id=account_id))
    _store_lookups(tx, box, row, row.keys)
    bump(tx)
    return row


def get_connection(tx: sa.Connection, account_id: int, box: SecretBox, connection_id: str) -> ConnectionRow:
    """Raises: NotFound."""
    return _shown(_select_one(tx, account_id, connection_id), box)


def list_connections(
    tx: sa.Connection, account_id: int, box: SecretBox, *, role: Role | None = None, kind: str | None = None
) -> list[ConnectionRow]:
    """Give the connections in the order they were made."""
    found = sa.select(connections).where(connections.c.account_id == account_id)
    if role is not None:
        found = found.where(connections.c.role == role.value)
    if kind is not None:
        found = found.where(connections.c.kind == kind)
    found = found.order_by(connections.c.created_at_ms, connections.c.id)
    return [_shown(row, box) for row in tx.execute(found)]


def all_connections(tx: sa.Connection, box: SecretBox) -> list[ConnectionRow]:
    """Give the connections of all accounts, for the hub that serves them."""
    found = sa.select(connections).order_by(connections.c.created_at_ms, connections.c.id)
    return [_shown(row, box) for row in tx.execute(found)]


def find_by_url_key(tx: sa.Connection, box: SecretBox, url_key: str) -> ConnectionRow | None:
    """Find the connection, of whatever account, whose address has this key."""
    wanted = connections.c.url_lookup.in_(box.lookups(URL_PURPOSE, url_key))
    row = tx.execute(sa.select(connections).where(wanted)).first()
    return None if row is None else _shown(row, box)


def find_by_presented_key(tx: sa.Connection, box: SecretBox, kind: str, key: str) -> ConnectionRow | None:
    """Find the connection of this kind, of whatever account, that has this key among its keys.

    One hash and one index search, whether or not there is such a key.
    """
    wanted = (connection_keys.c.kind == kind) & connection_keys.c.lookup.in_(box.lookups(kind, key))
    found = sa.select(connections).join(connection_keys, connection_keys.c.connection_id == connections.c.id)
    row = tx.execute(found.where(wanted)).first()
    return None if row is None else _shown(row, box)


def set_settings(
    tx: sa.Connection,
    account_id: int,
    box: SecretBox,
    connection_id: str,
    settings: Mapping[str, str],
    *,
    secret_names: Iterable[str] = (),
) -> ConnectionRow:
    """Put these settings beside and over the stored ones. `secret_names` names all that are secret.

    Raises: NotFound.
    """
    before = _shown(_select_one(tx, account_id, connection_id, is_locked=True), box)
    after = msgspec.structs.replace(before, settings={**before.settings, **settings})
    _update_one(tx, account_id, connection_id, **_split_settings(box, after, frozenset(secret_names)))
    return after


def set_state(
    tx: sa.Connection, account_id: int, box: SecretBox, connection_id: str, state: Mapping[str, object]
) -> ConnectionRow:
    """Put these remembered values beside and over the stored ones; the same again changes nothing.

    Raises: NotFound.
    """
    before = _shown(_select_one(tx, account_id, connection_id, is_locked=True), box)
    after = msgspec.structs.replace(before, state={**before.state, **state})
    if after.state != before.state:
        sealed = box.seal_json(after.state, place=_place_of(account_id, connection_id, "state"))
        _update_one(tx, account_id, connection_id, state=sealed)
    return after


def set_keys(
    tx: sa.Connection, account_id: int, box: SecretBox, connection_id: str, keys: Mapping[str, str]
) -> ConnectionRow:
    """Put these keys beside and over the stored ones; a key replaced finds its connection no more.

    Raises:
        BadMessage: another connection of this kind has one of the keys.
        NotFound: there is no such connection.
    """
    before = _shown(_select_one(tx, account_id, connection_id, is_locked=True), box)
    old_keys = {name: old for name, old in before.old_keys.items() if name not in keys}
    return _put_keys(tx, box, before, keys, old_keys)


def rotate_key(
    tx: sa.Connection,
    account_id: int,
    box: SecretBox,
    connection_id: str,
    name: str,
    key: str,
    *,
    at: datetime,
    until: datetime,
) -> ConnectionRow:
    """Replace a key; the one before is kept beside it until then, and the one before that is not.

    Raises:
        BadMessage: another connection of this kind has the key.
        NotFound: there is no such connection.
    """
    before = _shown(_select_one(tx, account_id, connection_id, is_locked=True), box)
    at_ms, until_ms = to_millis(at), to_millis(until)
    replaced = {name: OldKey(key=before.keys.get(name, ""), until_ms=until_ms)}
    old_keys = {**before.old_keys, **replaced}
    held = {one: old for one, old in old_keys.items() if old.until_ms > at_ms and old.key}
    return _put_keys(tx, box, before, {name: key}, held)


def set_status(
    tx: sa.Connection,
    account_id: int,
    connection_id: str,
    status: ConnectionStatus,
    *,
    reason: str | None = None,
) -> None:
    """Raises: NotFound."""
    _update_one(tx, account_id, connection_id, status=status.value, status_reason=reason)


def rename_connection(tx: sa.Connection, account_id: int, connection_id: str, name: str) -> None:
    """Raises: NotFound."""
    _update_one(tx, account_id, connection_id, name=name)


def remove_connection(tx: sa.Connection, account_id: int, connection_id: str) -> None:
    """Remove a connection and its keys; its calls stay.

    Raises: NotFound.
    """
    if not tx.execute(sa.delete(connections).where(_is_one(account_id, connection_id))).rowcount:
        raise _not_found(connection_id)
    bump(tx)


def reseal_connections(tx: sa.Connection, box: SecretBox) -> int:
    """Encrypt anew what an older key sealed, of all accounts; say how many connections that were."""
    count = 0
    for stored in tx.execute(sa.select(connections).with_for_update()).all():
        sealed = {name: stored._mapping[name] for name in SEALED if stored._mapping[name] is not None}
        if all(box.is_current(value) for value in sealed.values()):
            continue
        row = _shown(stored, box)
        again = {
            name: box.seal(box.open(value, place=place), place=place)
            for name, value in sealed.items()
            for place in [_place_of(row.account_id, row.id, name)]
        }
        again["url_lookup"] = box.lookup(URL_PURPOSE, row.url_key)
        tx.execute(sa.update(connections).where(connections.c.id == row.id).values(**again))
        _store_lookups(tx, box, row, row.keys)
        count += 1
    return count


def _place_of(account_id: int, connection_id: str, field: str) -> str:
    return f"{account_id}/connections/{connection_id}/{field}"


def _is_one(account_id: int, connection_id: str) -> sa.ColumnElement[bool]:
    return (connections.c.account_id == account_id) & (connections.c.id == connection_id)


def _not_found(connection_id: str) -> NotFound:
    return NotFound(f"no such connection: {connection_id}")


def _select_one(
    tx: sa.Connection, account_id: int, connection_id: str, *, is_locked: bool = False
) -> sa.Row[tuple[object, ...]]:
    found = sa.select(connections).where(_is_one(account_id, connection_id))
    row = tx.execute(found.with_for_update() if is_locked else found).first()
    if row is None:
        raise _not_found(connection_id)
    return row


def _update_one(tx: sa.Connection, account_id: int, connection_id: str, **values: object) -> None:
    changed = tx.execute(sa.update(connections).where(_is_one(account_id, connection_id)).values(**values))
    if not changed.rowcount:
        raise _not_found(connection_id)
    bump(tx)


def _put_keys(
    tx: sa.Connection,
    box: SecretBox,
    before: ConnectionRow,
    keys: Mapping[str, str],
    old_keys: Mapping[str, OldKey],
) -> ConnectionRow:
    after = msgspec.structs.replace(before, keys={**before.keys, **keys}, old_keys=dict(old_keys))
    place = partial(_place_of, before.account_id, before.id)
    _update_one(
        tx,
        before.account_id,
        before.id,
        keys=box.seal_json(after.keys, place=place("keys")),
        old_keys=box.seal_json(after.old_keys, place=place("old_keys")) if old_keys else None,
        old_keys_until_ms=max((old.until_ms for old in old_keys.values()), default=None),
    )
    _store_lookups(tx, box, after, keys)
    return after


def _split_settings(box: SecretBox, row: ConnectionRow, secret_names: frozenset[str]) -> dict[str, object]:
    """Give the two columns of the settings: the open ones, and the secret ones encrypted."""
    secret = {name: value for name, value in row.settings.items() if name in secret_names}
    clear = {name: value for name, value in row.settings.items() if name not in secret_names}
    return {
        "settings": msgspec.json.encode(clear).decode(),
        "secret_settings": box.seal_json(secret, place=_place_of(row.account_id, row.id, "secret_settings")),
    }


def _store_lookups(tx: sa.Connection, box: SecretBox, row: ConnectionRow, keys: Mapping[str, str]) -> None:
    for name, key in keys.items():
        mine = (connection_keys.c.connection_id == row.id) & (connection_keys.c.name == name)
        tx.execute(sa.delete(connection_keys).where(mine))
        if not key:
            continue
        insert = insert_into(tx, connection_keys).values(
            connection_id=row.id,
            name=name,
            account_id=row.account_id,
            kind=row.kind,
            lookup=box.lookup(row.kind, key),
        )
        # A unique clash must not tear down the caller's transaction before it is explained.
        if not tx.execute(insert.on_conflict_do_nothing(index_elements=["kind", "lookup"])).rowcount:
            raise BadMessage("expected a key that no other connection has", field=name)


def _shown(row: sa.Row[tuple[object, ...]], box: SecretBox) -> ConnectionRow:
    stored = row._mapping
    account_id: int = stored["account_id"]
    connection_id: str = stored["id"]

    def place(field: str) -> str:
        return _place_of(account_id, connection_id, field)

    old_keys = stored["old_keys"]
    secret = box.open_json(stored["secret_settings"], dict[str, str], place=place("secret_settings"))
    return ConnectionRow(
        id=connection_id,
        account_id=account_id,
        url_key=box.open(stored["url_key"], place=place("url_key")).decode(),
        kind=stored["kind"],
        role=Role(stored["role"]),
        name=stored["name"],
        settings={**msgspec.json.decode(stored["settings"], type=dict[str, str]), **secret},
        keys=box.open_json(stored["keys"], dict[str, str], place=place("keys")),
        state=box.open_json(stored["state"], dict[str, object], place=place("state")),
        status=ConnectionStatus(stored["status"]),
        status_reason=stored["status_reason"],
        created_at=from_millis(stored["created_at_ms"]),
        old_keys={}
        if old_keys is None
        else box.open_json(old_keys, dict[str, OldKey], place=place("old_keys")),
    )
