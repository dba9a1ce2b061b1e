"""The three histories, page by page."""

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace

from switchhook.connectors.voipcloud.api.answers import success_rows
from switchhook.connectors.voipcloud.wire.history_out import row_of
from switchhook.connectors.voipcloud.wire.query import NAMES, read_query
from switchhook.connectors.voipcloud.wire.row import write_row
from switchhook.core.api import ApiHub, HistoryKind, HistoryQuery
from switchhook.core.edge import Reply, Request, every_value

# A client may ask for ten thousand rows at once; calls are far larger than the rows made of them.
PAGE_ROWS = 500
# What the next page repeats; offset and limit are its own.
REPEATED = frozenset({"from_date", "to_date", "sort_by", "unique_call_id"})

Fields = Mapping[str, Sequence[str]]


async def serve_history(kind: HistoryKind, request: Request, hub: ApiHub, *, has_order: bool) -> Reply:
    """Answer with a page of rows. The total and the next page are in headers only.

    Raises:
        BadMessage: a known parameter has a bad value.
        StoreDown.
    """
    fields = fields_of(request)
    wanted = read_query(fields, kind, ZoneInfo(hub.zone), has_order=has_order)
    rows, total = await _rows(wanted, hub)
    headers = {"X-Total-Count": str(total)}
    if wanted.offset + wanted.limit < total:
        url = f"{hub.public_url}{request.path}?{_next_page(fields, wanted)}"
        headers["Link"] = f'<{url}>; rel="next"'
    return success_rows(rows, headers)


def fields_of(request: Request) -> Fields:
    """Give every value of the query; `name[0]` of some form encoders means `name[]`."""
    if not request.raw_query:
        return {name: [value] for name, value in request.query.items()}
    fields: dict[str, list[str]] = {}
    for name, values in every_value(request.raw_query).items():
        base, bracket, index = name.partition("[")
        is_list = bracket and index.endswith("]") and index[:-1].isdecimal()
        fields.setdefault(f"{base}[]" if is_list else name, []).extend(values)
    return fields


async def _rows(wanted: HistoryQuery, hub: ApiHub) -> tuple[list[bytes], int]:
    """Read in small pages, and write each row at once, so that few calls are held at a time.

    A call that appears meanwhile shifts the pages: what was written already is not written again.
    """
    rows: list[bytes] = []
    seen: set[tuple[str, str]] = set()
    total = 0
    for start in range(0, wanted.limit, PAGE_ROWS):
        limit = min(PAGE_ROWS, wanted.limit - start)
        page = await hub.history(replace(wanted, offset=wanted.offset + start, limit=limit))
        total = total if start else page.total
        for row in page.rows:
            mark = (row.call.id, row.extension if wanted.kind is HistoryKind.USER else row.group)
            if mark not in seen:
                seen.add(mark)
                rows.append(msgspec.json.encode(write_row(row_of(wanted.kind, row, hub.region))))
        if len(page.rows) < limit:
            break
    return rows, total


def _next_page(fields: Fields, wanted: HistoryQuery) -> str:
    """Write the query of the next page out of what is known here: somebody may have put the key in theirs."""
    known = REPEATED.union(NAMES[wanted.kind])
    kept = [
        (name, value)
        for name, values in fields.items()
        if name.removesuffix("[]") in known
        for value in values
    ]
    page = [("offset", str(wanted.offset + wanted.limit)), ("limit", str(wanted.limit))]
    return urlencode([*kept, *page])
