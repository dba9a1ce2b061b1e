"""What has changed is read on from a cursor: nothing is left out, nothing comes twice."""

import asyncio
from datetime import timedelta

from switchhook.store import Store, open_store, postgres
from switchhook.store.accounts import ensure_account
from switchhook.store.calls import CallFilter, ChangeCursor, ChangesPage, changes_page
from switchhook.store.settled import LAGS, settled_ms
from switchhook.store.times import to_millis
from tests.store.kept_calls import ended, keep
from tests.store.times import NOW

NOW_MS = to_millis(NOW)


async def changed(store: Store, account_id: int, *, at_ms: int, calls: str, extension: str = "101") -> None:
    made = [ended(row, extension, started_at=NOW - timedelta(minutes=ord(row))) for row in calls]
    await store.write(keep, account_id, made, now_ms=at_ms)


def ids(page: ChangesPage) -> str:
    return "".join(call.id for call in page.calls)


async def test_reads_in_the_order_of_the_changes(store: Store, account_id: int) -> None:
    await changed(store, account_id, at_ms=NOW_MS, calls="dab")
    await changed(store, account_id, at_ms=NOW_MS + 1, calls="ec")

    first = await store.read(changes_page, account_id, limit=2)
    second = await store.read(changes_page, account_id, None, first.following, 2)
    last = await store.read(changes_page, account_id, None, second.following, 2)
    assert [ids(first), ids(second), ids(last)] == ["ab", "dc", "e"]
    assert [first.has_more, second.has_more, last.has_more] == [True, True, False]
    assert last.following == ChangeCursor(NOW_MS + 1, "e")


async def test_goes_on_later_from_where_it_ended(store: Store, account_id: int) -> None:
    nothing = await store.read(changes_page, account_id)
    await changed(store, account_id, at_ms=NOW_MS, calls="ab")
    first = await store.read(changes_page, account_id, None, nothing.following)
    still = await store.read(changes_page, account_id, None, first.following)
    await changed(store, account_id, at_ms=NOW_MS + 5, calls="a", extension="102")
    later = await store.read(changes_page, account_id, None, still.following)

    assert nothing == ChangesPage((), None, has_more=False)
    assert still == ChangesPage((), first.following, has_more=False)
    assert [call.rung for call in later.calls] == [("102",)]


async def test_begins_at_a_moment(store: Store, account_id: int) -> None:
    for n, row in enumerate("abc"):
        await changed(store, account_id, at_ms=NOW_MS + n, calls=row)

    assert ids(await store.read(changes_page, account_id, None, ChangeCursor(NOW_MS + 1))) == "bc"


async def test_changes_are_filtered(store: Store, account_id: int) -> None:
    await changed(store, account_id, at_ms=NOW_MS, calls="ab")
    await changed(store, account_id, at_ms=NOW_MS + 1, calls="c", extension="102")

    assert ids(await store.read(changes_page, account_id, CallFilter(employee="102"))) == "c"
    assert ids(await store.read(changes_page, account_id, CallFilter(until=NOW))) == "abc"


async def test_a_change_is_given_once_it_has_settled(store: Store, account_id: int) -> None:
    """Another of the same moment may yet come, and be before it by its id."""
    now_ms = await store.read(settled_ms) + LAGS[store.dialect]
    await changed(store, account_id, at_ms=now_ms, calls="b")
    at_once = await store.read(changes_page, account_id)
    await changed(store, account_id, at_ms=now_ms, calls="a")
    await asyncio.sleep(LAGS[store.dialect] / 1000 + 0.05)

    assert ids(at_once) == ""
    assert ids(await store.read(changes_page, account_id)) == "ab"


async def test_a_slow_writer_holds_back_what_came_after_it(postgres_url: str) -> None:
    store = await open_store(postgres_url)
    account_id = (await store.write(ensure_account, "a slow writer", at=NOW)).id
    engine = postgres.open_engine(postgres_url, size=1, is_writer=True)
    async with engine.connect() as slow, slow.begin():
        now_ms: int = await slow.run_sync(settled_ms) + LAGS["postgresql"]
        await slow.run_sync(keep, account_id, [ended("slow", "101")], now_ms=now_ms)
        await store.write(keep, account_id, [ended("quick", "101")], now_ms=now_ms + 1)
        await asyncio.sleep(LAGS["postgresql"] / 1000 + 0.1)
        before = await store.read(changes_page, account_id)
    await engine.dispose()
    after = await store.read(changes_page, account_id)
    await store.close()

    assert [call.id for call in before.calls] == []
    assert [call.id for call in after.calls] == ["slow", "quick"]
