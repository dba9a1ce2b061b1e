"""The count of changes by which running hubs know that they have to look again."""

import asyncio

import pytest
import sqlalchemy as sa

from switchhook.store import open_store
from switchhook.store.hub_settings import REVISION, bump, remove_setting, revision
from switchhook.store.postgres import open_engine
from switchhook.store.tables.book import hub_settings


@pytest.mark.postgres
async def test_two_processes_that_are_the_first_at_once_are_both_counted(fresh_postgres_url: str) -> None:
    store = await open_store(fresh_postgres_url)
    await store.write(remove_setting, REVISION)
    await store.write(lambda tx: tx.execute(sa.delete(hub_settings).where(hub_settings.c.name == REVISION)))
    engine = open_engine(fresh_postgres_url, size=2, is_writer=True)

    async def count() -> None:
        async with engine.begin() as other:
            await other.run_sync(bump)

    async with engine.begin() as first:
        await first.run_sync(bump)
        await first.run_sync(bump)
        waiting = asyncio.create_task(count())  # it has found no row yet, and waits for ours
        await asyncio.sleep(0.3)
    await waiting

    assert await store.read(revision) == 3
    await engine.dispose()
    await store.close()
