"""One transaction of intake: everything that arrived together, folded in the order of arrival.

Runs in the store's transaction, in the event loop. Several arrivals about one call see each other's
result; each call, ledger and lane is written once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from msgspec import Struct
from msgspec.structs import replace

from switchhook.core.call import (
    Call,
    CallEvent,
    CallReport,
    Change,
    ChangeKind,
    Direction,
    News,
    OwnNews,
    Phase,
    Tick,
)
from switchhook.core.connector import Side
from switchhook.core.errors import LinkLost
from switchhook.core.fold import Birth, fold, is_over
from switchhook.core.number import international_digits, read_number
from switchhook.flow.desk import Arrival, Desk
from switchhook.flow.destinations import Destinations
from switchhook.flow.ids import Ids
from switchhook.store import call_parties, call_rows, deliveries, dials, events, recordings
from switchhook.store.call_rows import CallRow, Tx, encode
from switchhook.store.link_leases import link_epochs
from switchhook.store.many import Row
from switchhook.store.times import to_millis

log = structlog.get_logger()

# Asked at every event. See core/call.py on why these have names of their own.
_HEARD = ChangeKind.RECORDING_HEARD
_OUTBOUND = Direction.OUTBOUND

NOBODY = Birth(id="", connection_id="", shared_id="", recording_token="", call_id="")


class Told(Struct, frozen=True, gc=False):
    """A call after one step, and what became true in it. A higher version is newer."""

    call: Call
    changes: tuple[Change, ...]
    version: int
    due_ms: int | None  # when the clock next has something to say about it


class Taken(Struct, frozen=True, gc=False):
    """What came of one arrival, for those who go on with it after the commit."""

    account_id: int
    told: tuple[Told, ...]
    destinations: frozenset[str]  # ids of connections whose lanes have something new to be looked at
    due_ms: int | None  # when the clock next has something to say about these calls


@dataclass(frozen=True, kw_only=True, slots=True)
class Tools:
    """What a transaction is given from outside."""

    destinations: Destinations
    ids: Ids
    now: Callable[[], datetime]


class Taking:
    """The work of one transaction. Lives as long as it does."""

    def __init__(self, tx: Tx, tools: Tools, arrivals: Sequence[Arrival]) -> None:
        self._tx = tx
        self._tools = tools
        self._arrivals = arrivals
        fenced = {one.connection_id for one in arrivals if one.fence is not None}
        self._epochs = link_epochs(tx, fenced) if fenced else {}
        self._desk = Desk(tx, arrivals)
        self._events: list[Row] = []
        self._deliveries: list[deliveries.Message] = []
        self._heard: list[tuple[int, Call, int, datetime]] = []  # recordings to be fetched
        # What the arrival in hand made true, by call: what came together is told together.
        self._said: dict[str, tuple[CallRow, list[Change]]] = {}

    def run(self) -> list[Taken | Exception]:
        """Take all, write all; give what came of each. One that fails changes nothing."""
        results = [self._take_or_put_back(arrival) for arrival in self._arrivals]
        now_ms = to_millis(self._tools.now())
        rows = self._desk.rows_to_write()
        call_rows.write(self._tx, rows, now_ms=now_ms)
        self._write_parties(rows)
        events.append(self._tx, self._events)
        deliveries.queue(self._tx, self._deliveries, now_ms=now_ms)
        for account_id, call, index, at in self._heard:
            recordings.enqueue(self._tx, account_id, call, index, at=at)
        return results

    def _write_parties(self, rows: Sequence[CallRow]) -> None:
        """Say who took part in the calls that have ended, for the histories."""
        concerned: dict[int, list[CallRow]] = {}
        for row in rows:
            if call_parties.concerns_parties(row.stored, row.call):
                concerned.setdefault(row.account_id, []).append(row)
        for account_id, of_account in concerned.items():
            known = {
                row.call.id
                for row in of_account
                if row.stored is not None and row.stored.phase is not Phase.OPEN
            }
            call_parties.write_parties(self._tx, account_id, [row.call for row in of_account], known=known)

    def _take_or_put_back(self, arrival: Arrival) -> Taken | Exception:
        if arrival.fence is not None and self._epochs.get(arrival.connection_id) != arrival.fence:
            return LinkLost("another process holds the link to this peer")
        marks = len(self._events), len(self._deliveries), len(self._heard)
        try:
            steps = [self._take(arrival, news) for news in arrival.news]
            for row, changes in self._said.values():
                self._tell(row, changes, arrival.at)
        except Exception as error:
            log.exception("news could not be taken", connection=arrival.connection_id)
            self._desk.put_back()
            del self._events[marks[0] :], self._deliveries[marks[1] :], self._heard[marks[2] :]
            return error
        finally:
            self._said.clear()
        self._desk.keep()
        told = tuple([step for step in steps if step is not None])
        return Taken(
            account_id=arrival.account_id,
            told=told,
            destinations=frozenset([row.connection_id for row in self._deliveries[marks[1] :]]),
            due_ms=_first_due(told),
        )

    def _take(self, arrival: Arrival, news: News) -> Told | None:
        row = self._desk.find(arrival, news)
        if row is not None and arrival.call_row is None and is_over(row.call, news, arrival.at):
            self._desk.retire(row)
            row = None
        old = None if row is None else row.call
        if old is None and isinstance(news, OwnNews):
            return None
        birth = NOBODY if old is not None else self._birth(arrival, news)
        call, changes = fold(old, news, at=arrival.at, birth=birth)
        if isinstance(news, Tick) and not changes and call == old:
            return None
        if row is None:
            call = self._tied(arrival, news, call)
            row = self._desk.begin(arrival.account_id, call)
        elif isinstance(news, CallReport) and news.call_id:
            self._desk.also_known_as(row, news.call_id)
        self._desk.change(row, call)
        at_ms = to_millis(arrival.at)
        self._events.append(events.entry(call.id, row.events, row.account_id, at_ms, news))
        if changes:
            self._said.setdefault(call.id, (row, []))[1].extend(changes)
        return Told(call, changes, row.events, row.due_ms())

    def _birth(self, arrival: Arrival, news: News) -> Birth:
        new_id = self._tools.ids.new_id(arrival.at)
        call_id = news.call_id or new_id
        is_free = self._desk.is_free(arrival.account_id, call_id)
        return Birth(
            id=new_id,
            connection_id=arrival.connection_id,
            call_id=call_id,
            # The end of our id is chance, its beginning is time.
            shared_id=call_id if is_free else f"{call_id}-{new_id[-6:]}",
            recording_token=self._tools.ids.new_token(arrival.at),
        )

    def _tied(self, arrival: Arrival, news: News, call: Call) -> Call:
        """Tie a call that we go out with to the click that asked for it."""
        if call.direction is not _OUTBOUND or not isinstance(news, CallEvent | CallReport):
            return call
        dial_id = dials.tie(
            self._tx,
            arrival.account_id,
            arrival.connection_id,
            news.extension or "",
            international_digits(read_number(call.number)),
            to_millis(call.started_at - dials.TIES_WITHIN),
        )
        return call if dial_id is None else replace(call, dial_id=dial_id)

    def _tell(self, row: CallRow, changes: Sequence[Change], at: datetime) -> None:
        call = row.call
        payloads: dict[int, bytes] = {}  # by identity: most destinations are told the same change
        for destination in self._tools.destinations(row.account_id):
            if destination.side.deliver is None or not destination.wants(call):
                continue
            for change in heard_by(destination.side, changes, call):
                payload = payloads.get(id(change))
                if payload is None:
                    payload = payloads[id(change)] = encode(change)
                self._deliveries.append(
                    deliveries.delivery(
                        row.account_id,
                        destination.connection_id,
                        call.id,
                        change.kind.value,
                        to_millis(at),
                        payload,
                        row.snapshot(),
                    )
                )
        for change in changes:
            if change.kind is _HEARD and change.recording is not None:
                self._heard.append((row.account_id, call, change.recording, at))


def _first_due(told: Sequence[Told]) -> int | None:
    if len(told) == 1:
        return told[0].due_ms
    return min([one.due_ms for one in told if one.due_ms is not None], default=None)


def heard_by(side: Side, changes: Sequence[Change], call: Call) -> Sequence[Change]:
    """Choose and merge what this side is told. A connector that fails here is told everything."""
    try:
        return [change for change in side.merge(changes, call) if side.hears(change)]
    except Exception:
        log.exception("a connector could not choose its changes")
        return changes
