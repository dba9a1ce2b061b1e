"""Accounts: whose rows are whose. One is made at first start."""

from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct

from switchhook.core.errors import BadMessage, NotFound
from switchhook.store.inserts import insert_into
from switchhook.store.tables.book import accounts
from switchhook.store.times import from_millis, to_millis

DEFAULT_ACCOUNT = "default"


class Account(Struct, frozen=True, kw_only=True):
    id: int
    name: str
    created_at: datetime


def add_account(tx: sa.Connection, name: str, *, at: datetime) -> Account:
    """Raises: BadMessage: there is one of this name."""
    if find_account(tx, name) is not None:
        raise BadMessage(f"there is an account {name} already", field="name")
    return ensure_account(tx, name, at=at)


def ensure_account(tx: sa.Connection, name: str = DEFAULT_ACCOUNT, *, at: datetime) -> Account:
    """Give the account of this name; make it if there is none."""
    insert = insert_into(tx, accounts).values(name=name, created_at_ms=to_millis(at))
    found = find_account(tx, name)
    if found is None:
        tx.execute(insert.on_conflict_do_nothing(index_elements=["name"]))
        found = get_account(tx, name)
    return found


def get_account(tx: sa.Connection, name: str) -> Account:
    """Raises: NotFound."""
    found = find_account(tx, name)
    if found is None:
        raise NotFound(f"no such account: {name}")
    return found


def find_account(tx: sa.Connection, name: str) -> Account | None:
    row = tx.execute(sa.select(accounts).where(accounts.c.name == name)).first()
    return None if row is None else _shown(row)


def list_accounts(tx: sa.Connection) -> list[Account]:
    return [_shown(row) for row in tx.execute(sa.select(accounts).order_by(accounts.c.id))]


def _shown(row: sa.Row[tuple[object, ...]]) -> Account:
    stored = row._mapping
    return Account(id=stored["id"], name=stored["name"], created_at=from_millis(stored["created_at_ms"]))
