"""The one that writes to the file of SQLite: what waits is committed together.

While the disk is quick, a group of items is written and committed in the event loop: to hand it to a thread
and back costs more processor time than the disk does. What may take long is done aside, in a thread of the
writer's own: waiting for the file's lock and for a slow disk, verbs that callers bring, and copying the log
into the file.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import sqlalchemy as sa
import structlog

from switchhook.core.errors import StoreDown
from switchhook.store.failures import down
from switchhook.store.health import Health
from switchhook.store.jobs import (
    LARGEST_GROUP,
    LONGEST_QUEUE,
    Job,
    fail,
    items_among,
    run_items,
    run_verbs,
    tell,
)
from switchhook.store.sqlite_file import Writing, drop, open_engine

P = ParamSpec("P")
T = TypeVar("T")

log = structlog.get_logger()

# While each turn of the loop brings more, so many are waited for: what comes together is committed together.
MOST_TURNS = 3
# Items taken in one turn: one to five milliseconds, for somebody else may be waiting.
TAKEN_AT_ONCE = 48
# The pages of more items take too long to write.
MOST_IN_LOOP = 64
# After a commit that took longer, the thread waits for the disk for some time.
SLOW_COMMIT_SECONDS, SLOW_DISK_SECONDS = 0.005, 1.0
# So many are copied into the file at once, 16 MB of them: what is written often is copied once in so many.
LONGEST_LOG_PAGES = 4000


class Writer:
    """One connection, and those who wait for it. Made in the event loop that will call it."""

    def __init__(self, path: Path, *, busy_seconds: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._engine = open_engine(path, is_writer=True)
        self._busy_seconds = busy_seconds
        self._connection: sa.Connection | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store-writer")
        self._health = Health()
        self._waiting: list[Job] = []
        self._untold = 0
        self._idle: asyncio.Future[None] | None = None  # done as soon as there is something to do
        self._is_closed = False
        self._disk_is_slow_until = 0.0  # by the monotonic clock
        self._task = self._loop.create_task(self._write_all(), name="store-writer")

    def queue(self, job: Job) -> "asyncio.Future[object]":
        """Have a job done together with all that wait; its future is told after the commit.

        Raises:
            StoreDown: too many are waiting, or the store is closed.
        """
        if self._is_closed:
            raise StoreDown("the store is closed")
        if self._untold >= LONGEST_QUEUE:
            raise StoreDown(f"{self._untold} writes are waiting already")
        self._untold += 1
        self._waiting.append(job)
        self._wake()
        return job.future

    async def close(self) -> None:
        """Finish what was asked, then let go of the file."""
        self._is_closed = True
        self._wake()
        await asyncio.wait([self._task])

    def _wake(self) -> None:
        if self._idle is not None and not self._idle.done():
            self._idle.set_result(None)

    async def _write_all(self) -> None:
        try:
            while self._waiting or not self._is_closed:
                if self._waiting:
                    await self._write_waiting()
                else:
                    self._idle = self._loop.create_future()
                    await self._idle
        finally:
            # Cancelled, when the loop ends before the store is closed: nobody is left waiting.
            self._is_closed = True
            fail(self._waiting, StoreDown("the store is closed"))
            tell(self._waiting)
            await self._aside(self._let_go)
            self._thread.shutdown()

    async def _write_waiting(self) -> None:
        seen = 0
        for _ in range(MOST_TURNS):
            if len(self._waiting) == seen:
                break
            seen = len(self._waiting)
            await asyncio.sleep(0)
        jobs, self._waiting = self._waiting, []
        for start in range(0, len(jobs), LARGEST_GROUP):
            group = jobs[start : start + LARGEST_GROUP]
            await self._write_group(group)
            self._untold -= len(group)
            tell(group)
            await self._shorten_log()

    async def _shorten_log(self) -> None:
        if self._connection is None or driver_of(self._connection).pages_ahead < LONGEST_LOG_PAGES:
            return
        try:
            await self._aside(driver_of(self._connection).shorten_log)
        except sqlite3.Error as error:
            # Nothing is lost by it, and writing says what is wrong.
            log.warning("the log of the store could not be shortened", reason=str(error))

    async def _write_group(self, jobs: Sequence[Job]) -> None:
        """Commit all the jobs together, or each alone when one of them fails."""
        try:
            await self._write_together(jobs)
        except Exception as error:  # noqa: BLE001 - told to the callers
            closed = down(error)
            if closed is not None:
                self._health.note_down(closed)
                fail(jobs, closed)
                await self._aside(self._drop)
            elif len(jobs) == 1:
                jobs[0].error = error
            else:
                for job in jobs:
                    await self._write_group([job])
        else:
            self._health.note_up()

    async def _write_together(self, jobs: Sequence[Job]) -> None:
        items = items_among(jobs)
        has_verbs = len(items) < len(jobs)
        is_quick = (
            not has_verbs and len(items) <= MOST_IN_LOOP and time.monotonic() >= self._disk_is_slow_until
        )
        transaction = await self._begun(is_quick=is_quick)
        try:
            if has_verbs:
                await self._aside(run_verbs, transaction.connection, jobs)
            for start in range(0, len(items), TAKEN_AT_ONCE):
                if start:
                    await asyncio.sleep(0)
                run_items(transaction.connection, items[start : start + TAKEN_AT_ONCE])
            if is_quick:
                self._commit(transaction)
            else:
                await self._aside(self._commit, transaction)
        except BaseException:
            await self._aside(transaction.rollback)
            raise

    async def _begun(self, *, is_quick: bool) -> sa.RootTransaction:
        """Give a transaction that holds the file."""
        if is_quick and self._connection is not None:
            try:
                return self._begin(0)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    raise
        return await self._aside(self._begin, self._busy_seconds)

    async def _aside(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do in the thread what may take its time."""
        return await self._loop.run_in_executor(self._thread, lambda: work(*args, **kwargs))

    # In the loop or in the thread, never in both at a time.

    def _begin(self, wait_seconds: float) -> sa.RootTransaction:
        self._connection = self._connection or self._engine.connect()
        driver_of(self._connection).wait_at_most(wait_seconds)
        return self._connection.begin()

    def _commit(self, transaction: sa.RootTransaction) -> None:
        begun = time.monotonic()
        transaction.commit()
        ended = time.monotonic()
        if ended - begun > SLOW_COMMIT_SECONDS:
            self._disk_is_slow_until = ended + SLOW_DISK_SECONDS

    def _drop(self) -> None:
        drop(self._connection)
        self._connection = None

    def _let_go(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._engine.dispose()


def driver_of(connection: sa.Connection) -> Writing:
    driver: Any = connection.connection.dbapi_connection
    assert isinstance(driver, Writing)
    return driver
