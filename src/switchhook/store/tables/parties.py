"""Who took part in ended calls: the rows of every history, and how many of them each day has."""

import sqlalchemy as sa

from switchhook.store.tables import BYTEWISE, MILLIS, account_id, metadata

# One row per call and user, and per call and group: see `store/call_parties.py`.
call_parties = sa.Table(
    "call_parties",
    metadata,
    sa.Column("call_row", BYTEWISE, primary_key=True),
    sa.Column("kind", BYTEWISE, primary_key=True),  # user, queue, ring_group
    sa.Column("party", BYTEWISE, primary_key=True),  # extension; of a group its name, folded
    account_id(is_checked=False),
    sa.Column("started_ms", MILLIS, nullable=False),  # of the call
    # core/numeric_id.py; NULL: the digits of `call_row`, by whose time it is found without an index.
    sa.Column("numeric_id", sa.BigInteger),
    sa.Column("group_name", sa.Text),  # the group that brought the call, as written
    sa.Column("group_kind", sa.Text),  # queue, ring_group
    # A history is ordered and counted by an index alone; only the rows of a page are looked at.
    sa.Index(None, "account_id", "kind", "started_ms", "call_row", "party"),
    sa.Index(None, "account_id", "kind", "party", "started_ms", "call_row"),
    sqlite_with_rowid=False,
)
sa.Index(
    "ix_call_parties_numeric_id",
    call_parties.c.account_id,
    call_parties.c.numeric_id,
    call_parties.c.kind,
    sqlite_where=call_parties.c.numeric_id.is_not(None),
    postgresql_where=call_parties.c.numeric_id.is_not(None),
)

# How many rows of `call_parties` there are, by the day (UTC) in which the call started.
call_party_days = sa.Table(
    "call_party_days",
    metadata,
    account_id(is_checked=False),
    sa.Column("kind", BYTEWISE, nullable=False),
    sa.Column("party", BYTEWISE, nullable=False),  # "": all of them together
    sa.Column("day", sa.Integer, nullable=False),  # since 1970
    # Writers that work at the same time count in rows of their own, so none waits for another.
    sa.Column("slot", sa.Integer, nullable=False),
    sa.Column("amount", sa.Integer, nullable=False),  # of one slot it may be below 0
    sa.PrimaryKeyConstraint("account_id", "kind", "party", "day", "slot"),
    sqlite_with_rowid=False,
)
