"""Up to when everything is written: what reads changes in the order of their times stops there.

A change is dated before its transaction ends. So one that is dated earlier may appear after one
that is dated later, while writers work side by side or their clocks differ.
"""

from collections.abc import Mapping

import sqlalchemy as sa

# Milliseconds. One host has one clock and SQLite one writer: only what has the same millisecond is
# waited for. Nodes on one PostgreSQL may differ by nearly as much as is said here.
LAGS: Mapping[str, int] = {"sqlite": 100, "postgresql": 1000}

_NOW = {
    "sqlite": "SELECT CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)",
    # A writer that takes long holds back what came after its beginning.
    "postgresql": """
        SELECT CAST(EXTRACT(EPOCH FROM least(clock_timestamp(), min(xact_start))) * 1000 AS BIGINT)
        FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = current_setting('application_name')
            AND backend_xid IS NOT NULL
    """,
}


def settled_ms(tx: sa.Connection) -> int:
    """Give the moment before which no account's calls will be dated any more, by the database's clock.

    Holds as long as no clock is set back and the nodes' clocks are within a second of the database's.
    """
    dialect = tx.dialect.name
    now_ms: int = tx.exec_driver_sql(_NOW[dialect]).scalar_one()
    return now_ms - LAGS[dialect]
