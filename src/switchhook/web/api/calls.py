"""Calls: by page, as they change, and one with all that is known of it."""

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct

from switchhook.core.api import Scope
from switchhook.core.call import Call, CallEvent, Direction, Happening
from switchhook.core.call_view import CallView, rfc3339, view_of
from switchhook.core.errors import NotFound
from switchhook.store import calls as call_store
from switchhook.store import delivery_log, events
from switchhook.store.events import Told
from switchhook.web.api import deliveries
from switchhook.web.api.accept import preferred
from switchhook.web.api.call_example import ANSWERED
from switchhook.web.api.call_filters import CallsQuery, written, written_change
from switchhook.web.api.call_table import CSV, CSV_EXAMPLE, table_of
from switchhook.web.api.deliveries import DEAD, DeliveryView
from switchhook.web.api.fields import CallId, Next, Time
from switchhook.web.api.operation import JSON, Answer, Answers, Asked, json_answer, operation
from switchhook.web.api.paging import LIMIT
from switchhook.web.api.problem import WrongValue, WrongValues

TAG = "Calls"

VARY = {"vary": "accept"}


class CallPage(Struct, frozen=True, kw_only=True):
    items: tuple[CallView, ...]
    next: Next
    since: Annotated[str | None, Meta(description="When changes are read: where to go on, now or later.")] = (
        None
    )
    has_more: Annotated[bool, Meta(description="There is more to be read at once.")]


class CallPath(Struct, frozen=True, kw_only=True):
    call_id: CallId


class EventView(Struct, frozen=True, kw_only=True):
    """One thing that was told about a call, as it was told."""

    number: Annotated[int, Meta(description="Within the call, from 1.")]
    at: Time
    kind: Annotated[str, Meta(description="What happened to a phone; `report`, `recording kept`, `tick`.")]
    extension: str | None
    news: Annotated[dict[str, Any], Meta(description="With what the peer sent, less its keys.")]


class CallDetails(Struct, frozen=True, kw_only=True):
    """A call with all that was heard of it and all that was passed on."""

    call: CallView
    events: Annotated[tuple[EventView, ...], Meta(description="The ledger, oldest first; up to 1,000.")]
    deliveries: Annotated[tuple[DeliveryView, ...], Meta(description="Oldest first; up to 1,000.")]


RANG = EventView(
    number=1,
    at="2026-01-31T09:00:00.000Z",
    kind="ringing",
    extension="101",
    news=msgspec.to_builtins(
        CallEvent(
            call_id="1738314000.42",
            happening=Happening.RINGING,
            direction=Direction.INBOUND,
            number="89101234567",
            extension="101",
            as_sent={"event": "INCOMING", "phone": "89101234567", "ext": "101"},
        )
    ),
)


def view(asked: Asked, call: Call) -> CallView:
    return view_of(call, region=asked.region, public_url=asked.office.hall.public_url)


def event_view(told: Told) -> EventView:
    return EventView(
        number=told.seq,
        at=rfc3339(told.at),
        kind=told.kind,
        extension=told.extension,
        news=msgspec.to_builtins(told.news),
    )


async def read_call(asked: Asked, call_id: str) -> Call:
    """Raises: NotFound."""
    call = await asked.store.read(call_store.get, asked.account_id, call_id)
    if call is None:
        raise NotFound(f"no such call: {call_id}")
    return call


@operation(
    "GET",
    "/calls",
    tag=TAG,
    scope=Scope.READ,
    summary="List calls, or read those that changed",
    answers=Answers(
        CallPage,
        CallPage(items=(ANSWERED,), next="1769850000000.0194b8f1c2a0d4e5f60718293a", has_more=True),
        media={CSV: CSV_EXAMPLE},
    ),
)
async def list_calls(asked: Asked, query: CallsQuery) -> Answer:
    """Newest first, by page: go on with `cursor`. Calls that come in meanwhile move nothing.

    With `since` calls are given in the order of their last change, each as it now stands: go on with `since`
    of the answer. Nothing is left out, and a call that changes again comes again. Changes are given a moment
    (100 ms, or a second on PostgreSQL) after they were made.

    With `Accept: text/csv` the calls are a table, newest first, up to 100,000 rows. No cell of it is a
    formula: one that would be begins with an apostrophe.
    """
    if preferred(asked.request.headers.get("accept", ""), (JSON, CSV)) == CSV:
        refuse(query, ("cursor", "since", "limit"), "expected it without Accept: text/csv")
        return table_of(asked, query.filter)
    if query.since is not UNSET:
        refuse(query, ("cursor",), "expected it without since")
        return await changes(asked, query)
    page = await asked.store.read(
        call_store.page, asked.account_id, query.filter, after=query.place, limit=query.limit or LIMIT
    )
    return json_answer(
        CallPage(
            items=tuple(view(asked, call) for call in page.calls if not call.is_shadow),
            next=written(page.following),
            has_more=page.following is not None,
        ),
        headers=VARY,
    )


async def changes(asked: Asked, query: CallsQuery) -> Answer:
    page = await asked.store.read(
        call_store.changes_page,
        asked.account_id,
        query.filter,
        after=query.change,
        limit=query.limit or LIMIT,
    )
    return json_answer(
        CallPage(
            items=tuple(view(asked, call) for call in page.calls if not call.is_shadow),
            next=None,
            since=written_change(page.following or query.change),
            has_more=page.has_more,
        ),
        headers=VARY,
    )


def refuse(query: CallsQuery, names: tuple[str, ...], why: str) -> None:
    """Raises: BadMessage: names each of these parameters that is there."""
    wrong = [WrongValue(field=name, detail=why) for name in names if getattr(query, name) is not UNSET]
    if wrong:
        raise WrongValues(wrong)


@operation(
    "GET",
    "/calls/{call_id}",
    tag=TAG,
    scope=Scope.READ,
    summary="Show a call",
    answers=Answers(CallDetails, CallDetails(call=ANSWERED, events=(RANG,), deliveries=(DEAD,))),
)
async def show_call(asked: Asked, path: CallPath) -> Answer:
    """With all that was heard of it, and all that was passed on."""
    call = await read_call(asked, path.call_id)
    heard = await asked.store.read(events.of_call, asked.account_id, call.id)
    told = await asked.store.read(delivery_log.of_call, asked.account_id, call.id)
    return json_answer(
        CallDetails(
            call=view(asked, call),
            events=tuple(map(event_view, heard)),
            deliveries=tuple(map(deliveries.view, told)),
        )
    )
