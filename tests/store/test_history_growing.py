"""A history is paged while calls come in: oldest first, nothing is lost and nothing comes twice."""

import asyncio
from datetime import timedelta

from switchhook.core.api import HistoryKind, HistoryQuery
from switchhook.store import Store
from switchhook.store.calls import Cursor, page
from switchhook.store.history import history
from tests.store.kept_calls import ended, keep
from tests.store.times import NOW

FIRST, LATER = 120, 240


async def pour(store: Store, account_id: int) -> None:
    for start in range(FIRST, LATER, 4):
        calls = [
            ended(f"{n:03}", "101", "102", started_at=NOW + timedelta(minutes=15 * n))
            for n in range(start, start + 4)
        ]
        await store.write(keep, account_id, calls)


async def fill(store: Store, account_id: int) -> None:
    calls = [ended(f"{n:03}", "101", "102", started_at=NOW + timedelta(minutes=15 * n)) for n in range(FIRST)]
    await store.write(keep, account_id, calls)


async def test_oldest_first_loses_and_repeats_nothing_while_calls_come_in(
    store: Store, account_id: int
) -> None:
    await fill(store, account_id)
    pouring = asyncio.create_task(pour(store, account_id))
    found: list[tuple[str, str]] = []
    while not pouring.done() or len(found) < 2 * LATER:
        asked = HistoryQuery(kind=HistoryKind.USER, is_newest_first=False, offset=len(found), limit=7)
        rows = (await store.read(history, account_id, asked)).rows
        found += [(row.call.id, row.extension) for row in rows]
    await pouring

    assert found == [(f"{n:03}", extension) for n in range(LATER) for extension in ("101", "102")]


async def test_a_list_by_cursor_holds_still_while_calls_come_in(store: Store, account_id: int) -> None:
    await fill(store, account_id)
    pouring = asyncio.create_task(pour(store, account_id))
    first = await store.read(page, account_id, limit=7)
    found, after = list(first.calls), first.following
    while after is not None:
        following = await store.read(page, account_id, after=after, limit=7)
        found += following.calls
        after = following.following
    await pouring

    newest = int(found[0].id)
    assert [call.id for call in found] == [f"{n:03}" for n in range(newest, -1, -1)]
    assert newest >= FIRST - 1
    assert first.following == Cursor(first.following.started_ms, first.calls[-1].id)  # type: ignore[union-attr]
