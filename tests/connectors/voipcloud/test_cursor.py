"""How far a history was read: nothing is passed over, little is read again."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchhook.connectors.voipcloud.crm.cursor import (
    Cursor,
    Sweep,
    after_page,
    begin,
    new_cursor,
    page_of,
    read_cursor,
    write_cursor,
)
from switchhook.connectors.voipcloud.wire.row import Row
from switchhook.core.api import HistoryKind

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class List:
    """A history that rows join when their calls end, at the place where they began."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.requests = 0

    def read(self, cursor: Cursor, now: datetime, *, limit: int) -> tuple[Cursor, list[Row]]:
        found: list[Row] = []
        sweep: Sweep | None = begin(cursor)
        while sweep is not None:
            self.requests += 1
            page = page_of(cursor, sweep, limit=limit, now=now)
            wanted = [row for row in self.rows if page.from_date <= begun(row).date() <= page.to_date]
            wanted.sort(key=begun, reverse=page.is_newest_first)
            rows = wanted[page.offset : page.offset + limit]
            found += rows
            cursor, sweep = after_page(cursor, sweep, rows, limit=limit, now=now)
            cursor = read_cursor(write_cursor(cursor), has_order=True) or cursor
        return cursor, found


def begun(row: Row) -> datetime:
    assert row.call_start_at is not None
    return row.call_start_at


def row(call_id: str, at: datetime) -> Row:
    return Row(kind=HistoryKind.USER, unique_call_id=call_id, call_start_at=at)


calls = st.lists(
    st.tuples(st.integers(0, 60 * 60), st.integers(1, 110)), max_size=40
)  # begins, lasts: minutes


@given(calls=calls, is_newest_first=st.booleans(), limit=st.integers(2, 7), every=st.integers(20, 900))
def test_every_row_is_read_whenever_it_appears(
    calls: list[tuple[int, int]], is_newest_first: bool, limit: int, every: int
) -> None:
    history, read = List(), set()
    cursor = new_cursor(START - timedelta(days=1), now=START, is_newest_first=is_newest_first)
    waiting = sorted((begins + lasts, str(n), begins) for n, (begins, lasts) in enumerate(calls))
    minutes = 0
    while minutes <= 63 * 60 + every:
        while waiting and waiting[0][0] <= minutes:
            _, call_id, begins = waiting.pop(0)
            history.rows.append(row(call_id, START + begins * MINUTE))
        cursor, rows = history.read(cursor, START + minutes * MINUTE, limit=limit)
        read |= {one.unique_call_id for one in rows}
        minutes += every

    assert read == {str(n) for n in range(len(calls))}


@pytest.mark.parametrize("is_newest_first", [False, True])
def test_a_call_of_half_a_day_is_found_when_the_day_is_read_again(is_newest_first: bool) -> None:
    history, read = List(), set()
    cursor = new_cursor(START, now=START, is_newest_first=is_newest_first)
    for minute in range(0, 48 * 60, 30):
        history.rows.append(row(f"short {minute}", START + minute * MINUTE))
        if minute == 12 * 60:
            history.rows.append(row("long", START + MINUTE))
        cursor, rows = history.read(cursor, START + (minute + 1) * MINUTE, limit=100)
        read |= {one.unique_call_id for one in rows}

    assert "long" in read


@pytest.mark.parametrize("is_newest_first", [False, True])
def test_a_quiet_pbx_is_asked_once_a_time(is_newest_first: bool) -> None:
    history = List()
    history.rows = [row(str(n), START - timedelta(hours=20) + n * MINUTE) for n in range(250)]
    cursor = new_cursor(START - timedelta(days=1), now=START, is_newest_first=is_newest_first)
    cursor, first = history.read(cursor, START, limit=100)
    at_first = history.requests
    for minute in range(1, 60):
        cursor, again = history.read(cursor, START + minute * MINUTE, limit=200)

    assert (len(first), at_first) == (250, 3)
    assert history.requests == at_first + 59
    assert len(again) <= 200


@pytest.mark.parametrize(
    "stored", [None, {}, [], "x", {"since": 5, "day": "x"}, {"since": "2026-03-02T00:00:00Z"}]
)
def test_what_cannot_be_read_is_begun_anew(stored: object) -> None:
    assert read_cursor(stored, has_order=True) is None


def test_the_first_version_of_the_api_cannot_go_on_from_a_place_of_the_second() -> None:
    oldest = new_cursor(START, now=START, is_newest_first=False)

    assert read_cursor(write_cursor(oldest), has_order=True) == oldest
    assert read_cursor(write_cursor(oldest), has_order=False) is None
