"""The store on SQLite: one writer that commits in groups, and a few reader threads.

What a ringing phone waits for is read in the event loop, while the disk is quick: to hand it to a thread
and back costs four times what it does.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import Concatenate, Literal, ParamSpec, TypeVar, cast

import sqlalchemy as sa
import structlog

from switchhook.core.errors import StoreDown
from switchhook.store.failures import down
from switchhook.store.jobs import Job, item_job, job_of, run_together, tell
from switchhook.store.sqlite_file import BUSY_SECONDS, drop, open_engine
from switchhook.store.sqlite_writer import Writer

P = ParamSpec("P")
T = TypeVar("T")
A = TypeVar("A")
R = TypeVar("R")

log = structlog.get_logger()

READERS = 4
# A glance that took longer had to wait for the disk; for some time threads do that then.
SLOW_GLANCE_SECONDS, SLOW_DISK_SECONDS = 0.05, 1.0


class SqliteStore:
    """One file, any number of processes; this process has one connection that writes.

    Made in the event loop that will call it.
    """

    dialect: Literal["sqlite", "postgresql"] = "sqlite"

    def __init__(self, path: Path, *, readers: int = READERS, busy_seconds: float = BUSY_SECONDS) -> None:
        self._loop = asyncio.get_running_loop()
        self._reads: SimpleQueue[Job | None] = SimpleQueue()
        self._is_closed = False
        self._writer = Writer(path, busy_seconds=busy_seconds)
        self._read_engine = open_engine(path, is_writer=False, busy_seconds=busy_seconds)
        self._glances = Glances(path)
        self._threads = [
            threading.Thread(target=self._read_all, name=f"store-reader-{number}", daemon=True)
            for number in range(readers)
        ]
        for thread in self._threads:
            thread.start()

    async def write(
        self, verb: Callable[Concatenate[sa.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return cast(T, await self._writer.queue(job_of(self._loop.create_future(), verb, *args, **kwargs)))

    def take(
        self,
        verb: Callable[[sa.Connection, list[A]], Sequence[R | Exception]],
        item: A,
        *,
        is_last: bool = False,
    ) -> Awaitable[R]:
        job = item_job(self._loop.create_future(), verb, item, is_last=is_last)
        return cast(Awaitable[R], self._writer.queue(job))

    async def read(
        self, verb: Callable[Concatenate[sa.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        if self._is_closed:
            raise StoreDown("the store is closed")
        job = job_of(self._loop.create_future(), verb, *args, **kwargs)
        self._reads.put(job)
        return cast(T, await job.future)

    async def glance(
        self, verb: Callable[Concatenate[sa.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        if not self._is_closed and self._loop.time() >= self._glances.paused_until:
            try:
                return self._glances.run(lambda tx: verb(tx, *args, **kwargs), self._loop.time)
            except StoreDown:
                pass  # a thread may wait for the file, and knows what to say
        return await self.read(verb, *args, **kwargs)

    async def close(self) -> None:
        """Finish what was asked, then let go of the file; later calls get StoreDown."""
        if not self._is_closed:
            self._is_closed = True
            self._glances.close()
            for _ in self._threads:
                self._reads.put(None)
        await self._writer.close()
        for thread in self._threads:
            await asyncio.to_thread(thread.join)
        # What the threads told last has been called by now.
        await asyncio.sleep(0)

    # In the readers' threads.

    def _read_all(self) -> None:
        connection: sa.Connection | None = None
        while (job := self._reads.get()) is not None:
            if job.future.cancelled():
                continue
            try:
                connection = connection or self._read_engine.connect()
                # A transaction, so that all statements of the verb see one state.
                with connection.begin() as transaction:
                    run_together(connection, [job])
                    transaction.rollback()
            except Exception as error:  # noqa: BLE001 - told to the caller
                job.error = down(error) or error
                if isinstance(job.error, StoreDown):
                    drop(connection)
                    connection = None
            self._report(job)
        if connection is not None:
            connection.close()
        self._read_engine.dispose()

    def _report(self, job: Job) -> None:
        try:
            self._loop.call_soon_threadsafe(tell, [job])
        except RuntimeError:
            log.warning("the event loop ended before the store", answers_lost=1)


class Glances:
    """The connection for short reads in the event loop; it waits for nobody."""

    def __init__(self, path: Path) -> None:
        self._engine = open_engine(path, is_writer=False, busy_seconds=0)
        self._connection: sa.Connection | None = None
        self.paused_until = 0.0  # by the clock that `run` is given

    def run(self, verb: Callable[[sa.Connection], T], clock: Callable[[], float]) -> T:
        """Run a verb now.

        Raises:
            StoreDown: the file cannot be read without waiting.
        """
        begun = clock()
        try:
            connection = self._connection = self._connection or self._engine.connect()
            with connection.begin() as transaction:
                value = verb(connection)
                transaction.rollback()
        except Exception as error:
            closed = down(error)
            if closed is None:
                raise
            self.close()
            raise closed from error
        if clock() - begun > SLOW_GLANCE_SECONDS:
            self.paused_until = clock() + SLOW_DISK_SECONDS
        return value

    def close(self) -> None:
        drop(self._connection)
        self._connection = None
        self._engine.dispose()
