"""Calls as a table for spreadsheets: CSV, a page in memory at a time, and no cell a formula."""

import csv
import io
from collections.abc import AsyncIterator, Iterable, Sequence

from litestar.response import Stream

from switchhook.core.call_view import CallView, view_of
from switchhook.core.contact_files import defused
from switchhook.store import calls as call_store
from switchhook.store.calls import CallFilter, Cursor
from switchhook.web.api.call_example import ANSWERED
from switchhook.web.api.operation import Answer, Asked

CSV = "text/csv"
PAGE = 500
MOST_ROWS = 100_000

HEADING = (
    "id",
    "started_at",
    "direction",
    "disposition",
    "number",
    "number_e164",
    "contact_name",
    "line",
    "group",
    "employee",
    "rang",
    "ring_seconds",
    "talk_seconds",
    "answered_at",
    "ended_at",
    "recordings",
    "connection",
)


def row_of(call: CallView) -> Sequence[object]:
    """Give the cells of a call, in the order of the heading; nothing for what is not known."""
    return (
        call.id,
        call.started_at,
        call.direction.value,
        call.disposition.value if call.disposition else None,
        call.number.raw,
        call.number.e164,
        call.contact_name,
        call.line.raw if call.line else None,
        call.group.name if call.group else None,
        call.employee.extension if call.employee else None,
        " ".join(dict.fromkeys(leg.extension for leg in call.legs if leg.extension)),
        call.ring_seconds,
        call.talk_seconds,
        call.answered_at,
        call.ended_at,
        " ".join(recording.url for recording in call.recordings if recording.url),
        call.connection.id,
    )


def lines_of(rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([cell_of(cell) for cell in row] for row in rows)
    return text.getvalue()


def cell_of(cell: object) -> str:
    return "" if cell is None else defused(str(cell))


def table_of(asked: Asked, wanted: CallFilter) -> Answer:
    """Give the calls of a filter as a file."""
    return Stream(
        lines(asked, wanted),
        media_type=CSV,
        headers={"content-disposition": 'attachment; filename="calls.csv"', "vary": "accept"},
    )


async def lines(asked: Asked, wanted: CallFilter) -> AsyncIterator[str]:
    yield lines_of([HEADING])
    after: Cursor | None = None
    for _ in range(MOST_ROWS // PAGE):
        page = await asked.store.read(call_store.page, asked.account_id, wanted, after=after, limit=PAGE)
        shown = [
            view_of(call, region=asked.region, public_url=asked.office.hall.public_url)
            for call in page.calls
            if not call.is_shadow
        ]
        if shown:
            yield lines_of(map(row_of, shown))
        after = page.following
        if after is None:
            return


CSV_EXAMPLE = lines_of([HEADING, row_of(ANSWERED)])
