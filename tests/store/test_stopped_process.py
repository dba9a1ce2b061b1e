"""What a process that is stopped in mid-write keeps from the others, on PostgreSQL: nothing for long."""

import asyncio
import signal
import time

import asyncpg
import pytest
import sqlalchemy as sa

from switchhook.core.connector import Role
from switchhook.core.errors import StoreDown
from switchhook.store import Store, open_store
from switchhook.store.accounts import ensure_account
from switchhook.store.connections import add_connection
from switchhook.store.failures import down
from switchhook.store.hub_settings import set_setting
from switchhook.store.link_leases import take_link
from switchhook.store.postgres import IDLE_SECONDS
from switchhook.store.secrets import SecretBox
from tests.servers.forked import fork
from tests.store.times import NOW

TAKEN_OVER_SECONDS = 5.0
SAID = (b"stored\n", b"down\n", b"goes on\n")  # the rest is its log

pytestmark = pytest.mark.postgres


def names(tx: sa.Connection) -> set[str]:
    return set(tx.execute(sa.text("SELECT name FROM hub_settings")).scalars()) - {"revision"}


async def test_its_rows_are_free_soon_and_its_write_is_not_half_done(
    fresh_postgres_url: str, box: SecretBox
) -> None:
    store = await open_store(fresh_postgres_url)
    account_id = (await store.write(ensure_account, at=NOW)).id
    pbx = await store.write(add_connection, account_id, box, kind="played", role=Role.PBX, name="PBX", at=NOW)
    with fork("tests.store.stopper", fresh_postgres_url, pbx.id) as process:
        assert await process.line() == "stops"
        began = time.monotonic()
        epoch = await take(store, account_id, pbx.id)
        await store.write(set_setting, "before", "the other's")
        taken_seconds = time.monotonic() - began
        process.send_signal(signal.SIGCONT)
        said = [line for line in await asyncio.to_thread(process.stdout.readlines) if line in SAID]
        status = await process.ended()

    assert (said, status) == ([b"down\n", b"goes on\n"], 0)
    assert epoch is not None
    assert taken_seconds < TAKEN_OVER_SECONDS
    assert await store.read(names) == {"before", "again"}
    await store.close()


async def take(store: Store, account_id: int, connection_id: str) -> int | None:
    return await store.write(take_link, account_id, connection_id, "b", now_ms=0, until_ms=3000)


async def test_a_writer_may_think_between_its_statements(fresh_postgres_url: str) -> None:
    store = await open_store(fresh_postgres_url)

    def think(tx: sa.Connection) -> None:
        set_setting(tx, "before", "x")
        time.sleep(IDLE_SECONDS / 3)
        set_setting(tx, "after", "x")

    await store.write(think)

    assert await store.read(names) == {"before", "after"}
    await store.close()


def test_the_words_of_the_server_mean_that_nothing_was_stored() -> None:
    said = down(asyncpg.exceptions.IdleInTransactionSessionTimeoutError("terminating connection"))

    assert isinstance(said, StoreDown)
    assert "25P03" in said.reason
