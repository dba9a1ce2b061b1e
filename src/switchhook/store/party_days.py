"""How many rows a history has, and on which days: counted by the day, never one by one.

Whole days come from `call_party_days`. Only what is cut off at the ends of a time range is counted
over an index, so at most two days of it.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import sqlalchemy as sa
from msgspec import Struct

from switchhook.store.call_parties import EVERYBODY
from switchhook.store.tables.parties import call_parties, call_party_days
from switchhook.store.times import DAY

# Nothing starts as far from 1970.
EVER_MS = 10_000_000 * DAY
# To step over so many entries of an index is quicker than to find out on which days they are.
SHALLOW = 10_000


class Rows(Struct, frozen=True, kw_only=True):
    """Which rows of `call_parties` are meant."""

    account_id: int
    kind: str
    parties: tuple[str, ...] | None = None  # None: everybody's
    since_ms: int = -EVER_MS
    until_ms: int = EVER_MS  # not included

    @property
    def is_in_order(self) -> bool:
        """Tell whether an index gives them in the order of a history: not those of several parties."""
        return self.parties is None or len(self.parties) == 1

    def parameters(self) -> dict[str, object]:
        """Give what `meant` and `in_time` ask for."""
        found = {
            "account_id": self.account_id,
            "kind": self.kind,
            "since_ms": self.since_ms,
            "until_ms": self.until_ms,
        }
        return found if self.parties is None else {**found, "parties": self.parties}


class Place(NamedTuple):
    """Where a page lies: within these times, after so many rows of them."""

    start_ms: int
    end_ms: int  # not included
    skipped: int


class _Part(NamedTuple):
    """A stretch of time with so many rows, and what of it the page needs if it needs any."""

    rows: int
    start_ms: int
    end_ms: int
    passed: int = 0  # rows of the part that lie before


def meant(table: sa.FromClause, *, is_named: bool, parties: str = "parties") -> list[sa.ColumnElement[bool]]:
    """Say whose rows are meant, in either of the two tables; with `is_named` only those of `parties`."""
    mine = [table.c.account_id == sa.bindparam("account_id"), table.c.kind == sa.bindparam("kind")]
    party = table.c.party.in_(sa.bindparam(parties, expanding=True))
    return [*mine, party] if is_named else mine


def in_time(since: str = "since_ms", until: str = "until_ms") -> list[sa.ColumnElement[bool]]:
    started_ms = call_parties.c.started_ms
    return [started_ms >= sa.bindparam(since), started_ms < sa.bindparam(until)]


def _count(*, is_named: bool, since: str = "since_ms", until: str = "until_ms") -> sa.Select[int]:
    mine = meant(call_parties, is_named=is_named)
    return sa.select(sa.func.count()).select_from(call_parties).where(*mine, *in_time(since, until))


_COUNTS = {is_named: _count(is_named=is_named) for is_named in (False, True)}


def find_page(
    tx: sa.Connection, rows: Rows, *, offset: int, limit: int, is_newest_first: bool
) -> tuple[int, Place | None]:
    """Count these rows of one account, exactly, and say where a page of them lies; None: there is none."""
    parts = list(_parts(tx, rows, offset, limit, is_newest_first=is_newest_first))
    passed = 0
    chosen: list[_Part] = []
    skipped = 0
    for part in parts:
        if part.rows and passed < offset + limit and offset < passed + part.rows:
            skipped = skipped if chosen else offset - passed - part.passed
            chosen.append(part)
        passed += part.rows
    if not chosen:
        return passed, None
    start_ms, end_ms = min(part.start_ms for part in chosen), max(part.end_ms for part in chosen)
    return passed, Place(start_ms, end_ms, skipped)


def _parts(
    tx: sa.Connection, rows: Rows, offset: int, limit: int, *, is_newest_first: bool
) -> Iterator[_Part]:
    """Give the parts of the time range in the order of the page: a broken day, whole days, a broken day."""
    since, until = rows.since_ms, rows.until_ms
    first, last = whole_days(rows)
    if first > last:  # all within a day
        if since < until:
            yield _counted(tx, rows, since, until)
        return
    broken = [(since, first * DAY), (last * DAY, until)]
    (begin, end) = broken[::-1] if is_newest_first else broken
    before = _counted(tx, rows, *begin)
    yield before
    yield _whole_days(tx, rows, first, last, offset - before.rows, limit, is_newest_first=is_newest_first)
    yield _counted(tx, rows, *end)


def _counted(tx: sa.Connection, rows: Rows, start_ms: int, end_ms: int) -> _Part:
    if start_ms >= end_ms:
        return _Part(0, start_ms, end_ms)
    asked = {**rows.parameters(), "since_ms": start_ms, "until_ms": end_ms}
    return _Part(tx.execute(_COUNTS[rows.parties is not None], asked).scalar_one(), start_ms, end_ms)


def _whole_days(
    tx: sa.Connection,
    rows: Rows,
    first: int,
    last: int,
    offset: int,
    limit: int,
    *,
    is_newest_first: bool,
) -> _Part:
    if first == last:
        return _Part(0, first * DAY, last * DAY)
    asked: dict[str, object] = {
        **rows.parameters(),
        "counted": (EVERYBODY,) if rows.parties is None else rows.parties,
        "first": first,
        "last": last,
    }
    if offset <= SHALLOW and rows.is_in_order:
        return _Part(int(tx.execute(_SUM, asked).scalar_one()), first * DAY, last * DAY)
    asked |= {"offset": offset, "end": offset + limit}
    total, start, end, passed = tx.execute(_days(is_newest_first=is_newest_first), asked).one()
    if start is None:
        return _Part(int(total), 0, 0)
    return _Part(int(total), start * DAY, (end + 1) * DAY, int(passed))


_OF_DAYS = [
    *meant(call_party_days, is_named=True, parties="counted"),
    call_party_days.c.day >= sa.bindparam("first"),
    call_party_days.c.day < sa.bindparam("last"),
]
_SUM = sa.select(sa.func.coalesce(sa.func.sum(call_party_days.c.amount), 0)).where(*_OF_DAYS)
# The whole of it within another statement, which then needs what `ends_of` gives as well.
TOTAL = {
    is_named: _SUM.scalar_subquery()
    + _count(is_named=is_named, until="first_ms").scalar_subquery()
    + _count(is_named=is_named, since="last_ms").scalar_subquery()
    for is_named in (False, True)
}


def ends_of(rows: Rows) -> dict[str, object] | None:
    """Give the first whole day and the one after the last, for `TOTAL`; None: all is within a day."""
    first, last = whole_days(rows)
    if first > last:
        return None
    return {
        "counted": (EVERYBODY,) if rows.parties is None else rows.parties,
        "first": first,
        "last": last,
        "first_ms": first * DAY,
        "last_ms": last * DAY,
    }


def whole_days(rows: Rows) -> tuple[int, int]:
    """Give the first whole day of a range, and the one after its last; the other way round: there is none."""
    return -(-rows.since_ms // DAY), rows.until_ms // DAY


@cache
def _days(*, is_newest_first: bool) -> sa.Select[Any]:
    """Sum the days up and find those of a page: total, first day, last day, rows before them.

    Left to the database, since many days are many rows. Made once, as it is asked for each page.
    """
    c = call_party_days.c
    days = (
        sa.select(c.day, sa.func.sum(c.amount).label("rows"))
        .where(*_OF_DAYS)
        .group_by(c.day)
        .subquery("days")
    )
    day = days.c.day
    up_to = sa.func.sum(days.c.rows).over(order_by=day.desc() if is_newest_first else day.asc())
    run = sa.select(day, days.c.rows, up_to.label("up_to")).subquery("run")
    before = run.c.up_to - run.c.rows
    is_on_page = sa.and_(
        run.c.up_to > sa.bindparam("offset", type_=sa.BigInteger),
        before < sa.bindparam("end", type_=sa.BigInteger),
    )
    return sa.select(
        sa.func.coalesce(sa.func.sum(run.c.rows), 0),
        sa.func.min(sa.case((is_on_page, run.c.day))),
        sa.func.max(sa.case((is_on_page, run.c.day))),
        sa.func.min(sa.case((is_on_page, before))),
    )
