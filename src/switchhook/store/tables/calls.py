"""Calls as they now stand, and the ledger of everything that was told about them."""

import sqlalchemy as sa

from switchhook.store.tables import BYTEWISE, MILLIS, account_id, metadata

# What a call is lies in `snapshot`; the other columns are those that it is found and listed by. Each index
# takes part of every event's time.
calls = sa.Table(
    "calls",
    metadata,
    sa.Column("id", BYTEWISE, primary_key=True),
    account_id(is_checked=False),
    sa.Column("connection_id", sa.Text, nullable=False),
    sa.Column("call_id", sa.Text, nullable=False),  # the peer's
    # Connection and the peer's id: see `store/call_rows.py`. One column, since SQLite searches lists
    # of pairs without an index. A call whose id the peer used again keeps a key that nobody asks for.
    sa.Column("peer_key", BYTEWISE, nullable=False),
    # The same for a report that gave its call another id than the events did.
    sa.Column("report_key", BYTEWISE),
    sa.Column("shared_id", sa.Text, nullable=False),
    sa.Column("recording_token", sa.Text, nullable=False),
    sa.Column("phase", sa.Text, nullable=False),
    sa.Column("direction", sa.Text, nullable=False),
    sa.Column("disposition", sa.Text),
    sa.Column("reversed_digits", BYTEWISE, nullable=False),
    sa.Column("did", sa.Text),
    sa.Column("started_ms", MILLIS, nullable=False),
    sa.Column("changed_ms", MILLIS, nullable=False),
    sa.Column("due_ms", MILLIS),  # when the clock has something to say about it
    sa.Column("events", sa.Integer, nullable=False),  # how many the ledger has: the version of this row
    sa.Column("snapshot", sa.LargeBinary, nullable=False),  # JSON
    sa.Column("recordings", sa.Integer, nullable=False, server_default="0"),  # how many it has
    sa.UniqueConstraint("peer_key"),
    sa.UniqueConstraint("account_id", "shared_id"),
    sa.UniqueConstraint("recording_token"),
    sa.Index(None, "account_id", "started_ms", "id"),
    sa.Index(None, "account_id", "reversed_digits", "started_ms"),
    sa.Index(None, "account_id", "changed_ms"),
)
sa.Index(
    "ix_calls_report_key",
    calls.c.report_key,
    sqlite_where=calls.c.report_key.is_not(None),
    postgresql_where=calls.c.report_key.is_not(None),
)
sa.Index(
    "ix_calls_due_ms",
    calls.c.due_ms,
    sqlite_where=calls.c.due_ms.is_not(None),
    postgresql_where=calls.c.due_ms.is_not(None),
)
# Written out rather than bound: a query may use a partial index only if it says the same words.
IS_OPEN = sa.text("phase = 'open'")
sa.Index(
    "ix_calls_open",
    calls.c.account_id,
    calls.c.started_ms,
    sqlite_where=IS_OPEN,
    postgresql_where=IS_OPEN,
)
HAS_RECORDING = sa.text("recordings > 0")
sa.Index(
    "ix_calls_recorded",
    calls.c.account_id,
    calls.c.started_ms,
    calls.c.id,
    # With it the index answers alone, or SQLite might take the one over all calls as well.
    calls.c.recordings,
    sqlite_where=HAS_RECORDING,
    postgresql_where=HAS_RECORDING,
)
HAS_LINE = sa.text("did IS NOT NULL")
sa.Index(
    "ix_calls_did",
    calls.c.account_id,
    calls.c.did,
    calls.c.started_ms,
    calls.c.id,
    sqlite_where=HAS_LINE,
    postgresql_where=HAS_LINE,
)

# Append only: what was told, as it was told, numbered within its call.
events = sa.Table(
    "events",
    metadata,
    sa.Column("call_row", BYTEWISE, primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    account_id(is_checked=False),
    sa.Column("at_ms", MILLIS, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),  # a happening, or what else it was
    sa.Column("extension", sa.Text),
    sa.Column("news", sa.LargeBinary, nullable=False),  # JSON, with the raw fields less the keys
    # On SQLite it lies in the order of arrival: by its key, each event had a page written for itself.
)
