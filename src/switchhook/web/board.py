"""What the pages show, read from the store: cards, rows of the history, one call in detail."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import structlog
from msgspec import Struct

from switchhook.core.call import Call, CallEvent, CallReport, ChangeKind, Disposition, Tick
from switchhook.core.errors import NotFound
from switchhook.store import calls as call_store
from switchhook.store import delivery_log, events
from switchhook.store.calls import Cursor
from switchhook.store.deliveries import State
from switchhook.store.delivery_log import Delivery
from switchhook.store.events import Told
from switchhook.web.hall import Hall
from switchhook.web.views import (
    BAD,
    Card,
    Chip,
    Names,
    Row,
    Sound,
    card_of,
    is_live,
    person,
    row_of,
    sound_of,
)

log = structlog.get_logger(__name__)

ROWS = 40
CARDS = 60

# What one chip says of several messages: the worst that somebody has to look at.
WORST_FIRST = (State.DEAD, State.WAITING, State.DELIVERED, State.SUPERSEDED, State.SKIPPED)


class LegView(Struct, frozen=True, kw_only=True):
    """One phone's part in a call."""

    who: str
    result: str
    is_bad: bool
    talk_seconds: int | None


class DeliveryView(Struct, frozen=True, kw_only=True):
    """One message to one connection."""

    connection: str
    what: str
    state: str
    reason: str
    attempts: int


class EventView(Struct, frozen=True, kw_only=True):
    """One thing that was heard of the call."""

    at: datetime
    what: str
    extension: str
    result: str


class Details(Struct, frozen=True, kw_only=True):
    """All there is to say about a call."""

    connection: str
    peer_id: str
    ended_because: str
    custom: Mapping[str, str]
    sounds: tuple[Sound, ...]
    legs: tuple[LegView, ...]
    deliveries: tuple[DeliveryView, ...]
    events: tuple[EventView, ...]


async def read_cards(hall: Hall, account_id: int) -> list[Card]:
    """Give the calls that go on, newest first."""
    found = [one for one in await hall.store.read(call_store.open_calls, account_id) if is_live(one)]
    shown = found[:CARDS]
    names = await hall.names(account_id, shown)
    return [card_of(one, names) for one in shown]


async def read_rows(hall: Hall, account_id: int, *, before: str = "") -> tuple[list[Row], str]:
    """Give a page of the history, newest first, and where the next one goes on ("" at the end)."""
    page = await hall.store.read(call_store.page, account_id, after=read_cursor(before), limit=ROWS)
    ended = [call for call in page.calls if not is_live(call) and not call.is_shadow]
    names = await hall.names(account_id, ended)
    rows = [await read_row(hall, account_id, call, names) for call in ended]
    following = page.following
    return rows, f"{following.started_ms}.{following.id}" if following else ""


async def read_row(hall: Hall, account_id: int, call: Call, names: Names) -> Row:
    """Give one row, with who got to know of the call."""
    told = await hall.store.read(delivery_log.of_call, account_id, call.id)
    return row_of(call, names, chips_of(told, names))


async def read_details(hall: Hall, account_id: int, call_row: str) -> Details:
    """Give everything about one call.

    Raises:
        NotFound: the account has no such call.
    """
    call = await hall.store.read(call_store.get, account_id, call_row)
    if call is None:
        raise NotFound("no such call")
    told = await hall.store.read(delivery_log.of_call, account_id, call_row)
    heard = await hall.store.read(events.of_call, account_id, call_row)
    names = await hall.names(account_id)
    return Details(
        connection=names.connections.get(call.connection_id, call.connection_id),
        peer_id=call.call_id,
        ended_because=call.ended_because or "",
        custom=call.custom,
        sounds=tuple(sound_of(call, index, one) for index, one in enumerate(call.recordings)),
        legs=tuple(legs_of(call, names)),
        deliveries=tuple(deliveries_of(told, names)),
        events=tuple(event_view(one, names) for one in heard if not isinstance(one.news, Tick)),
    )


def legs_of(call: Call, names: Names) -> Iterable[LegView]:
    for leg in call.legs:
        result = leg.disposition.value if leg.disposition else "state_" + leg.state.value
        yield LegView(
            who=person(leg.extension, names) if leg.extension else "",
            result=result,
            # The losers of a group were cancelled, and nothing is wrong with that.
            is_bad=leg.disposition in BAD and leg.disposition is not Disposition.CANCELLED,
            talk_seconds=leg.talk_seconds,
        )


def deliveries_of(told: Sequence[Delivery], names: Names) -> Iterable[DeliveryView]:
    for one in told:
        yield DeliveryView(
            connection=names.connections.get(one.connection_id, one.connection_id),
            what=one.kind,
            state=one.state.value,
            reason=one.reason or "",
            attempts=one.attempts,
        )


def chips_of(told: Sequence[Delivery], names: Names) -> list[Chip]:
    """Say in one word per connection how far it got to know of a call."""
    by_connection: dict[str, list[Delivery]] = {}
    for one in told:
        by_connection.setdefault(one.connection_id, []).append(one)
    return [
        chip_of(names.connections.get(connection_id, connection_id), some)
        for connection_id, some in by_connection.items()
    ]


def chip_of(connection: str, some: Sequence[Delivery]) -> Chip:
    # A correction that a CRM cannot take is told in the details; the call itself has arrived.
    counted = [one for one in some if one.kind != ChangeKind.CORRECTED.value] or some
    worst = min((one.state for one in counted), key=WORST_FIRST.index)
    reason = next((one.reason for one in counted if one.state is worst and one.reason), "")
    return Chip(connection=connection, state=worst.value, reason=reason or "")


def event_view(told: Told, names: Names) -> EventView:
    news = told.news
    result = news.disposition if isinstance(news, CallEvent | CallReport) else None
    return EventView(
        at=told.at,
        what=told.kind,
        extension=person(told.extension, names) if told.extension else "",
        result=result.value if result else "",
    )


def read_cursor(text: str) -> Cursor | None:
    """Read where a page of the history goes on; what cannot be read begins at the top."""
    started, _, call_row = text.partition(".")
    if not (started.isascii() and started.isdigit() and len(started) < 16 and call_row):
        return None
    return Cursor(int(started), call_row[:64])
