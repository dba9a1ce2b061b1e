"""What every room may ask of the store, and opening one on either engine."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Concatenate, Literal, ParamSpec, Protocol, TypeVar

import sqlalchemy as sa

from switchhook.store import sqlite, sqlite_file
from switchhook.store.failures import down
from switchhook.store.schema import bring_up_to_date

P = ParamSpec("P")
T = TypeVar("T")
A = TypeVar("A")
R = TypeVar("R")

MIGRATION_SECONDS = 60.0


class Store(Protocol):
    """Runs verbs: plain functions over a connection inside a transaction.

    Raises of every method, beside what the verb raises:
        StoreDown: nothing was stored or read; trying later may help.
    """

    dialect: Literal["sqlite", "postgresql"]

    async def write(
        self, verb: Callable[Concatenate[sa.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a verb and return after the commit. It may run again, alone, when another's failed."""
        ...

    def take(
        self,
        verb: Callable[[sa.Connection, list[A]], Sequence[R | Exception]],
        item: A,
        *,
        is_last: bool = False,
    ) -> Awaitable[R]:
        """Hand one item to a batch verb, at once; what is given back is done after the commit.

        All waiting items of the same verb come to it in one call, in the order of the callers. It
        gives one value per item; an exception in its place is raised to that caller only, and the
        verb has then written nothing for the item. One that `is_last` is done after all others that
        are committed with it, and sees what they wrote.
        """
        ...

    async def read(
        self, verb: Callable[Concatenate[sa.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a verb that only reads, beside the writers."""
        ...

    async def glance(
        self, verb: Callable[Concatenate[sa.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Read as `read` does, a few rows that an index finds, while a phone rings.

        On SQLite mostly at once, in the event loop.
        """
        ...

    async def close(self) -> None:
        """Finish what was asked and let go of the database."""
        ...


async def open_store(where: str | Path) -> Store:
    """Open a store and bring it up to date: the SQLite file at a path, or a `postgresql://` database.

    Raises:
        Misconfigured: the address cannot be read, or a newer version has changed the tables.
        StoreDown: the database does not answer, or the file cannot be opened.
    """
    if "://" in str(where):
        return await open_postgres(str(where))
    path = Path(where)
    await asyncio.to_thread(prepare_sqlite, path)
    return sqlite.SqliteStore(path)


def prepare_sqlite(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Another process may be doing the same: its migrations are waited for.
    engine = sqlite_file.open_engine(path, is_writer=True, busy_seconds=MIGRATION_SECONDS)
    try:
        with engine.begin() as tx:
            bring_up_to_date(tx)
    except Exception as error:
        closed = down(error)
        if closed is None:
            raise
        raise closed from error
    finally:
        engine.dispose()


async def open_postgres(url: str) -> Store:
    # Half a second of every start, for the few that need it.
    from switchhook.store import postgres

    engine = postgres.open_engine(url, size=1, is_writer=True)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(bring_up_to_date)
    except Exception as error:
        closed = down(error)
        if closed is None:
            raise
        raise closed from error
    finally:
        await engine.dispose()
    return postgres.PostgresStore(url)
