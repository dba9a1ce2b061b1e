"""The outbox: what is to be told to whom, the lanes that keep it in order, and every attempt.

A lane is all that waits for one destination about one call. Its row exists as long as something
waits, so the table is as small as the queue.
"""

import sqlalchemy as sa

from switchhook.store.tables import BYTEWISE, ID, MILLIS, account_id, identity, metadata

lanes = sa.Table(
    "lanes",
    metadata,
    sa.Column("connection_id", BYTEWISE, primary_key=True),
    sa.Column("lane", BYTEWISE, primary_key=True),
    account_id(is_checked=False),
    sa.Column("due_ms", MILLIS, nullable=False),  # when its head may be tried
    # While the head is being tried; over when whoever tries has died.
    sa.Column("lease_until_ms", MILLIS, nullable=False, server_default="0"),
    # A lease's number. Who comes back with an old one is refused.
    sa.Column("epoch", sa.BigInteger, nullable=False, server_default="0"),
    # The head failed and gives way from then on, should something be waiting behind it.
    sa.Column("yields_ms", MILLIS),
    sa.Index(None, "connection_id", "due_ms"),
    sqlite_with_rowid=False,
)
# Written out rather than bound: a query may use a partial index only if it says the same words.
IS_LEASED = sa.text("lease_until_ms > 0")
sa.Index(
    "ix_lanes_leased",
    lanes.c.connection_id,
    lanes.c.lease_until_ms,
    sqlite_where=IS_LEASED,
    postgresql_where=IS_LEASED,
)

deliveries = sa.Table(
    "deliveries",
    metadata,
    identity(),  # within a lane they go out in this order
    account_id(is_checked=False),
    sa.Column("connection_id", BYTEWISE, nullable=False),
    sa.Column("lane", BYTEWISE, nullable=False),
    sa.Column("call_row", BYTEWISE),  # none for an employee's status
    sa.Column("kind", sa.Text, nullable=False),  # of the change, or "presence"
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("created_ms", MILLIS, nullable=False),
    sa.Column("settled_ms", MILLIS),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("first_tried_ms", MILLIS),
    sa.Column("payload", sa.LargeBinary, nullable=False),  # JSON: the change, or the status
    sa.Column("call", sa.LargeBinary),  # JSON: the call as it was at that moment
    sa.Index(None, "call_row"),
    # A number once shown is never another delivery's.
    sqlite_autoincrement=True,
)
IS_WAITING = sa.text("state = 'waiting'")
sa.Index(
    "ix_deliveries_waiting",
    deliveries.c.connection_id,
    deliveries.c.lane,
    deliveries.c.id,
    sqlite_where=IS_WAITING,
    postgresql_where=IS_WAITING,
)
# Delivered ones are many and looked at by call; the rest is listed by state.
IS_NOT_DELIVERED = sa.text("state <> 'delivered'")
sa.Index(
    "ix_deliveries_state",
    deliveries.c.account_id,
    deliveries.c.state,
    deliveries.c.id,
    sqlite_where=IS_NOT_DELIVERED,
    postgresql_where=IS_NOT_DELIVERED,
)

attempts = sa.Table(
    "attempts",
    metadata,
    identity(),
    account_id(is_checked=False),
    sa.Column("delivery_id", ID, nullable=False),
    sa.Column("at_ms", MILLIS, nullable=False),
    sa.Column("milliseconds", sa.Integer, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("status", sa.Integer),
    sa.Column("answer", sa.LargeBinary, nullable=False),  # its first 4 KB
    sa.Index(None, "delivery_id"),
)
