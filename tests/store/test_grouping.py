"""What waits is committed together, and yet each caller has a result of their own."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import sqlalchemy as sa

from switchhook.core.errors import BadMessage, StoreDown
from switchhook.store import Store, open_store
from switchhook.store.hub_settings import get_setting, put, set_setting


@pytest.fixture
def commits() -> Iterator[list[None]]:
    counted: list[None] = []

    def count(_: sa.Connection) -> None:
        counted.append(None)

    sa.event.listen(sa.Engine, "commit", count)
    yield counted
    sa.event.remove(sa.Engine, "commit", count)


def store_name(tx: sa.Connection, name: str) -> str:
    put(tx, name, "stored")
    return name


def store_then_fail(tx: sa.Connection, name: str) -> str:
    put(tx, name, "stored")
    raise BadMessage("poisoned")


def store_then_break(tx: sa.Connection, name: str) -> None:
    put(tx, name, "stored")
    tx.execute(sa.text("INSERT INTO hub_settings (name, value) VALUES (:name, NULL)"), {"name": name})


def stored_names(tx: sa.Connection) -> set[str]:
    return set(tx.execute(sa.text("SELECT name FROM hub_settings WHERE value = 'stored'")).scalars())


async def test_commits_what_waits_in_one_transaction(store: Store, commits: list[None]) -> None:
    names = [f"name {number}" for number in range(50)]

    answers = await asyncio.gather(*(store.write(store_name, name) for name in names))

    assert answers == names
    assert len(commits) == 1


async def test_hands_waiting_items_to_a_batch_verb_together(store: Store, commits: list[None]) -> None:
    calls: list[list[int]] = []

    def double(tx: sa.Connection, items: list[int]) -> Sequence[int]:
        calls.append(items)
        return [item * 2 for item in items]

    answers = await asyncio.gather(*(store.take(double, number) for number in range(50)))

    assert answers == [number * 2 for number in range(50)]
    assert [item for items in calls for item in items] == list(range(50))
    assert max(len(items) for items in calls) >= 16
    assert len(commits) == 1


@pytest.mark.parametrize("poison", [store_then_fail, store_then_break])
async def test_a_poisoned_write_fails_alone(store: Store, poison: object) -> None:
    names = [f"name {number}" for number in range(5)]
    verbs = [store_name, store_name, poison, store_name, store_name]

    answers: list[object] = await asyncio.gather(
        *(store.write(verb, name) for verb, name in zip(verbs, names, strict=True)),  # type: ignore[arg-type]
        return_exceptions=True,
    )

    assert [type(answer) for answer in answers[:2] + answers[3:]] == [str] * 4
    assert isinstance(answers[2], BadMessage | sa.exc.IntegrityError)
    assert await store.read(stored_names) == {"name 0", "name 1", "name 3", "name 4"}


async def test_a_poisoned_item_fails_alone(store: Store) -> None:
    def store_all(tx: sa.Connection, items: list[str]) -> Sequence[str]:
        return [store_then_fail(tx, item) if item == "poison" else store_name(tx, item) for item in items]

    answers = await asyncio.gather(
        *(store.take(store_all, item) for item in ("a", "poison", "b")), return_exceptions=True
    )

    assert [type(answer) for answer in answers] == [str, BadMessage, str]
    assert await store.read(stored_names) == {"a", "b"}


async def test_an_exception_in_the_place_of_an_item_reaches_its_caller_only(
    store: Store, commits: list[None]
) -> None:
    def judge(tx: sa.Connection, items: list[str]) -> Sequence[str | Exception]:
        return [BadMessage("no") if item == "bad" else store_name(tx, item) for item in items]

    answers = await asyncio.gather(
        *(store.take(judge, item) for item in ("a", "bad", "b")), return_exceptions=True
    )

    assert [type(answer) for answer in answers] == [str, BadMessage, str]
    assert len(commits) == 1


async def test_a_caller_that_went_away_disturbs_nobody(store: Store) -> None:
    writing = [asyncio.create_task(store.write(store_name, f"name {number}")) for number in range(3)]
    await asyncio.sleep(0)
    writing[1].cancel()
    answers = await asyncio.gather(*writing, return_exceptions=True)

    assert [type(answer) for answer in answers] == [str, asyncio.CancelledError, str]
    assert "name 2" in await store.read(stored_names)


async def test_reads_see_what_was_acknowledged(store: Store) -> None:
    for number in range(20):
        await store.write(set_setting, "count", str(number))

        assert await store.read(get_setting, "count") == str(number)


async def test_a_read_cannot_write(store: Store) -> None:
    with pytest.raises(StoreDown, match="may not be written"):
        await store.read(store_name, "name")

    assert await store.read(stored_names) == set()


async def test_reads_go_on_beside_a_long_write(tmp_path: Path) -> None:
    store = await open_store(tmp_path / "hub.db")
    has_begun, may_end = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def write_long(tx: sa.Connection) -> str:
        put(tx, "long", "stored")
        loop.call_soon_threadsafe(has_begun.set)
        may_end.wait(60)
        return "done"

    writing = asyncio.create_task(store.write(write_long))
    await has_begun.wait()
    seen_meanwhile = await store.read(stored_names)
    may_end.set()

    assert await writing == "done"
    assert seen_meanwhile == set()
    await store.close()


async def test_finishes_what_was_asked_before_it_closes(where: str) -> None:
    store = await open_store(where)
    writing = [asyncio.create_task(store.write(store_name, f"name {number}")) for number in range(30)]
    await asyncio.sleep(0)
    await store.close()

    assert len(await asyncio.gather(*writing)) == 30


async def test_says_so_when_it_is_closed(where: str) -> None:
    store = await open_store(where)
    await store.close()
    await store.close()

    with pytest.raises(StoreDown, match="closed"):
        await store.write(store_name, "name")
    with pytest.raises(StoreDown, match="closed"):
        await store.take(lambda tx, items: items, 1)
    with pytest.raises(StoreDown, match="closed"):
        await store.read(stored_names)


async def test_an_event_loop_under_heavy_load_still_gets_its_answers(store: Store) -> None:
    is_done = False

    async def burn() -> None:
        while not is_done:
            sum(range(2000))
            await asyncio.sleep(0)

    burning = [asyncio.create_task(burn()) for _ in range(20)]
    answers = await asyncio.gather(*(store.write(store_name, f"name {number}") for number in range(500)))
    is_done = True
    await asyncio.gather(*burning)

    assert len(answers) == 500
