"""Which calls a list shows, and by which index it is read so that a page costs a page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from switchhook.core.api import HistoryKind
from switchhook.core.call import Direction, Disposition
from switchhook.store.call_parties import folded, line_key
from switchhook.store.call_rows import reversed_number
from switchhook.store.tables.calls import HAS_LINE, calls
from switchhook.store.tables.parties import call_parties
from switchhook.store.times import EPOCH, to_millis

NOT_MISSED = (Disposition.ANSWERED.value, Disposition.UNKNOWN.value)
GROUP_KINDS = (HistoryKind.QUEUE, HistoryKind.RING_GROUP)
# Our own numbers as peers write them: a few. What strangers make up beyond this is not looked through.
MOST_SPELLINGS = 1000
# More spellings of one number than this are not read one by one.
MOST_WALKS = 8
# So many digits at the end of a number leave few enough calls to be sorted.
TELLING_DIGITS = 5


@dataclass(frozen=True, kw_only=True)
class CallFilter:
    """Which calls a list shows; None and empty mean all."""

    since: datetime | None = None
    until: datetime | None = None  # not included
    connection_id: str | None = None
    direction: Direction | None = None
    dispositions: tuple[Disposition, ...] = ()
    # Any extension that took part, and the queue or ring group that brought the call, without regard
    # to case. Known of calls that have ended: with either of these, calls that go on are not listed.
    employee: str | None = None
    group: str | None = None
    number: str | None = None  # whole in any spelling, or the digits it ends with
    did: str | None = None  # our number, as the peer writes it
    line: str | None = None  # our number, in any spelling
    is_missed: bool | None = None
    has_recording: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Walk:
    """A way through the calls of a filter in the order of their starts, along one index."""

    started_ms: sa.ColumnElement[int]
    id: sa.Column[str]
    conditions: Sequence[sa.ColumnElement[bool]]


def walks(account_id: int, wanted: CallFilter, spellings: Sequence[str] | None) -> list[Walk]:
    """Choose how to read the calls: their list is what these give together, each at its place.

    `spellings` are those of `wanted.line`: see `spellings_of`.
    """
    conditions = call_conditions(wanted)
    if len(reversed_number(wanted.number or "")) >= TELLING_DIGITS:
        # Not the column itself: SQLite would look through all calls in the order of its index.
        start = calls.c.started_ms + 0
        others = _related(account_id, wanted, spellings)
        return [_by_call(account_id, [*conditions, *others], wanted, start)]
    if wanted.employee is not None:
        others = _related(account_id, wanted, spellings, but="employee")
        return [_by_party(account_id, HistoryKind.USER, wanted.employee, [*conditions, *others], wanted)]
    if wanted.group is not None:
        others = _related(account_id, wanted, spellings, but="group")
        party = folded(wanted.group)
        return [_by_party(account_id, kind, party, [*conditions, *others], wanted) for kind in GROUP_KINDS]
    if wanted.has_recording and spellings is None:
        return [_by_recording(account_id, wanted)]
    if spellings is None or len(spellings) > MOST_WALKS:
        others = _related(account_id, wanted, spellings)
        return [_by_call(account_id, [*conditions, *others], wanted, calls.c.started_ms)]
    return [
        _by_call(account_id, [*conditions, calls.c.did == did], wanted, calls.c.started_ms)
        for did in spellings
    ]


def all_conditions(
    account_id: int, wanted: CallFilter, spellings: Sequence[str] | None
) -> list[sa.ColumnElement[bool]]:
    """Say the whole filter over the calls, for lists in another order than that of their starts."""
    return [
        calls.c.account_id == account_id,
        *call_conditions(wanted),
        *_times(calls.c.started_ms, wanted),
        *_related(account_id, wanted, spellings),
    ]


def spellings_of(tx: sa.Connection, account_id: int, wanted: CallFilter) -> list[str] | None:
    """Give the spellings of the wanted line that calls of the account hold; None: any line will do."""
    if wanted.line is None:
        return None
    # From one spelling to the next: an index step for each, however many calls have it.
    mine = sa.and_(HAS_LINE, calls.c.account_id == account_id)
    first = sa.select(sa.func.min(calls.c.did).label("did")).where(mine).cte("spellings", recursive=True)
    following = sa.select(sa.func.min(calls.c.did)).where(mine, calls.c.did > first.c.did).scalar_subquery()
    held = first.union_all(sa.select(following).where(first.c.did.is_not(None)))
    found = tx.execute(sa.select(held.c.did).where(held.c.did.is_not(None)).limit(MOST_SPELLINGS))
    key = line_key(wanted.line)
    return [did for (did,) in found if line_key(did) == key]


def call_conditions(wanted: CallFilter) -> list[sa.ColumnElement[bool]]:
    """Say what each call tells by itself, but for its time."""
    c = calls.c
    digits = reversed_number(wanted.number or "")
    missed = sa.and_(
        c.direction == Direction.INBOUND.value,
        c.disposition.is_not(None),
        c.disposition.not_in(NOT_MISSED),
    )
    asked: list[tuple[bool, sa.ColumnElement[bool]]] = [
        (wanted.connection_id is not None, c.connection_id == wanted.connection_id),
        (wanted.direction is not None, c.direction == wanted.direction),
        (bool(wanted.dispositions), c.disposition.in_([one.value for one in wanted.dispositions])),
        # Digits are below ":" in ASCII, so this is every number with that end.
        (bool(digits), sa.and_(c.reversed_digits >= digits, c.reversed_digits < digits + ":")),
        (bool(wanted.number) and not digits, sa.false()),
        (wanted.did is not None, c.did == wanted.did),
        (wanted.is_missed is True, missed),
        (wanted.is_missed is False, sa.not_(missed)),
        (wanted.has_recording is True, c.recordings > 0),
        (wanted.has_recording is False, c.recordings == 0),
    ]
    return [condition for is_asked, condition in asked if is_asked]


def _times(started_ms: sa.ColumnElement[int], wanted: CallFilter) -> list[sa.ColumnElement[bool]]:
    asked = [
        (wanted.since is not None, started_ms >= to_millis(wanted.since or EPOCH)),
        (wanted.until is not None, started_ms < to_millis(wanted.until or EPOCH)),
    ]
    return [condition for is_asked, condition in asked if is_asked]


def _related(
    account_id: int, wanted: CallFilter, spellings: Sequence[str] | None, *, but: str = ""
) -> list[sa.ColumnElement[bool]]:
    """Say what has to be looked up, except by what the calls are walked already."""
    found: list[sa.ColumnElement[bool]] = []
    if wanted.employee is not None and but != "employee":
        found.append(_has_party(account_id, [HistoryKind.USER], wanted.employee))
    if wanted.group is not None and but != "group":
        found.append(_has_party(account_id, GROUP_KINDS, folded(wanted.group)))
    if spellings is not None:
        found.append(calls.c.did.in_(spellings))
    return found


def _has_party(account_id: int, kinds: Sequence[HistoryKind], party: str) -> sa.ColumnElement[bool]:
    # Another look at the table that the calls may be walked by.
    p = call_parties.alias("also").c
    return sa.exists().where(
        p.call_row == calls.c.id,
        p.kind.in_([kind.value for kind in kinds]),
        p.party == party,
        p.account_id == account_id,
    )


def _by_call(
    account_id: int,
    conditions: Sequence[sa.ColumnElement[bool]],
    wanted: CallFilter,
    started_ms: sa.ColumnElement[int],
) -> Walk:
    mine = [calls.c.account_id == account_id, *conditions, *_times(started_ms, wanted)]
    return Walk(started_ms=started_ms, id=calls.c.id, conditions=mine)


def _by_recording(account_id: int, wanted: CallFilter) -> Walk:
    recorded = calls.alias("recorded").c
    mine = [
        recorded.account_id == account_id,
        # Not bound: a query may use a partial index only if it says the same words.
        recorded.recordings > sa.literal_column("0"),
        calls.c.id == recorded.id,
        calls.c.account_id == account_id,
    ]
    return Walk(
        started_ms=recorded.started_ms,
        id=recorded.id,
        conditions=[*mine, *call_conditions(wanted), *_times(recorded.started_ms, wanted)],
    )


def _by_party(
    account_id: int,
    kind: HistoryKind,
    party: str,
    conditions: Sequence[sa.ColumnElement[bool]],
    wanted: CallFilter,
) -> Walk:
    p = call_parties.c
    mine = [
        p.account_id == account_id,
        p.kind == kind.value,
        p.party == party,
        calls.c.id == p.call_row,
        calls.c.account_id == account_id,
    ]
    return Walk(
        started_ms=p.started_ms,
        id=p.call_row,
        conditions=[*mine, *conditions, *_times(p.started_ms, wanted)],
    )
