"""A new file gets its write-ahead log whoever else is at it: SQLite itself does not wait for that."""

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from threading import Timer

import pytest

from switchhook.store.write_ahead import log_ahead


@pytest.fixture
def held(tmp_path: Path) -> Iterator[tuple[sqlite3.Connection, sqlite3.Connection]]:
    """A connection that has a file alone, and another one that does not wait."""
    with ExitStack() as stack:
        holder, other = (
            stack.enter_context(
                closing(
                    sqlite3.connect(
                        tmp_path / "hub.db", isolation_level=None, timeout=0, check_same_thread=False
                    )
                )
            )
            for _ in range(2)
        )
        holder.execute("BEGIN EXCLUSIVE")
        holder.execute("CREATE TABLE one (two)")
        yield holder, other


def test_waits_for_whoever_has_the_file(held: tuple[sqlite3.Connection, sqlite3.Connection]) -> None:
    holder, other = held
    letting_go = Timer(0.1, holder.commit)
    letting_go.start()
    log_ahead(other, busy_seconds=10)
    letting_go.join()

    assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_does_not_wait_for_ever(held: tuple[sqlite3.Connection, sqlite3.Connection]) -> None:
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        log_ahead(held[1], busy_seconds=0.03)
