"""Groups of extensions, by name."""

from collections.abc import Sequence

import msgspec
import sqlalchemy as sa

from switchhook.core.directory import Group, GroupKind
from switchhook.core.errors import BadMessage, NotFound
from switchhook.store.hub_settings import bump
from switchhook.store.inserts import insert_into
from switchhook.store.tables.book import groups


def add_group(
    tx: sa.Connection, account_id: int, *, name: str, kind: GroupKind, extensions: Sequence[str]
) -> Group:
    """Raises: BadMessage: there is a group of this name."""
    group = Group(id=0, name=name, kind=kind, extensions=tuple(extensions))
    insert = insert_into(tx, groups).values(account_id=account_id, **_columns(group))
    unless_taken = insert.on_conflict_do_nothing(index_elements=["account_id", "name"])
    row = tx.execute(unless_taken.returning(groups)).first()
    if row is None:
        raise BadMessage(f"there is a group {name} already", field="name")
    bump(tx)
    return _shown(row)


def list_groups(tx: sa.Connection, account_id: int) -> list[Group]:
    """Give them by id: the order in which they came."""
    found = sa.select(groups).where(groups.c.account_id == account_id).order_by(groups.c.id)
    return [_shown(row) for row in tx.execute(found)]


def find_group(tx: sa.Connection, account_id: int, name: str) -> Group | None:
    row = tx.execute(sa.select(groups).where(_has_name(account_id, name))).first()
    return None if row is None else _shown(row)


def update_group(tx: sa.Connection, account_id: int, group: Group) -> None:
    """Store all of it over the one with its id.

    Raises:
        BadMessage: another group has this name.
        NotFound: there is no group with this id.
    """
    holder = find_group(tx, account_id, group.name)
    if holder is not None and holder.id != group.id:
        raise BadMessage(f"there is a group {group.name} already", field="name")
    mine = (groups.c.account_id == account_id) & (groups.c.id == group.id)
    if not tx.execute(sa.update(groups).where(mine).values(**_columns(group))).rowcount:
        raise NotFound(f"no such group: {group.id}")
    bump(tx)


def remove_group(tx: sa.Connection, account_id: int, name: str) -> None:
    """Raises: NotFound."""
    if not tx.execute(sa.delete(groups).where(_has_name(account_id, name))).rowcount:
        raise NotFound(f"no such group: {name}")
    bump(tx)


def _has_name(account_id: int, name: str) -> sa.ColumnElement[bool]:
    return (groups.c.account_id == account_id) & (groups.c.name == name)


def _columns(group: Group) -> dict[str, object]:
    return {
        "name": group.name,
        "kind": group.kind.value,
        "extensions": msgspec.json.encode(group.extensions).decode(),
    }


def _shown(row: sa.Row[tuple[object, ...]]) -> Group:
    stored = row._mapping
    return Group(
        id=stored["id"],
        name=stored["name"],
        kind=GroupKind(stored["kind"]),
        extensions=msgspec.json.decode(stored["extensions"], type=tuple[str, ...]),
    )
