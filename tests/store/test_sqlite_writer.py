"""Who writes to SQLite and where: in the loop while that is quick, in a thread what may take its time."""

import asyncio
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import pytest
import sqlalchemy as sa

from switchhook.app.fence import holders
from switchhook.core.errors import StoreDown
from switchhook.store import Store, sqlite_writer
from switchhook.store.hub_settings import put, set_setting
from switchhook.store.sqlite import SqliteStore
from switchhook.store.sqlite_file import BUSY_SECONDS, open_engine

PAGE_BYTES = 4096
LOOP = threading.main_thread().name


@pytest.fixture
def path(sqlite_template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(sqlite_template, tmp_path / "hub.db"))


@pytest.fixture
async def store(path: Path) -> AsyncIterator[Store]:
    store = SqliteStore(path)
    await store.write(set_setting, "first", "x")  # opens the connection, aside
    yield store
    await store.close()


@pytest.fixture
def committed_by() -> Iterator[list[str]]:
    """The names of the threads that commit, in the order of the commits."""
    threads: list[str] = []

    def note(_: sa.Connection) -> None:
        threads.append(threading.current_thread().name)

    sa.event.listen(sa.Engine, "commit", note)
    yield threads
    sa.event.remove(sa.Engine, "commit", note)


def store_all(tx: sa.Connection, names: list[str]) -> Sequence[str]:
    for name in names:
        put(tx, name, "x" * 100)
    return names


def names(tx: sa.Connection) -> set[str]:
    return set(tx.execute(sa.text("SELECT name FROM hub_settings")).scalars())


async def test_items_are_committed_in_the_loop_and_verbs_in_the_thread(
    store: Store, committed_by: list[str]
) -> None:
    del committed_by[:]
    await store.take(store_all, "a")
    await store.write(set_setting, "b", "x")
    await asyncio.gather(store.take(store_all, "c"), store.write(set_setting, "d", "x"))

    assert [thread == LOOP for thread in committed_by] == [True, False, False]
    assert {"a", "b", "c", "d"} <= await store.read(names)


async def test_many_items_are_committed_in_the_thread(store: Store, committed_by: list[str]) -> None:
    del committed_by[:]
    many = [f"name {number}" for number in range(sqlite_writer.MOST_IN_LOOP + 1)]
    await asyncio.gather(*(store.take(store_all, name) for name in many))

    assert [thread == LOOP for thread in committed_by] == [False]
    assert set(many) <= await store.read(names)


async def test_the_thread_waits_for_a_slow_disk_until_it_is_quick_again(
    store: Store, committed_by: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    del committed_by[:]
    monkeypatch.setattr(sqlite_writer, "SLOW_COMMIT_SECONDS", 0.0)
    monkeypatch.setattr(sqlite_writer, "SLOW_DISK_SECONDS", 60.0)
    await store.take(store_all, "finds out")
    monkeypatch.setattr(sqlite_writer, "SLOW_DISK_SECONDS", 0.0)
    await store.take(store_all, "aside")
    monkeypatch.setattr(sqlite_writer, "SLOW_COMMIT_SECONDS", 60.0)
    await store.take(store_all, "in the loop")

    assert [thread == LOOP for thread in committed_by] == [True, False, True]


async def test_a_held_file_holds_up_nobody_but_those_who_write(path: Path, store: Store) -> None:
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")

    taking = asyncio.ensure_future(store.take(store_all, "item"))
    began = time.monotonic()
    await asyncio.sleep(0.1)
    assert time.monotonic() - began < BUSY_SECONDS  # the loop itself does not wait for the file
    assert not taking.done()
    assert "item" not in await store.read(names)
    holder.execute("COMMIT")
    holder.close()

    assert await taking == "item"


async def test_a_file_held_for_too_long_is_said_and_got_over(path: Path) -> None:
    store = SqliteStore(path, busy_seconds=0.05)
    await store.take(store_all, "before")
    with open_engine(path, is_writer=True).begin(), pytest.raises(StoreDown, match="another process holds"):
        await store.take(store_all, "meanwhile")
    assert await store.take(store_all, "afterwards") == "afterwards"
    assert {"before", "afterwards"} <= await store.read(names)
    await store.close()


async def test_the_log_is_begun_anew_again_and_again(
    path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = 400
    monkeypatch.setattr(sqlite_writer, "LONGEST_LOG_PAGES", pages)
    for number in range(pages):
        await asyncio.gather(*(store.take(store_all, f"{number} {item}") for item in range(10)))

    log_bytes = path.with_name(f"{path.name}-wal").stat().st_size
    # Never begun anew it has two pages of each commit.
    assert log_bytes // PAGE_BYTES < pages
    assert len(await store.read(names)) >= 10 * pages


async def test_other_items_are_told_nothing_of_one_that_failed_the_first_time(store: Store) -> None:
    """All are tried again, each alone, and what came of the first attempt is forgotten."""
    attempts: list[list[str]] = []

    def refuse_company(tx: sa.Connection, items: list[str]) -> Sequence[str | Exception]:
        attempts.append(items)
        store_all(tx, items)
        return [ValueError("not with others") if len(items) > 1 else item for item in items]

    def fails(tx: sa.Connection, items: list[str]) -> Sequence[str]:
        raise ValueError("always")

    answers = await asyncio.gather(
        store.take(refuse_company, "a"),
        store.take(refuse_company, "b"),
        store.take(fails, "c"),
        return_exceptions=True,
    )

    assert attempts == [["a", "b"], ["a"], ["b"]]
    assert list(answers[:2]) == ["a", "b"]
    assert isinstance(answers[2], ValueError)
    assert {"a", "b"} <= await store.read(names)


async def test_items_that_wait_are_done_before_it_closes(path: Path) -> None:
    store = SqliteStore(path)
    waiting = [store.take(store_all, f"name {number}") for number in range(100)]
    await store.close()

    assert len(await asyncio.gather(*waiting)) == 100


def test_nobody_is_left_waiting_when_the_loop_ends_before_the_store(path: Path) -> None:
    asked: list[SqliteStore] = []

    async def open_only() -> None:
        asked.append(SqliteStore(path))
        await asked[0].take(store_all, "name")

    async def ask_late() -> None:
        with pytest.raises(StoreDown, match="closed"):
            await asked[0].take(store_all, "late")

    with asyncio.Runner() as runner:
        runner.run(open_only())
        for task in asyncio.all_tasks(runner.get_loop()):
            task.cancel()
        runner.run(ask_late())


async def test_a_second_connection_lets_go_of_no_lock_of_the_first(path: Path) -> None:
    """A process that closes a file loses what it has locked there; others could take the log away then."""
    store = SqliteStore(path)
    await store.read(names)
    assert os.getpid() in holders(path, "POSIX")
    await store.take(store_all, "name")  # opens another connection

    assert os.getpid() in holders(path, "POSIX")
    await store.close()


async def test_turns_of_the_loop_go_on_between_many_items(store: Store) -> None:
    turns = 0

    def slowly(tx: sa.Connection, items: list[int]) -> Sequence[int]:
        time.sleep(0.001 * len(items))
        return [turns] * len(items)

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    seen = await asyncio.gather(*(store.take(slowly, number) for number in range(100)))
    counting.cancel()

    assert len(set(seen)) >= 100 // sqlite_writer.TAKEN_AT_ONCE
