"""Connections to the file of SQLite: for one that writes, for those that read."""

import os
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from switchhook.store.call_rows import KNOWN_CALLS
from switchhook.store.known_calls import KnownCalls
from switchhook.store.many import DRIVER
from switchhook.store.write_ahead import log_ahead

BUSY_SECONDS = 5.0
# Nobody tells how many pages the log has. With the tables there are, this is not off by more than a half.
PAGES_A_COMMIT, ROWS_A_PAGE = 12, 2

# The driver looks for an adapter of whatever is neither number nor text, and to find none takes it as long as
# to write a row. These two give back what they are given.
sqlite3.register_adapter(bytes, bytes)
sqlite3.register_adapter(type(None), {}.get)  # type: ignore[arg-type]

PRAGMAS = (
    # NORMAL may lose what was acknowledged when the power goes, and a peer does not tell it again.
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA temp_store = MEMORY",
    # Whoever writes much asks for it, where it may take its time (`Writing.shorten_log`); this is for others.
    "PRAGMA wal_autocheckpoint = 16000",
    # In KiB: the leaves that new calls go to, of a dozen indexes.
    "PRAGMA cache_size = -16384",
    "PRAGMA journal_size_limit = 67108864",
)


def open_engine(path: Path, *, is_writer: bool, busy_seconds: float = BUSY_SECONDS) -> sa.Engine:
    """Make an engine for one thread. A writer's transactions own the file from their first statement on."""

    def connect() -> sqlite3.Connection:
        if is_writer:
            make_private(path)
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


def make_private(path: Path) -> None:
    """See that there is a file, for nobody else on this machine: it has numbers and names of people.

    One that is there is not opened: whoever closes a file lets go of all that his process has locked in it,
    for SQLite as well (https://sqlite.org/howtocorrupt.html, 2.2). Other files take the mode over.
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


class Writing(sqlite3.Connection):
    """A connection that writes, and knows the calls that it wrote: see `known_calls.py`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.known_calls = KnownCalls()
        self.pages_ahead = 0  # in the log and not yet in the file, about
        self._rows_before = 0
        self._wait_seconds: float | None = None

    def wait_at_most(self, seconds: float) -> None:
        """Say how long to wait for others who hold the file, from now on."""
        if seconds != self._wait_seconds:
            self.execute(f"PRAGMA busy_timeout = {round(seconds * 1000)}")
            self._wait_seconds = seconds

    def begin(self) -> None:
        """Take the file; nobody else writes until the end of the transaction."""
        self.execute("BEGIN IMMEDIATE")
        (version,) = self.execute("PRAGMA data_version").fetchone()
        self.known_calls.begun(version)

    def commit(self) -> None:
        super().commit()
        self.known_calls.committed()
        self.pages_ahead += PAGES_A_COMMIT + (self.total_changes - self._rows_before) // ROWS_A_PAGE
        self._rows_before = self.total_changes

    def rollback(self) -> None:
        self.known_calls.undone()
        super().rollback()

    def shorten_log(self) -> None:
        """Copy the log into the file, as far as nobody reads what was before, so that it is begun anew.

        It takes some 30 ms, and no transaction may be open.
        """
        self.pages_ahead = 0
        self.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()


def drop(connection: sa.Connection | None) -> None:
    if connection is not None:
        connection.invalidate()
        connection.close()
