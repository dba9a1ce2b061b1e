"""Who took part in each ended call: a row per user and per group, kept beside the calls.

Histories are paged over these rows and counted by `call_party_days`, which is written with them.
"""

from collections import Counter
from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from unicodedata import normalize

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from switchhook.core.api import HistoryKind
from switchhook.core.call import Call, Direction, Phase
from switchhook.core.directory import GroupKind
from switchhook.core.number import read_number
from switchhook.core.numeric_id import given_id
from switchhook.store.many import ByKeys, Many
from switchhook.store.tables.book import groups, lines
from switchhook.store.tables.parties import call_parties, call_party_days
from switchhook.store.times import DAY, to_millis

# What is longer is cut: an entry of an index has an end, and no one's name is as long.
LONGEST_PARTY = 100
EVERYBODY = ""  # the party under which all of a kind are counted together

# Asked at every event. See core/call.py on why these have names of their own.
_OPEN = Phase.OPEN
_INBOUND = Direction.INBOUND
_INTERNAL = Direction.INTERNAL
_USER = HistoryKind.USER


class PartyRow(NamedTuple):
    """A row of `call_parties`, in the order of its statements."""

    call_row: str
    kind: str
    party: str
    account_id: int
    started_ms: int
    numeric_id: int | None
    group_name: str | None
    group_kind: str | None


class CallGroup(NamedTuple):
    """The group that brought a call."""

    name: str
    kind: HistoryKind


_COLUMNS = [call_parties.c[name] for name in PartyRow._fields]
# By nothing but our ids: SQLite would take an index that begins with the account, and read all of it.
_HELD = ByKeys(sa.select(*_COLUMNS).where(call_parties.c.call_row.in_(sa.bindparam("keys", expanding=True))))
_LINES = ByKeys(
    sa.select(lines.c.canonical, lines.c.group_name).where(
        lines.c.account_id == sa.bindparam("account_id"),
        lines.c.canonical.in_(sa.bindparam("keys", expanding=True)),
    ),
    "account_id",
)
_KINDS = ByKeys(
    sa.select(groups.c.name, groups.c.kind).where(
        groups.c.account_id == sa.bindparam("account_id"),
        groups.c.name.in_(sa.bindparam("keys", expanding=True)),
    ),
    "account_id",
)
_INSERT = Many(lambda _: call_parties.insert(), PartyRow._fields)
_DELETE = call_parties.delete().where(
    *(call_parties.c[name] == sa.bindparam(f"old_{name}") for name in ("call_row", "kind", "party")),
    call_parties.c.account_id == sa.bindparam("old_account_id"),
)


def _counting(dialect: str) -> sa.Insert:
    is_postgres = dialect == "postgresql"
    insert = postgresql.insert(call_party_days) if is_postgres else sqlite.insert(call_party_days)
    # SQLite has one writer. Those of PostgreSQL that work at once are different processes of it.
    slot: sa.ColumnElement[int] = sa.literal_column("pg_backend_pid() & 63" if is_postgres else "0")
    # Inline: nobody asks which slot it was.
    return (
        insert.inline()
        .values(slot=slot)
        .on_conflict_do_update(
            index_elements=list(call_party_days.primary_key),
            set_={"amount": call_party_days.c.amount + insert.excluded.amount},
        )
    )


_COUNT = Many(_counting, ("account_id", "kind", "party", "day", "amount"))


def concerns_parties(before: Call | None, call: Call) -> bool:
    """Say whether `write_parties` has something to do for a call that was stored like this before.

    Asked at every event, and most change neither who took part nor when and how it began.
    """
    if before is None or before.phase is _OPEN or call.phase is _OPEN:
        return call.phase is not _OPEN or (before is not None and before.phase is not _OPEN)
    if before.legs is not call.legs and before.rung != call.rung:
        return True
    return any(getattr(before, fact) != getattr(call, fact) for fact in _FACTS)


_FACTS = ("started_at", "direction", "number", "did", "group", "group_kind", "dial_id")


def write_parties(
    tx: sa.Connection, account_id: int, calls: Sequence[Call], *, known: Container[str] | None = None
) -> None:
    """Bring the rows of these calls, each given once, up to date; calls that go on have none.

    `known` are our ids of those that may have rows already; None: any of them. Rows that stay as
    they are are not written. Whoever calls holds the calls, or has just made them, so that no other
    transaction writes the rows of the same ones.
    """
    if not calls:
        return
    found = _groups_of(tx, account_id, calls)
    wanted = {row for call in calls for row in _rows_of(account_id, call, found.get(call.id))}
    asked = [call.id for call in calls if known is None or call.id in known]
    rows = map(PartyRow._make, _HELD.run(tx, asked))
    held = {row for row in rows if row.account_id == account_id}
    stale = sorted(held - wanted, key=_key)
    new = sorted(wanted - held, key=_key)
    if stale:
        tx.execute(
            _DELETE,
            [
                {
                    "old_call_row": row.call_row,
                    "old_kind": row.kind,
                    "old_party": row.party,
                    "old_account_id": account_id,
                }
                for row in stale
            ],
        )
    _INSERT.run(tx, new)
    amounts = Counter(_counted(new))
    amounts.subtract(_counted(stale))
    # In one order everywhere, so that no two transactions wait for each other.
    _COUNT.run(tx, [(account_id, *day, amount) for day, amount in sorted(amounts.items()) if amount])


def folded(name: str) -> str:
    """Give what spellings of one name have in common: no case, no doubled blanks; any alphabet."""
    return normalize("NFC", " ".join(name.replace("\0", "").split()).casefold())[:LONGEST_PARTY]


def line_key(number: str) -> str:
    """Give what spellings of one of our numbers have in common: as `lines.canonical` holds it."""
    read = read_number(number)
    return read.e164 or read.digits or number


def _rows_of(account_id: int, call: Call, group: CallGroup | None) -> Iterator[PartyRow]:
    if call.phase is _OPEN:
        return
    parties = [(_USER, user) for user in users_of(call)]
    if group is not None:
        parties.append((group.kind, folded(group.name)))
    given = given_id(call)
    for kind, party in parties:
        yield PartyRow(
            call_row=call.id,
            kind=kind._value_,
            party=party,
            account_id=account_id,
            started_ms=to_millis(call.started_at),
            numeric_id=None if given is None else int(given),
            group_name=None if group is None else group.name,
            group_kind=None if group is None else group.kind.value,
        )


def users_of(call: Call) -> tuple[str, ...]:
    """Give the extensions that took part, once each, in the order heard.

    An inside call is that of both: the one whose leg it is, and the extension that was dialled.
    """
    users = list(call.rung)
    if call.direction is _INTERNAL and call.number.isascii() and call.number.isdigit():
        users.append(call.number)
    return tuple(dict.fromkeys(user[:LONGEST_PARTY] for user in users))


def _groups_of(tx: sa.Connection, account_id: int, calls: Collection[Call]) -> dict[str, CallGroup]:
    """Say of each call which group brought it, by our id: as the peer said, else that of its line."""
    keys = {call.id: line_key(call.did) for call in calls if _may_come_by_line(call) and call.did}
    by_line = _pairs(_LINES.run(tx, keys.values(), account_id))
    named = [
        (call, name.replace("\0", "")[:LONGEST_PARTY])
        for call in calls
        if (name := call.group or by_line.get(keys.get(call.id, ""))) and folded(name)
    ]
    unsure = [name for call, name in named if not (call.group and call.group_kind)]
    kinds = _pairs(_KINDS.run(tx, unsure, account_id))
    return {call.id: CallGroup(name, _kind(call, name, kinds)) for call, name in named}


def _may_come_by_line(call: Call) -> bool:
    # What we present when we go out says nothing of a group.
    return not call.group and call.direction is _INBOUND and call.phase is not _OPEN


def _kind(call: Call, name: str, kinds: Mapping[str, str]) -> HistoryKind:
    said = call.group_kind if call.group else None
    kind = kinds.get(name) if said is None else said.value
    return HistoryKind.QUEUE if kind == GroupKind.QUEUE.value else HistoryKind.RING_GROUP


def _pairs(rows: Iterable[Any]) -> dict[str, str]:
    return {key: value for key, value in rows if value}


def _counted(rows: Iterable[PartyRow]) -> Iterator[tuple[str, str, int]]:
    for row in rows:
        day = row.started_ms // DAY
        yield row.kind, row.party, day
        yield row.kind, EVERYBODY, day


def _key(row: PartyRow) -> tuple[str, str, str]:
    return row.call_row, row.kind, row.party
