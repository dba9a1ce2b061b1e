"""A small hub on each engine."""

import pytest_asyncio

from switchhook.store import Store
from switchhook.store.secrets import SecretBox
from tests.fakes import FakeClock
from tests.flow.exchange import Exchange
from tests.store.conftest import account_id, box, kept_stores, postgres_tables, sqlite_template, store, where

__all__ = [
    "account_id",
    "box",
    "exchange",
    "kept_stores",
    "postgres_tables",
    "sqlite_template",
    "store",
    "where",
]


@pytest_asyncio.fixture(loop_scope="session")
async def exchange(store: Store, account_id: int, box: SecretBox) -> Exchange:
    """A PBX connected, and no CRM yet."""
    made = Exchange(store, account_id, box, FakeClock())
    await made.connect_pbx()
    return made
