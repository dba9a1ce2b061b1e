"""Histories of users and groups, more ways to find calls, what a key of our APIs may do."""

from collections.abc import Iterator, Sequence
from unicodedata import normalize

import msgspec
import sqlalchemy as sa
from alembic import op

from switchhook.core.number import read_number
from switchhook.core.numeric_id import digits_of

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
BYTEWISE = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
DAY = 24 * 60 * 60 * 1000
# Calls that are in memory at once.
BATCH = 1000
LONGEST_PARTY = 100


def upgrade() -> None:
    op.add_column(
        "api_keys",
        sa.Column("scopes", sa.Text(), server_default='["read","write","dial","lookup"]', nullable=False),
    )
    op.add_column("api_keys", sa.Column("hint", sa.Text(), server_default=sa.text("''"), nullable=False))
    op.add_column("api_keys", sa.Column("zone", sa.Text(), server_default="UTC", nullable=False))
    op.add_column("api_keys", sa.Column("rate_requests", sa.Integer(), nullable=True))
    op.add_column("api_keys", sa.Column("rate_seconds", sa.Integer(), nullable=True))
    op.add_column("connections", sa.Column("old_keys", sa.LargeBinary(), nullable=True))
    op.add_column("connections", sa.Column("old_keys_until_ms", sa.BigInteger(), nullable=True))
    op.create_table(
        "idempotency",
        sa.Column("account_id", ID, nullable=False),
        sa.Column("key_id", ID, nullable=False),
        sa.Column("idempotency_key", BYTEWISE, nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "key_id", "idempotency_key", name="pk_idempotency"),
    )
    op.create_index("ix_idempotency_made_ms", "idempotency", ["made_ms"])
    op.create_table(
        "call_parties",
        sa.Column("call_row", BYTEWISE, nullable=False),
        sa.Column("kind", BYTEWISE, nullable=False),
        sa.Column("party", BYTEWISE, nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("started_ms", sa.BigInteger(), nullable=False),
        sa.Column("numeric_id", sa.BigInteger(), nullable=False),
        sa.Column("group_name", sa.Text(), nullable=True),
        sa.Column("group_kind", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("call_row", "kind", "party", name="pk_call_parties"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "call_party_days",
        sa.Column("account_id", ID, nullable=False),
        sa.Column("kind", BYTEWISE, nullable=False),
        sa.Column("party", BYTEWISE, nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=False),
        sa.Column("amount", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "kind", "party", "day", "slot", name="pk_call_party_days"),
        sqlite_with_rowid=False,
    )
    op.add_column("calls", sa.Column("recordings", sa.Integer(), server_default="0", nullable=False))
    op.create_index(
        "ix_calls_recorded",
        "calls",
        ["account_id", "started_ms", "id", "recordings"],
        sqlite_where=sa.text("recordings > 0"),
        postgresql_where=sa.text("recordings > 0"),
    )
    op.create_index(
        "ix_calls_did",
        "calls",
        ["account_id", "did", "started_ms", "id"],
        sqlite_where=sa.text("did IS NOT NULL"),
        postgresql_where=sa.text("did IS NOT NULL"),
    )
    op.create_index(
        "ix_call_parties_account_id_kind_started_ms_call_row_party",
        "call_parties",
        ["account_id", "kind", "started_ms", "call_row", "party"],
    )
    op.create_index(
        "ix_call_parties_account_id_kind_party_started_ms_call_row",
        "call_parties",
        ["account_id", "kind", "party", "started_ms", "call_row"],
    )
    op.create_index(
        "ix_call_parties_account_id_numeric_id_kind", "call_parties", ["account_id", "numeric_id", "kind"]
    )
    # After the indexes, since SQLite would sort the rows for them in memory, however many there are.
    look_into_calls(op.get_bind())


def downgrade() -> None:
    op.drop_index("ix_calls_did", "calls")
    op.drop_index("ix_calls_recorded", "calls")
    op.drop_column("calls", "recordings")
    op.drop_table("call_party_days")
    op.drop_table("call_parties")
    op.drop_table("idempotency")
    op.drop_column("connections", "old_keys_until_ms")
    op.drop_column("connections", "old_keys")
    op.drop_column("api_keys", "rate_seconds")
    op.drop_column("api_keys", "rate_requests")
    op.drop_column("api_keys", "zone")
    op.drop_column("api_keys", "hint")
    op.drop_column("api_keys", "scopes")


# What was in a call's JSON at this revision, as far as it matters here. The code may go on from there.
class _Leg(msgspec.Struct):
    extension: str


class _Call(msgspec.Struct):
    shared_id: str
    number: str = ""
    dial_id: str | None = None
    legs: tuple[_Leg, ...] = ()
    recordings: tuple[msgspec.Raw, ...] = ()


decode_call = msgspec.json.Decoder(_Call).decode

calls = sa.table(
    "calls",
    *map(
        sa.column, ("id", "account_id", "phase", "direction", "did", "started_ms", "snapshot", "recordings")
    ),
)
call_parties = sa.table(
    "call_parties",
    *map(
        sa.column,
        (
            "call_row",
            "kind",
            "party",
            "account_id",
            "started_ms",
            "numeric_id",
            "group_name",
            "group_kind",
        ),
    ),
)
lines = sa.table("lines", *map(sa.column, ("account_id", "canonical", "group_name")))
groups = sa.table("groups", *map(sa.column, ("account_id", "name", "kind")))

Groups = dict[tuple[int, str], tuple[str, str]]  # (account, number) to (name, kind)


def look_into_calls(tx: sa.Connection) -> None:
    """Fill from the calls there are, a batch at a time, what intake writes for every new one."""
    groups_of_lines = read_groups(tx)
    record = (
        calls.update()
        .where(calls.c.id == sa.bindparam("row_id", type_=BYTEWISE))
        .values(recordings=sa.bindparam("number", type_=sa.Integer()))
    )
    last = ""
    while True:
        columns = (c for c in calls.c if c.name != "recordings")
        batch = tx.execute(sa.select(*columns).where(calls.c.id > last).order_by(calls.c.id).limit(BATCH))
        found = [(row, decode_call(row.snapshot)) for row in batch]
        if not found:
            break
        last = found[-1][0].id
        recorded = [
            {"row_id": row.id, "number": len(call.recordings)} for row, call in found if call.recordings
        ]
        if recorded:
            tx.execute(record, recorded)
        ended = [(row, call) for row, call in found if row.phase != "open"]
        if parties := [one for row, call in ended for one in parties_of(row, call, groups_of_lines)]:
            tx.execute(call_parties.insert(), parties)
    count_days(tx)


def count_days(tx: sa.Connection) -> None:
    """Count the parties' rows by day, each party for itself and all of a kind together."""
    # Both engines round a division towards 0, and a day begins before its moments, also before 1970.
    day: sa.ColumnElement[int] = sa.literal_column(
        f"CAST((started_ms - ((started_ms % {DAY}) + {DAY}) % {DAY}) / {DAY} AS INTEGER)"
    )
    c = call_parties.c
    names = ("account_id", "kind", "party", "day", "slot", "amount")
    days = sa.table("call_party_days", *map(sa.column, names))
    for party in (c.party, sa.literal_column("''")):
        counted = sa.select(c.account_id, c.kind, party, day, sa.literal_column("0"), sa.func.count())
        by = [c.party] if party is c.party else []
        tx.execute(days.insert().from_select(names, counted.group_by(c.account_id, c.kind, day, *by)))


def folded(name: str) -> str:
    return normalize("NFC", " ".join(name.split()).casefold())[:LONGEST_PARTY]


def read_groups(tx: sa.Connection) -> Groups:
    """Say which group answers each line, as the address books have it."""
    kinds = {
        (row.account_id, row.name): "queue" if row.kind == "queue" else "ring_group"
        for row in tx.execute(sa.select(groups))
    }
    found = tx.execute(sa.select(lines).where(lines.c.group_name.is_not(None)))
    return {
        (row.account_id, row.canonical): (
            row.group_name[:LONGEST_PARTY],
            kinds.get((row.account_id, row.group_name), "ring_group"),
        )
        for row in found
        if folded(row.group_name)
    }


def parties_of(row: sa.Row[tuple[object, ...]], call: _Call, groups: Groups) -> Iterator[dict[str, object]]:
    """Give the rows of one ended call: its users, and the group of the line that it came in on."""
    group: tuple[str, str] | tuple[None, None] = None, None
    if row.direction == "inbound" and row.did:
        read = read_number(row.did)
        group = groups.get((row.account_id, read.e164 or read.digits or row.did), group)
    users = [leg.extension for leg in call.legs]
    if row.direction == "internal" and call.number.isascii() and call.number.isdigit():
        users.append(call.number)
    parties = [("user", user[:LONGEST_PARTY]) for user in users if user]
    name, kind = group
    if name is not None and kind is not None:
        parties.append((kind, folded(name)))
    for party_kind, party in dict.fromkeys(parties):
        yield {
            "call_row": row.id,
            "kind": party_kind,
            "party": party,
            "account_id": row.account_id,
            "started_ms": row.started_ms,
            "numeric_id": int(digits_of(call.dial_id or call.shared_id)),
            "group_name": name,
            "group_kind": kind,
        }
