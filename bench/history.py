"""Histories and lists of calls of a big account, read by page as clients read them."""

import time
from collections.abc import Awaitable, Callable

from bench.big_account import Built, built_in_postgres, built_in_sqlite, call_row, start_of
from bench.load import Result
from switchhook.core.api import HistoryKind, HistoryQuery
from switchhook.store.calls import Cursor, page
from switchhook.store.history import history

Figures = dict[str, float]

PAGE = 100
TIMES = 60


async def timed(name: str, read: Callable[[], Awaitable[int]]) -> Figures:
    """Read the same again and again; give the milliseconds that half and nine tenths of them took at most."""
    result = Result()
    for _ in range(TIMES):
        begun = time.perf_counter()
        rows = await read()
        result.waits.append(time.perf_counter() - begun)
        if rows != PAGE:
            raise SystemExit(f"a page had {rows} rows instead of {PAGE}")
    return {
        f"history_{name}_p50_ms": result.percentile(0.5) * 1000,
        f"history_{name}_p90_ms": result.percentile(0.9) * 1000,
    }


async def pages(built: Built) -> Figures:
    """Read the first page, one far down by its cursor, and one by an offset."""
    middle = built.calls // 2
    far = Cursor(start_of(middle), call_row(middle))

    async def rows(offset: int) -> int:
        wanted = HistoryQuery(kind=HistoryKind.USER, offset=offset, limit=PAGE)
        return len((await built.store.read(history, built.account_id, wanted)).rows)

    async def after_cursor() -> int:
        return len((await built.store.read(page, built.account_id, after=far, limit=PAGE)).calls)

    return {
        "history_calls": float(built.calls),
        **await timed("first", lambda: rows(0)),
        **await timed("keyset", after_cursor),
        **await timed("offset", lambda: rows(10_000)),
    }


async def in_sqlite(*, calls: int) -> Figures:
    async with built_in_sqlite(calls) as built:
        return await pages(built)


async def in_postgres(*, calls: int, database_url: str) -> Figures:
    async with built_in_postgres(database_url, calls) as built:
        return await pages(built)
