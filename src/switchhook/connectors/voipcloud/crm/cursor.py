"""How far a history has been read, and which page comes next. Pure.

A row appears when its call has ended, but stands where the call began: so what began shortly before
the newest row is read again each time, and the day before once a day.

Oldest first, a place in the list is a number that only grows, so what was read is passed over. Newest
first, for PBXs that know no other order, it is read from the top down to what is known.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from switchhook.connectors.voipcloud.wire.query import Page
from switchhook.connectors.voipcloud.wire.row import Row

# A call that lasts longer is found by reading the day again.
OVERLAP = timedelta(hours=2)
# The PBX cuts days in a time zone that is not told.
ANY_ZONE = timedelta(days=1)
DAY = timedelta(days=1)


class Cursor(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is remembered of one history between two readings."""

    since: datetime  # calls that began before are none of ours
    swept: date  # when the day before was last read again
    day: date  # oldest first: places are counted from here
    offset: int = 0  # oldest first: everything before this place is known
    known: datetime | None = None  # newest first: the newest beginning that is known
    is_newest_first: bool = False


class Sweep(Struct, frozen=True, kw_only=True):
    """A reading under way. `begun` are the beginnings from place `start` on, newest first only the newest."""

    start: int
    position: int
    begun: tuple[datetime, ...] = ()


def new_cursor(since: datetime, *, now: datetime, is_newest_first: bool) -> Cursor:
    """Begin at calls that began at `since`."""
    day = (since - ANY_ZONE).date()
    return Cursor(since=since, swept=now.date(), day=day, is_newest_first=is_newest_first)


def read_cursor(stored: Any, *, has_order: bool) -> Cursor | None:
    """Read what was remembered; None when there is nothing, or it can no longer be used."""
    try:
        cursor = msgspec.convert(stored, Cursor)
    except msgspec.ValidationError:
        return None
    return cursor if has_order or cursor.is_newest_first else None


def write_cursor(cursor: Cursor) -> Any:
    return msgspec.to_builtins(cursor)


def begin(cursor: Cursor) -> Sweep:
    start = 0 if cursor.is_newest_first else cursor.offset
    return Sweep(start=start, position=start)


def page_of(cursor: Cursor, sweep: Sweep, *, limit: int, now: datetime) -> Page:
    """Say which page to ask for next."""
    from_date = (floor_of(cursor, now) - ANY_ZONE).date() if cursor.is_newest_first else cursor.day
    return Page(
        from_date=from_date,
        to_date=(now + ANY_ZONE).date(),
        is_newest_first=cursor.is_newest_first,
        offset=sweep.position,
        limit=limit,
    )


def floor_of(cursor: Cursor, now: datetime) -> datetime:
    """Newest first: say how far down to read."""
    if cursor.known is None:
        return cursor.since
    floor = cursor.known - OVERLAP
    return max(floor - DAY if cursor.swept != now.date() else floor, cursor.since)


def is_in_order(rows: Sequence[Row]) -> bool:
    """Tell whether rows that were asked for oldest first are: a PBX may not know that order."""
    begun = [row.call_start_at for row in rows if row.call_start_at is not None]
    return not begun or begun[0] <= begun[-1]


def after_page(
    cursor: Cursor, sweep: Sweep, rows: Sequence[Row], *, limit: int, now: datetime
) -> tuple[Cursor, Sweep | None]:
    """Go on behind a page; gives no sweep when everything has been read."""
    step = _after_newest if cursor.is_newest_first else _after_oldest
    return step(cursor, sweep, rows, len(rows) < limit, now)


def _after_oldest(
    cursor: Cursor, sweep: Sweep, rows: Sequence[Row], is_last: bool, now: datetime
) -> tuple[Cursor, Sweep | None]:
    last = sweep.begun[-1] if sweep.begun else cursor.since
    begun = list(sweep.begun)
    for row in rows:
        last = row.call_start_at or last
        begun.append(last)
    horizon = min(last, now) - OVERLAP
    known = next((place for place, at in enumerate(begun) if at >= horizon), len(begun))
    start = sweep.start + known
    cursor = replace(cursor, offset=start)
    if not is_last:
        return cursor, Sweep(start=start, position=sweep.position + len(rows), begun=tuple(begun[known:]))
    if cursor.swept != now.date():
        cursor = replace(cursor, swept=now.date(), day=now.date() - DAY, offset=0)
    return cursor, None


def _after_newest(
    cursor: Cursor, sweep: Sweep, rows: Sequence[Row], is_last: bool, now: datetime
) -> tuple[Cursor, Sweep | None]:
    begun = [row.call_start_at for row in rows if row.call_start_at is not None]
    newest = max((*sweep.begun, *begun), default=None)
    if not is_last and not (begun and min(begun) < floor_of(cursor, now)):
        top = () if newest is None else (newest,)
        return cursor, Sweep(start=0, position=sweep.position + len(rows), begun=top)
    known = max((at for at in (newest, cursor.known) if at is not None), default=None)
    # A clock that runs ahead must not hide what comes next.
    return replace(cursor, known=min(known, now) if known else None, swept=now.date()), None
