"""Less to write for an event: its ledger in the order of arrival, no columns and indexes that nobody asks."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import sqlalchemy as sa
from alembic import op

from switchhook.core.number import read_number
from switchhook.core.numeric_id import digits_of

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
BYTEWISE = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
IS_GIVEN = sa.text("numeric_id IS NOT NULL")
INDEXES_OF_PARTIES = {
    "ix_call_parties_account_id_kind_started_ms_call_row_party": [
        *("account_id", "kind", "started_ms", "call_row", "party")
    ],
    "ix_call_parties_account_id_kind_party_started_ms_call_row": [
        *("account_id", "kind", "party", "started_ms", "call_row")
    ],
}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Calls that are in memory at once.
BATCH = 1000


def upgrade() -> None:
    op.drop_index("ix_calls_account_id_extension_started_ms_id", "calls")
    for name in ("extension", "number", "e164", "ended_ms"):
        op.drop_column("calls", name)
    op.drop_index("ix_call_parties_account_id_numeric_id_kind", "call_parties")
    if op.get_bind().dialect.name == "sqlite":
        lay_events(is_by_key=False)
        rebuild_parties(sa.Column("numeric_id", sa.BigInteger(), nullable=True))
    else:
        op.alter_column("call_parties", "numeric_id", nullable=True)
    # Calls of before keep the numbers that they were told by.
    op.create_index(
        "ix_call_parties_numeric_id",
        "call_parties",
        ["account_id", "numeric_id", "kind"],
        sqlite_where=IS_GIVEN,
        postgresql_where=IS_GIVEN,
    )


def downgrade() -> None:
    op.drop_index("ix_call_parties_numeric_id", "call_parties")
    give_numbers(op.get_bind())
    if op.get_bind().dialect.name == "sqlite":
        rebuild_parties(sa.Column("numeric_id", sa.BigInteger(), nullable=False))
        lay_events(is_by_key=True)
    else:
        op.alter_column("call_parties", "numeric_id", nullable=False)
    op.create_index(
        "ix_call_parties_account_id_numeric_id_kind", "call_parties", ["account_id", "numeric_id", "kind"]
    )
    op.add_column("calls", sa.Column("extension", sa.Text(), nullable=True))
    op.add_column("calls", sa.Column("number", sa.Text(), server_default=sa.text("''"), nullable=False))
    op.add_column("calls", sa.Column("e164", sa.Text(), nullable=True))
    op.add_column("calls", sa.Column("ended_ms", sa.BigInteger(), nullable=True))
    spread_calls(op.get_bind())
    op.create_index(
        "ix_calls_account_id_extension_started_ms_id",
        "calls",
        ["account_id", "extension", "started_ms", "id"],
    )


def lay_events(*, is_by_key: bool) -> None:
    """Have SQLite keep the ledger in the order of its key, or in that of arrival."""
    op.rename_table("events", "before")
    made = op.create_table(
        "events",
        sa.Column("call_row", BYTEWISE, nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("extension", sa.Text(), nullable=True),
        sa.Column("news", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("call_row", "seq", name="pk_events"),
        sqlite_with_rowid=not is_by_key,
    )
    fill_from_before(made)


def rebuild_parties(numeric_id: sa.Column[int]) -> None:
    for name in INDEXES_OF_PARTIES:
        op.drop_index(name, "call_parties")
    op.rename_table("call_parties", "before")
    made = op.create_table(
        "call_parties",
        sa.Column("call_row", BYTEWISE, nullable=False),
        sa.Column("kind", BYTEWISE, nullable=False),
        sa.Column("party", BYTEWISE, nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("started_ms", sa.BigInteger(), nullable=False),
        numeric_id,
        sa.Column("group_name", sa.Text(), nullable=True),
        sa.Column("group_kind", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("call_row", "kind", "party", name="pk_call_parties"),
        sqlite_with_rowid=False,
    )
    # Before the rows, since SQLite would sort them for it in memory, however many there are.
    for name, columns in INDEXES_OF_PARTIES.items():
        op.create_index(name, "call_parties", columns)
    fill_from_before(made)


def fill_from_before(made: sa.Table) -> None:
    names = [column.name for column in made.columns]
    before = sa.table("before", *map(sa.column, names))
    # In the order of our ids, which is that of arrival.
    rows = sa.select(*before.c).order_by(before.c.call_row)
    op.get_bind().execute(made.insert().from_select(names, rows))
    op.drop_table("before")


# What is in a call's JSON at this revision, as far as it matters here. The code may go on from there.
class _Call(msgspec.Struct):
    number: str = ""
    extension: str | None = None
    ended_at: datetime | None = None


decode_call = msgspec.json.Decoder(_Call).decode

calls = sa.table("calls", *map(sa.column, ("id", "snapshot", "extension", "number", "e164", "ended_ms")))
call_parties = sa.table("call_parties", *map(sa.column, ("call_row", "numeric_id")))


def give_numbers(tx: sa.Connection) -> None:
    """Write down the numbers that calls have by their ids."""
    c = call_parties.c
    record = (
        call_parties.update()
        .where(c.call_row == sa.bindparam("row_id", type_=BYTEWISE), c.numeric_id.is_(None))
        .values(numeric_id=sa.bindparam("number", type_=sa.BigInteger()))
    )
    for ids in in_batches(tx, sa.select(c.call_row).where(c.numeric_id.is_(None)).distinct(), c.call_row):
        tx.execute(record, [{"row_id": row.call_row, "number": int(digits_of(row.call_row))} for row in ids])


def spread_calls(tx: sa.Connection) -> None:
    """Fill the columns that tell what the calls' JSON tells as well."""
    record = (
        calls.update()
        .where(calls.c.id == sa.bindparam("row_id", type_=BYTEWISE))
        .values(
            extension=sa.bindparam("new_extension", type_=sa.Text()),
            number=sa.bindparam("new_number", type_=sa.Text()),
            e164=sa.bindparam("new_e164", type_=sa.Text()),
            ended_ms=sa.bindparam("new_ended_ms", type_=sa.BigInteger()),
        )
    )
    for rows in in_batches(tx, sa.select(calls.c.id, calls.c.snapshot), calls.c.id):
        found = [(row.id, decode_call(row.snapshot)) for row in rows]
        tx.execute(
            record,
            [
                {
                    "row_id": row_id,
                    "new_extension": call.extension,
                    "new_number": call.number,
                    "new_e164": read_number(call.number).e164,
                    "new_ended_ms": (
                        None
                        if call.ended_at is None
                        else (call.ended_at - EPOCH) // timedelta(milliseconds=1)
                    ),
                }
                for row_id, call in found
            ],
        )


def in_batches(
    tx: sa.Connection, found: sa.Select[*tuple[object, ...]], key: sa.ColumnElement[str]
) -> Iterator[Sequence[sa.Row[*tuple[object, ...]]]]:
    """Give the rows in the order of a key, some at a time."""
    last = ""
    while rows := tx.execute(found.where(key > last).order_by(key).limit(BATCH)).all():
        yield rows
        last = str(getattr(rows[-1], str(key.key)))
