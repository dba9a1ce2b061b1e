"""Which errors of a database mean that the store is down, and which may pass when tried again."""

import sqlite3

import sqlalchemy as sa

from switchhook.core.errors import StoreDown

# Primary result codes: https://www.sqlite.org/rescode.html
SQLITE_DOWN = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_IOERR: "the disk does not read or write",
    sqlite3.SQLITE_BUSY: "another process holds the database",
    sqlite3.SQLITE_LOCKED: "another process holds the database",
    sqlite3.SQLITE_READONLY: "the database may not be written to",
    sqlite3.SQLITE_CANTOPEN: "the database file cannot be opened",
    sqlite3.SQLITE_PERM: "the database file may not be opened",
    sqlite3.SQLITE_CORRUPT: "the database file is damaged",
    sqlite3.SQLITE_NOTADB: "the database file is not a database",
}

# SQLSTATE codes and classes: PostgreSQL manual, appendix A. Longer keys go first.
POSTGRES_DOWN = {
    "53100": "the disk of the database is full",
    "55P03": "another session holds the rows",
    "57014": "the database took too long",
    "25006": "the database may not be written to",
    "25P03": "we stood still in the middle of a write",
    "08": "the database is away",
    "28": "the database refuses our password",
    "3D": "there is no such database",
    "53": "the database has no resources left",
    "57P": "the database is shutting down or starting",
    "58": "the disk of the database does not read or write",
    "XX": "the database is damaged",
}
# Two writers met: serialization failure, deadlock.
POSTGRES_TRANSIENT = frozenset({"40001", "40P01"})


def down(error: Exception) -> StoreDown | None:
    """Say that the store is down if this error means it, else None."""
    if isinstance(error, StoreDown):
        return error
    cause = error.orig if isinstance(error, sa.exc.DBAPIError) else error
    if isinstance(cause, sqlite3.Error):
        # The low byte is the primary code, the rest says which kind of it.
        reason = SQLITE_DOWN.get(getattr(cause, "sqlite_errorcode", 0) & 0xFF)
        return StoreDown(f"{reason} ({cause})") if reason else None
    state = sqlstate(error)
    if state:
        reason = next((why for key, why in POSTGRES_DOWN.items() if state.startswith(key)), None)
        return StoreDown(f"{reason} ({state})") if reason else None
    if isinstance(error, sa.exc.DBAPIError) and error.connection_invalidated:
        return StoreDown("the connection to the database was lost")
    if isinstance(error, OSError | TimeoutError | sa.exc.TimeoutError):
        return StoreDown(f"the database does not answer ({type(error).__name__})")
    return None


def is_transient(error: Exception) -> bool:
    """Tell whether the same transaction may succeed when it is simply run again."""
    return sqlstate(error) in POSTGRES_TRANSIENT


def sqlstate(error: Exception) -> str | None:
    cause = error.orig if isinstance(error, sa.exc.DBAPIError) else error
    state = getattr(cause, "sqlstate", None)
    return state if isinstance(state, str) else None
