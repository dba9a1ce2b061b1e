"""How a file of SQLite gets its write-ahead log, although two processes may find it new at once."""

import sqlite3
import time

LOOK_AGAIN_SECONDS = 0.01


def log_ahead(connection: sqlite3.Connection, *, busy_seconds: float) -> None:
    """Switch the log on, for all who open the file from then on.

    Whoever does it needs the file alone, and SQLite does not wait for that: while another process is at it,
    it fails at once, whatever `timeout` says (https://sqlite.org/c3ref/busy_handler.html, on deadlocks).

    Raises: sqlite3.OperationalError: the file is held for longer than `busy_seconds`, or is none of SQLite's.
    """
    until = time.monotonic() + busy_seconds
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            is_held = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not is_held or time.monotonic() >= until:
                raise
            time.sleep(LOOK_AGAIN_SECONDS)
        else:
            return
