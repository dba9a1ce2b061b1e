"""The calls of one connection that are not known to be over."""

import sqlalchemy as sa

from switchhook.core.call import Call
from switchhook.store.call_rows import decode_call
from switchhook.store.tables.calls import IS_OPEN, calls

MOST = 5000


def open_calls_of(
    tx: sa.Connection, account_id: int, connection_id: str, *, limit: int = MOST
) -> tuple[Call, ...]:
    """Give a connection's open calls, oldest first."""
    found = (
        sa.select(calls.c.snapshot)
        .where(IS_OPEN, calls.c.account_id == account_id, calls.c.connection_id == connection_id)
        # By nothing more, or SQLite would walk the index over all calls of the account.
        .order_by(calls.c.started_ms)
        .limit(limit)
    )
    return tuple(decode_call(row.snapshot) for row in tx.execute(found))
