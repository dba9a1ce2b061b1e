"""Reads beside the writers: in threads, and at once where a phone rings."""

import asyncio
import shutil
import sqlite3
import threading
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from switchhook.core.errors import NotFound, StoreDown
from switchhook.store import Store, sqlite
from switchhook.store.hub_settings import get_setting, set_setting
from switchhook.store.sqlite import SqliteStore


def thread_of_verb(tx: sa.Connection) -> str:
    tx.execute(sa.text("SELECT 1"))
    return threading.current_thread().name


def slowly(tx: sa.Connection) -> str:
    time.sleep(sqlite.SLOW_GLANCE_SECONDS + 0.01)
    return thread_of_verb(tx)


def fails(tx: sa.Connection) -> None:
    tx.execute(sa.text("SELECT 1"))
    raise NotFound("nothing of that name")


@pytest.mark.parametrize("way", ["read", "glance"])
async def test_a_read_sees_what_was_written_before_it(store: Store, way: str) -> None:
    look = getattr(store, way)
    for number in range(3):
        await store.write(set_setting, "name", f"value {number}")
        assert await look(get_setting, "name") == f"value {number}"


@pytest.mark.parametrize("way", ["read", "glance"])
async def test_a_read_may_fail_and_the_next_succeeds(store: Store, way: str) -> None:
    look = getattr(store, way)
    with pytest.raises(NotFound):
        await look(fails)

    assert await look(get_setting, "no such name") is None
    await store.write(set_setting, "name", "value")  # nobody holds the file or the rows
    assert await look(get_setting, "name") == "value"


@pytest.mark.parametrize("way", ["read", "glance"])
async def test_a_read_cannot_write(store: Store, way: str) -> None:
    with pytest.raises(StoreDown, match="may not be written to"):
        await getattr(store, way)(set_setting, "name", "value")

    assert await store.read(get_setting, "name") is None


@pytest.mark.parametrize("way", ["read", "glance"])
async def test_nothing_is_read_from_a_closed_store(tmp_path: Path, way: str) -> None:
    store = SqliteStore(tmp_path / "hub.db")
    await store.close()

    with pytest.raises(StoreDown, match="closed"):
        await getattr(store, way)(get_setting, "name")


async def test_a_glance_is_done_at_once_until_the_disk_is_slow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SqliteStore(tmp_path / "hub.db")
    loop_thread = threading.current_thread().name

    assert await store.read(thread_of_verb) != loop_thread
    assert await store.glance(thread_of_verb) == loop_thread
    assert await store.glance(slowly) == loop_thread
    assert await store.glance(thread_of_verb) != loop_thread
    monkeypatch.setattr(sqlite, "SLOW_DISK_SECONDS", 0.0)
    store._glances.paused_until = 0.0
    assert await store.glance(slowly) == loop_thread
    assert await store.glance(thread_of_verb) == loop_thread
    await store.close()


async def test_a_glance_at_a_held_file_holds_up_nobody_else(sqlite_template: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(sqlite_template, tmp_path / "hub.db"))
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("PRAGMA locking_mode = EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")
    holder.execute("INSERT INTO hub_settings (name, value) VALUES ('held', 'yes')")
    store = SqliteStore(path)

    looking = asyncio.create_task(store.glance(get_setting, "held"))
    await asyncio.sleep(0.1)
    assert not looking.done()
    holder.execute("COMMIT")
    holder.close()  # only now: had the loop waited for the file, it would never have come here
    async with asyncio.timeout(10):
        assert await looking == "yes"
        assert await store.glance(thread_of_verb) == threading.current_thread().name
    await store.close()
