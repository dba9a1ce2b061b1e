"""The store on PostgreSQL: a few writer connections that commit in groups, and a pool that reads."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Concatenate, Literal, ParamSpec, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from switchhook.core.errors import Misconfigured, StoreDown
from switchhook.store.failures import down, is_transient
from switchhook.store.health import Health
from switchhook.store.jobs import (
    LARGEST_GROUP,
    LONGEST_QUEUE,
    Job,
    fail,
    item_job,
    job_of,
    run_together,
    tell,
)

P = ParamSpec("P")
T = TypeVar("T")
A = TypeVar("A")
R = TypeVar("R")

# While one group waits for its commit the next is already being written.
WRITERS = 2
READERS = 8
CONNECT_SECONDS = 5.0
# A server that hangs, or a network that swallows, is found out by this.
STATEMENT_SECONDS = 30.0
LOCK_SECONDS = 5
# A process that stands still within a transaction would keep its rows to itself until it goes on. After so
# long it has lost its links, too (the lease of flow/links.py), and whoever takes them over waits no longer.
# Our own pauses between two statements are of milliseconds.
IDLE_SECONDS = 3
# Serialization failures and deadlocks among writers, ours or another node's.
ATTEMPTS = 5


def read_url(url: str) -> sa.URL:
    """Read a `postgresql://` address as other programs take it, for our driver.

    Raises: Misconfigured.
    """
    try:
        read = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        read = None
    if read is None or read.get_backend_name() not in {"postgresql", "postgres"}:
        # Not the address itself: there may be a password in it.
        raise Misconfigured("expected a postgresql:// address of the database")
    query = dict(read.query)
    # libpq's word for it; the driver has its own.
    mode = query.pop("sslmode", None)
    return read.set(drivername="postgresql+asyncpg", query=query if mode is None else {**query, "ssl": mode})


def open_engine(url: str, *, size: int, is_writer: bool, idle_seconds: int | None = None) -> AsyncEngine:
    """Make connections as they are needed; the server ends one that is idle in a transaction for so long."""
    idle = {} if idle_seconds is None else {"idle_in_transaction_session_timeout": f"{idle_seconds}s"}
    return create_async_engine(
        read_url(url),
        pool_size=size,
        max_overflow=0,
        pool_timeout=CONNECT_SECONDS,
        # A restart of the server in between must not cost a write its answer; a read is simply repeated.
        pool_pre_ping=is_writer,
        # Each statement sees a state of its own anyway, so a read saves the two trips around it.
        isolation_level="READ COMMITTED" if is_writer else "AUTOCOMMIT",
        hide_parameters=True,
        connect_args={
            "timeout": CONNECT_SECONDS,
            "command_timeout": STATEMENT_SECONDS,
            "prepared_statement_cache_size": 500,
            "server_settings": {
                "application_name": "switchhook",
                "timezone": "UTC",
                "jit": "off",
                "lock_timeout": f"{LOCK_SECONDS}s",
                "default_transaction_read_only": "off" if is_writer else "on",
                **idle,
            },
        },
    )


class PostgresStore:
    """One database, any number of nodes. Made in the event loop that will call it."""

    dialect: Literal["sqlite", "postgresql"] = "postgresql"

    def __init__(self, url: str, *, writers: int = WRITERS, readers: int = READERS) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: asyncio.Queue[Job | None] = asyncio.Queue()
        self._health = Health()
        self._is_closed = False
        self._reading: set[asyncio.Future[None]] = set()
        self._read_engine = open_engine(url, size=readers, is_writer=False)
        self._write_engine = open_engine(url, size=writers, is_writer=True, idle_seconds=IDLE_SECONDS)
        self._writers = [
            asyncio.create_task(self._write_all(), name=f"store-writer-{number}") for number in range(writers)
        ]

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
        ended: asyncio.Future[None] = self._loop.create_future()
        self._reading.add(ended)
        try:
            try:
                return await self._read(verb, *args, **kwargs)
            except sa.exc.DBAPIError as error:
                # The pool kept a connection over a restart of the server; now it has thrown them away.
                if not error.connection_invalidated:
                    raise
                return await self._read(verb, *args, **kwargs)
        except Exception as error:
            closed = down(error)
            if closed is None:
                raise
            raise closed from error
        finally:
            self._reading.discard(ended)
            ended.set_result(None)

    async def glance(
        self, verb: Callable[Concatenate[sa.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return await self.read(verb, *args, **kwargs)

    async def close(self) -> None:
        """Finish what was asked, then let go of the database; later calls get StoreDown."""
        if not self._is_closed:
            self._is_closed = True
            for _ in self._writers:
                self._waiting.put_nowait(None)
        await asyncio.gather(*self._writers, *self._reading)
        await self._write_engine.dispose()
        await self._read_engine.dispose()

    def _queue(self, job: Job) -> "asyncio.Future[object]":
        if self._is_closed:
            raise StoreDown("the store is closed")
        if self._waiting.qsize() >= LONGEST_QUEUE:
            raise StoreDown(f"{self._waiting.qsize()} writes are waiting already")
        self._waiting.put_nowait(job)
        return job.future

    async def _read(
        self, verb: Callable[Concatenate[sa.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        async with self._read_engine.connect() as connection:
            return await connection.run_sync(verb, *args, **kwargs)

    async def _write_all(self) -> None:
        while (job := await self._waiting.get()) is not None:
            group = [job]
            # The ends asked for stand behind all jobs, one for each writer.
            while len(group) < LARGEST_GROUP and not self._waiting.empty():
                following = self._waiting.get_nowait()
                if following is None:
                    self._waiting.put_nowait(None)
                    break
                group.append(following)
            await self._write_group(group)
            tell(group)

    async def _write_group(self, jobs: Sequence[Job]) -> None:
        """Commit all the jobs together, or each alone when one of them fails."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                async with self._write_engine.connect() as connection:
                    await connection.run_sync(transact, jobs)
            except Exception as error:  # noqa: BLE001 - told to the callers
                if is_transient(error) and attempt < ATTEMPTS:
                    continue
                closed = down(error)
                if closed is not None:
                    self._health.note_down(closed)
                    fail(jobs, closed)
                elif len(jobs) == 1:
                    jobs[0].error = error
                else:
                    for job in jobs:
                        await self._write_group([job])
            else:
                self._health.note_up()
            return


def transact(connection: sa.Connection, jobs: Sequence[Job]) -> None:
    with connection.begin():
        run_together(connection, jobs)
