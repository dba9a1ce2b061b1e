"""The store on SQLite: one writer thread that commits in groups, and a few reader threads.

Only waiting is done in the writer thread: for the file's lock, for the disk, and verbs that callers bring.
The many small statements of `take` run in the event loop while the writer holds the transaction open: two
threads that hand the interpreter to and fro at every statement cost twice the processor time. So does a
`glance`, while the disk is quick: to hand it to a thread and back costs four times what it does.
"""

import asyncio
import os
import sqlite3
import threading
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar, cast

import sqlalchemy as sa
import structlog

from switchhook.core.errors import StoreDown
from switchhook.store.call_rows import KNOWN_CALLS
from switchhook.store.failures import down
from switchhook.store.health import Health
from switchhook.store.jobs import (
    LARGEST_GROUP,
    LONGEST_QUEUE,
    Job,
    fail,
    item_job,
    items_among,
    job_of,
    run_items,
    run_together,
    run_verbs,
    tell,
)
from switchhook.store.known_calls import KnownCalls
from switchhook.store.many import DRIVER
from switchhook.store.write_ahead import log_ahead

P = ParamSpec("P")
T = TypeVar("T")
A = TypeVar("A")
R = TypeVar("R")

log = structlog.get_logger()

BUSY_SECONDS = 5.0
# Items taken in one turn of the event loop: some three milliseconds, for somebody else may be waiting.
TAKEN_AT_ONCE = 16
READERS = 4
# A glance that took longer had to wait for the disk; for some time threads do that then.
SLOW_GLANCE_SECONDS, SLOW_DISK_SECONDS = 0.05, 1.0

# The driver looks for an adapter of whatever is neither number nor text, and to find none takes it as long as
# to write a row. These two give back what they are given.
sqlite3.register_adapter(bytes, bytes)
sqlite3.register_adapter(type(None), {}.get)  # type: ignore[arg-type]

PRAGMAS = (
    # NORMAL may lose what was acknowledged when the power goes, and a peer does not tell it again.
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA temp_store = MEMORY",
    # What is written often is copied into the file once in 16 MB of log, not in 4; a checkpoint takes longer.
    "PRAGMA wal_autocheckpoint = 4000",
    # In KiB: the leaves that new calls go to, of a dozen indexes.
    "PRAGMA cache_size = -16384",
    "PRAGMA journal_size_limit = 67108864",
)


def open_engine(path: Path, *, is_writer: bool, busy_seconds: float = BUSY_SECONDS) -> sa.Engine:
    """Make an engine for one thread. A writer's transactions own the file from their first statement on."""

    def connect() -> sqlite3.Connection:
        if is_writer:
            # Numbers and names of people: for nobody else on this machine. Other files take the mode over.
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        # Without an isolation level the driver starts no transactions of its own.
        made = sqlite3.connect(
            path,
            timeout=busy_seconds,
            isolation_level=None,
            check_same_thread=False,
            factory=Writing if is_writer else sqlite3.Connection,
        )
        try:
            log_ahead(made, busy_seconds=busy_seconds)
            for pragma in PRAGMAS:
                made.execute(pragma)
            if not is_writer:
                made.execute("PRAGMA query_only = ON")
        except BaseException:
            made.close()
            raise
        return made

    engine = sa.create_engine("sqlite://", creator=connect, poolclass=sa.pool.NullPool, hide_parameters=True)

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        driver: Any = connection.connection.dbapi_connection
        connection.info[DRIVER] = driver
        if isinstance(driver, Writing):
            driver.begin()
            connection.info[KNOWN_CALLS] = driver.known_calls
        else:
            driver.execute("BEGIN")

    return engine


class Writing(sqlite3.Connection):
    """A connection that writes, and knows the calls that it wrote: see `known_calls.py`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.known_calls = KnownCalls()

    def begin(self) -> None:
        """Take the file; nobody else writes until the end of the transaction."""
        self.execute("BEGIN IMMEDIATE")
        (version,) = self.execute("PRAGMA data_version").fetchone()
        self.known_calls.begun(version)

    def commit(self) -> None:
        super().commit()
        self.known_calls.committed()

    def rollback(self) -> None:
        self.known_calls.undone()
        super().rollback()


class SqliteStore:
    """One file, any number of processes; this process has one connection that writes.

    Made in the event loop that will call it.
    """

    dialect: Literal["sqlite", "postgresql"] = "sqlite"

    def __init__(self, path: Path, *, readers: int = READERS, busy_seconds: float = BUSY_SECONDS) -> None:
        self._loop = asyncio.get_running_loop()
        self._writes: SimpleQueue[list[Job] | None] = SimpleQueue()
        self._reads: SimpleQueue[Job | None] = SimpleQueue()
        self._gathered: list[Job] = []  # in this turn of the loop, for the writer
        self._untold = 0
        self._health = Health()
        self._is_closed = False
        self._write_engine = open_engine(path, is_writer=True, busy_seconds=busy_seconds)
        self._read_engine = open_engine(path, is_writer=False, busy_seconds=busy_seconds)
        self._glances = Glances(path)
        self._threads = [
            threading.Thread(target=self._write_all, name="store-writer", daemon=True),
            *(
                threading.Thread(target=self._read_all, name=f"store-reader-{number}", daemon=True)
                for number in range(readers)
            ),
        ]
        for thread in self._threads:
            thread.start()

    async def write(
        self, verb: Callable[Concatenate[sa.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return cast(T, await self._queue(job_of(self._loop.create_future(), verb, *args, **kwargs)))

    def take(
        self,
        verb: Callable[[sa.Connection, list[A]], Sequence[R | Exception]],
        item: A,
        *,
        is_last: bool = False,
    ) -> Awaitable[R]:
        job = item_job(self._loop.create_future(), verb, item, is_last=is_last)
        return cast(Awaitable[R], self._queue(job))

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
            self._hand_over()
            self._writes.put(None)
            for _ in self._threads[1:]:
                self._reads.put(None)
        for thread in self._threads:
            await asyncio.to_thread(thread.join)
        # What the threads told last has been called by now.
        await asyncio.sleep(0)

    def _queue(self, job: Job) -> "asyncio.Future[object]":
        if self._is_closed:
            raise StoreDown("the store is closed")
        if self._untold >= LONGEST_QUEUE:
            raise StoreDown(f"{self._untold} writes are waiting already")
        self._untold += 1
        # One wake-up of the writer for everything that this turn of the loop brings.
        if not self._gathered:
            self._loop.call_soon(self._hand_over)
        self._gathered.append(job)
        return job.future

    def _hand_over(self) -> None:
        if self._gathered:
            self._writes.put(self._gathered)
            self._gathered = []

    def _tell_writers(self, jobs: Sequence[Job]) -> None:
        self._untold -= len(jobs)
        tell(jobs)

    def _report(self, how: Callable[[Sequence[Job]], None], jobs: Sequence[Job]) -> None:
        try:
            self._loop.call_soon_threadsafe(how, jobs)
        except RuntimeError:
            log.warning("the event loop ended before the store", answers_lost=len(jobs))

    # In the writer's thread.

    def _write_all(self) -> None:
        connection: sa.Connection | None = None
        is_last = False
        while not is_last:
            jobs, is_last = self._gather()
            for start in range(0, len(jobs), LARGEST_GROUP):
                group = jobs[start : start + LARGEST_GROUP]
                connection = self._write_group(connection, group)
                self._report(self._tell_writers, group)
        if connection is not None:
            connection.close()
        self._write_engine.dispose()

    def _gather(self) -> tuple[list[Job], bool]:
        """Wait for something to do and take all there is; tell whether the end was asked for."""
        jobs: list[Job] = []
        handed = self._writes.get()
        while handed is not None:
            jobs += handed
            try:
                handed = self._writes.get_nowait()
            except Empty:
                return jobs, False
        return jobs, True

    def _write_group(self, connection: sa.Connection | None, jobs: Sequence[Job]) -> sa.Connection | None:
        """Commit all the jobs together, or each alone when one of them fails.

        Give the connection to go on with, or None after it has become doubtful.
        """
        try:
            connection = connection or self._write_engine.connect()
            with connection.begin():
                run_verbs(connection, jobs)
                items = items_among(jobs)
                for start in range(0, len(items), TAKEN_AT_ONCE):
                    self._in_loop(partial(run_items, connection, items[start : start + TAKEN_AT_ONCE]))
        except Exception as error:  # noqa: BLE001 - told to the callers
            closed = down(error)
            if closed is not None:
                self._health.note_down(closed)
                fail(jobs, closed)
                drop(connection)
                return None
            if len(jobs) == 1:
                jobs[0].error = error
                return connection
            for job in jobs:
                connection = self._write_group(connection, [job])
            return connection
        self._health.note_up()
        return connection

    def _in_loop(self, work: Callable[[], None]) -> None:
        """Have the event loop do something while this thread waits. Raises what that raised."""
        done: SimpleQueue[Exception | None] = SimpleQueue()

        def run() -> None:
            failed: Exception | None = StoreDown("the event loop was interrupted")
            try:
                work()
                failed = None
            except Exception as error:  # noqa: BLE001 - raised in the writer's thread
                failed = error
            finally:
                done.put(failed)

        self._loop.call_soon_threadsafe(run)
        error = done.get()
        if error is not None:
            raise error

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
            self._report(tell, [job])
        if connection is not None:
            connection.close()
        self._read_engine.dispose()


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


def drop(connection: sa.Connection | None) -> None:
    if connection is not None:
        connection.invalidate()
        connection.close()
