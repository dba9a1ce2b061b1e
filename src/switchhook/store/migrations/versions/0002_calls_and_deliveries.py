"""Calls, what is told of them, recordings and dials."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
BYTEWISE = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "answers",
        sa.Column("account_id", ID, nullable=False),
        sa.Column("digits", sa.Text(), nullable=False),
        sa.Column("connection_id", sa.Text(), nullable=False),
        sa.Column("is_known", sa.Boolean(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("responsible", sa.Text(), nullable=True),
        sa.Column("card_url", sa.Text(), nullable=True),
        sa.Column("asked_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "digits", "connection_id", name="pk_answers"),
    )
    op.create_index("ix_answers_asked_at_ms", "answers", ["asked_at_ms"])
    op.create_table(
        "attempts",
        sa.Column("id", ID, sa.Identity(always=False), nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("delivery_id", ID, nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("milliseconds", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_attempts"),
    )
    op.create_index("ix_attempts_delivery_id", "attempts", ["delivery_id"])
    op.create_table(
        "calls",
        sa.Column("id", BYTEWISE, nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("connection_id", sa.Text(), nullable=False),
        sa.Column("call_id", sa.Text(), nullable=False),
        sa.Column("peer_key", BYTEWISE, nullable=False),
        sa.Column("report_key", BYTEWISE, nullable=True),
        sa.Column("shared_id", sa.Text(), nullable=False),
        sa.Column("recording_token", sa.Text(), nullable=False),
        sa.Column("phase", sa.Text(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("disposition", sa.Text(), nullable=True),
        sa.Column("extension", sa.Text(), nullable=True),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("e164", sa.Text(), nullable=True),
        sa.Column("reversed_digits", BYTEWISE, nullable=False),
        sa.Column("did", sa.Text(), nullable=True),
        sa.Column("started_ms", sa.BigInteger(), nullable=False),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=True),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.Column("snapshot", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_calls"),
        sa.UniqueConstraint("account_id", "shared_id", name="uq_calls_account_id_shared_id"),
        sa.UniqueConstraint("peer_key", name="uq_calls_peer_key"),
        sa.UniqueConstraint("recording_token", name="uq_calls_recording_token"),
    )
    op.create_index("ix_calls_account_id_changed_ms", "calls", ["account_id", "changed_ms"])
    op.create_index(
        "ix_calls_account_id_extension_started_ms_id",
        "calls",
        ["account_id", "extension", "started_ms", "id"],
    )
    op.create_index(
        "ix_calls_account_id_reversed_digits_started_ms",
        "calls",
        ["account_id", "reversed_digits", "started_ms"],
    )
    op.create_index("ix_calls_account_id_started_ms_id", "calls", ["account_id", "started_ms", "id"])
    op.create_index(
        "ix_calls_due_ms",
        "calls",
        ["due_ms"],
        sqlite_where=sa.text("due_ms IS NOT NULL"),
        postgresql_where=sa.text("due_ms IS NOT NULL"),
    )
    op.create_index(
        "ix_calls_open",
        "calls",
        ["account_id", "started_ms"],
        sqlite_where=sa.text("phase = 'open'"),
        postgresql_where=sa.text("phase = 'open'"),
    )
    op.create_index(
        "ix_calls_report_key",
        "calls",
        ["report_key"],
        sqlite_where=sa.text("report_key IS NOT NULL"),
        postgresql_where=sa.text("report_key IS NOT NULL"),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", ID, sa.Identity(always=False), nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("connection_id", BYTEWISE, nullable=False),
        sa.Column("lane", BYTEWISE, nullable=False),
        sa.Column("call_row", BYTEWISE, nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("settled_ms", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("first_tried_ms", sa.BigInteger(), nullable=True),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("call", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_deliveries_call_row", "deliveries", ["call_row"])
    op.create_index(
        "ix_deliveries_state",
        "deliveries",
        ["account_id", "state", "id"],
        sqlite_where=sa.text("state <> 'delivered'"),
        postgresql_where=sa.text("state <> 'delivered'"),
    )
    op.create_index(
        "ix_deliveries_waiting",
        "deliveries",
        ["connection_id", "lane", "id"],
        sqlite_where=sa.text("state = 'waiting'"),
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_table(
        "dials",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=True),
        sa.Column("connection_id", sa.Text(), nullable=True),
        sa.Column("extension", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("digits", sa.Text(), nullable=False),
        sa.Column("did", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("asked_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("is_tied", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_dials"),
    )
    op.create_index("ix_dials_account_id_asked_at_ms", "dials", ["account_id", "asked_at_ms"])
    op.create_index(
        "ix_dials_account_id_extension_digits_asked_at_ms",
        "dials",
        ["account_id", "extension", "digits", "asked_at_ms"],
    )
    op.create_table(
        "events",
        sa.Column("call_row", BYTEWISE, nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("extension", sa.Text(), nullable=True),
        sa.Column("news", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("call_row", "seq", name="pk_events"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "lanes",
        sa.Column("connection_id", BYTEWISE, nullable=False),
        sa.Column("lane", BYTEWISE, nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=False),
        sa.Column("lease_until_ms", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("epoch", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("yields_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("connection_id", "lane", name="pk_lanes"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_lanes_connection_id_due_ms", "lanes", ["connection_id", "due_ms"])
    op.create_index(
        "ix_lanes_leased",
        "lanes",
        ["connection_id", "lease_until_ms"],
        sqlite_where=sa.text("lease_until_ms > 0"),
        postgresql_where=sa.text("lease_until_ms > 0"),
    )
    op.create_table(
        "presences",
        sa.Column("account_id", ID, nullable=False),
        sa.Column("connection_id", sa.Text(), nullable=False),
        sa.Column("extension", sa.Text(), nullable=False),
        sa.Column("availability", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "connection_id", "extension", name="pk_presences"),
    )
    op.create_table(
        "recordings",
        sa.Column("id", ID, sa.Identity(always=False), nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("connection_id", sa.Text(), nullable=False),
        sa.Column("call_row", sa.Text(), nullable=False),
        sa.Column("call_id", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("is_temp", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("is_told", sa.Boolean(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("heard_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("object_key", sa.Text(), nullable=True),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=True),
        sa.Column("content_type", sa.Text(), nullable=True),
        sa.Column("seconds", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_recordings"),
        sa.UniqueConstraint("token", "number", name="uq_recordings_token_number"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_recordings_due",
        "recordings",
        ["next_at_ms"],
        postgresql_where=sa.text("next_at_ms IS NOT NULL"),
        sqlite_where=sa.text("next_at_ms IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_table("recordings")
    op.drop_table("presences")
    op.drop_table("lanes")
    op.drop_table("events")
    op.drop_table("dials")
    op.drop_table("deliveries")
    op.drop_table("calls")
    op.drop_table("attempts")
    op.drop_table("answers")
