"""Around the calls: recordings and how far their copies are, clicks to call, what CRMs said of callers."""

import sqlalchemy as sa

from switchhook.store.tables import ID, MILLIS, account_id, identity, metadata

recordings = sa.Table(
    "recordings",
    metadata,
    identity(),
    account_id(is_checked=False),
    sa.Column("connection_id", sa.Text, nullable=False),
    sa.Column("call_row", sa.Text, nullable=False),  # our id of the call
    sa.Column("call_id", sa.Text, nullable=False),  # the peer's
    sa.Column("token", sa.Text, nullable=False),  # of the call's permanent links
    sa.Column("number", sa.Integer, nullable=False),  # of the recording in its call, from 0
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("is_temp", sa.Boolean, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("is_told", sa.Boolean, nullable=False),  # the call knows the state
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("next_at_ms", MILLIS),  # nothing to do any more: NULL
    sa.Column("heard_at_ms", MILLIS, nullable=False),
    sa.Column("reason", sa.Text),  # why the last attempt failed
    # What is downloaded as the file's name; made of the call when it is heard of.
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("object_key", sa.Text),
    sa.Column("sha256", sa.Text),
    sa.Column("size_bytes", sa.BigInteger),
    sa.Column("content_type", sa.Text),
    sa.Column("seconds", sa.Double),
    sa.UniqueConstraint("token", "number"),
    sa.Index(
        "ix_recordings_due",
        "next_at_ms",
        postgresql_where=sa.text("next_at_ms IS NOT NULL"),
        sqlite_where=sa.text("next_at_ms IS NOT NULL"),
    ),
    sqlite_autoincrement=True,
)

dials = sa.Table(
    "dials",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    account_id(is_checked=False),
    sa.Column("asked_by", sa.Text),  # id of a connection, or a word for who it was
    sa.Column("connection_id", sa.Text),  # the PBX that was told
    sa.Column("extension", sa.Text, nullable=False),
    sa.Column("number", sa.Text, nullable=False),  # as dialled
    sa.Column("digits", sa.Text, nullable=False),  # as calls are compared
    sa.Column("did", sa.Text),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("asked_at_ms", MILLIS, nullable=False),
    sa.Column("is_tied", sa.Boolean, nullable=False),  # its call has appeared
    sa.Index(None, "account_id", "extension", "digits", "asked_at_ms"),
    sa.Index(None, "account_id", "asked_at_ms"),
)

# What CRMs answered, so that the next call need not ask, and a silent CRM is no blank display.
answers = sa.Table(
    "answers",
    metadata,
    sa.Column("account_id", ID, primary_key=True),
    sa.Column("digits", sa.Text, primary_key=True),
    sa.Column("connection_id", sa.Text, primary_key=True),
    sa.Column("is_known", sa.Boolean, nullable=False),
    sa.Column("name", sa.Text),
    sa.Column("responsible", sa.Text),
    sa.Column("card_url", sa.Text),
    sa.Column("asked_at_ms", MILLIS, nullable=False),
    sa.Index(None, "asked_at_ms"),
)

# The status that each connection last told or was told: what comes back from it is an echo.
presences = sa.Table(
    "presences",
    metadata,
    sa.Column("account_id", ID, primary_key=True),
    sa.Column("connection_id", sa.Text, primary_key=True),
    sa.Column("extension", sa.Text, primary_key=True),
    sa.Column("availability", sa.Text, nullable=False),
    sa.Column("at_ms", MILLIS, nullable=False),
)
