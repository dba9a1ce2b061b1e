"""Reading the PBX's histories: what its events did not tell, and the record of what they told.

How far each is read is remembered with the connection; what was read lately, and how often was asked,
only here: read again, it changes nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from msgspec.structs import replace

from switchhook.connectors.voipcloud.crm.asking import get, understood, version_of
from switchhook.connectors.voipcloud.crm.budget import REQUESTS, WINDOW, Budget
from switchhook.connectors.voipcloud.crm.cursor import (
    Cursor,
    Sweep,
    after_page,
    begin,
    is_in_order,
    new_cursor,
    page_of,
    read_cursor,
    write_cursor,
)
from switchhook.connectors.voipcloud.crm.parties import plan_of
from switchhook.connectors.voipcloud.crm.reports import report_of_row
from switchhook.connectors.voipcloud.crm.seen import Seen
from switchhook.connectors.voipcloud.crm.strangers import note_strangers
from switchhook.connectors.voipcloud.wire.query import write_query
from switchhook.connectors.voipcloud.wire.row import PATHS, Row, read_rows
from switchhook.core.api import HistoryKind
from switchhook.core.connector import Hub, Link
from switchhook.core.errors import BadMessage

log = structlog.get_logger(__name__)

STATE = "history"
EVERY_SECONDS = 60.0
BACKFILL_DAYS = 1.0
# The hub reads answers of 64 KiB, and a row may take 600 bytes.
MOST_ROWS, FEWEST_ROWS = 100, 10
FULL_ANSWER_BYTES = 64 * 1024
# The rest of the budget is for pages beyond the first.
SECONDS_A_REQUEST = WINDOW.total_seconds() / REQUESTS

SWITCHES: Mapping[HistoryKind, str] = {
    HistoryKind.QUEUE: "poll_queues",
    HistoryKind.RING_GROUP: "poll_ring_groups",
}


class _OrderUnknown(Exception):
    """The PBX refuses or ignores the order that was asked for."""


class _AnswerTooLong(Exception):
    """The answer was cut off: fewer rows at a time."""


@dataclass
class Memory:
    """What is known of one connection while the process lives."""

    budget: Budget = field(default_factory=Budget)
    seen: Seen = field(default_factory=Seen)
    sweeps: dict[HistoryKind, Sweep] = field(default_factory=dict)
    users: set[str] = field(default_factory=set)  # looked for in the address book already
    limit: int = MOST_ROWS


class Histories:
    """Reads the histories of every connection of this kind; one for the process."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self._memories: dict[str, Memory] = {}

    async def poll(self, link: Link, hub: Hub) -> float | None:
        """Read what is new in each history that is switched on; give the seconds until the next time.

        None when the administrator wants none read. Within 20 requests in 15 minutes, whatever there
        is to read: the rest follows then.

        Raises:
            PeerDown, Misconfigured, TooMany, BadMessage: the PBX gives none; in words.
            StoreDown: nothing more was kept; it will be read again.
        """
        every = number_of(link, "poll_every_seconds", EVERY_SECONDS)
        if every <= 0:
            return None
        memory = self._memories.setdefault(f"{link.id} {_source(link)}", Memory())
        kinds = [HistoryKind.USER, *(kind for kind, switch in SWITCHES.items() if link.is_on(switch))]
        cursors = dict(_cursors(link))
        for kind in kinds:
            reading = Reading(kind, link, hub, memory, cursors, self._now)
            if not await reading.run():
                break
        now = self._now()
        return max(every, SECONDS_A_REQUEST * len(kinds), memory.budget.wait_seconds(now))


@dataclass
class Reading:
    """One history, read up to now or as far as the budget goes."""

    kind: HistoryKind
    link: Link
    hub: Hub
    memory: Memory
    cursors: dict[str, Any]  # of all histories, as they are remembered
    now: Callable[[], datetime]

    @property
    def has_order(self) -> bool:
        """The first version of the API begins with the newest, always."""
        return version_of(self.link) != "v1"

    async def run(self) -> bool:
        """Read page by page; tells whether the end was reached."""
        cursor = self._cursor()
        sweep: Sweep | None = self.memory.sweeps.pop(self.kind, None) or begin(cursor)
        while sweep is not None:
            if not self.memory.budget.take(self.now()):
                self.memory.sweeps[self.kind] = sweep
                return False
            limit = self.memory.limit
            try:
                rows = await self._page(cursor, sweep, limit)
            except _OrderUnknown:
                log.info("voipcloud: the PBX knows no oldest_first", connection=self.link.id)
                cursor = replace(cursor, is_newest_first=True, known=None)
                sweep = begin(cursor)
                continue
            except _AnswerTooLong:
                self.memory.limit = limit // 2
                continue
            await self._keep(rows, cursor)
            before = cursor
            cursor, sweep = after_page(cursor, sweep, rows, limit=limit, now=self.now())
            if cursor != before or self.kind.value not in self.cursors:
                await self._remember(cursor)
        return True

    def _cursor(self) -> Cursor:
        stored = read_cursor(self.cursors.get(self.kind.value), has_order=self.has_order)
        if stored is not None:
            return stored
        days = number_of(self.link, "backfill_days", BACKFILL_DAYS)
        now = self.now()
        return new_cursor(now - timedelta(days=days), now=now, is_newest_first=not self.has_order)

    async def _page(self, cursor: Cursor, sweep: Sweep, limit: int) -> Sequence[Row]:
        """Ask for a page. Raises what `Histories.poll` documents, and the two of this file."""
        page = page_of(cursor, sweep, limit=limit, now=self.now())
        answer = await get(self.link, PATHS[self.kind], write_query(page, has_order=self.has_order))
        try:
            rows = read_rows(understood(answer, self.link).data, self.kind)
        except BadMessage:
            if len(answer.body) >= FULL_ANSWER_BYTES and limit > FEWEST_ROWS:
                raise _AnswerTooLong from None
            if answer.status == 400 and not cursor.is_newest_first:
                raise _OrderUnknown from None
            raise
        if not cursor.is_newest_first and not is_in_order(rows):
            raise _OrderUnknown
        return rows

    async def _keep(self, rows: Sequence[Row], cursor: Cursor) -> None:
        """Take in what is new of a page, in the order in which the calls began."""
        plan = plan_of(self.link.settings)
        fresh = [row for row in rows if not self.memory.seen.has(row)]
        reports = [report for report in (report_of_row(row, plan) for row in fresh) if report is not None]
        wanted = sorted(
            (one for one in reports if one.started_at >= cursor.since), key=lambda one: one.started_at
        )
        if wanted:
            await self.hub.accept(wanted)
        for row in fresh:
            self.memory.seen.add(row)
        await note_strangers(rows, self.memory.users, self.link, self.hub)

    async def _remember(self, cursor: Cursor) -> None:
        self.cursors[self.kind.value] = write_cursor(cursor)
        await self.hub.pair(state={STATE: {**self.cursors, "of": _source(self.link)}})


def number_of(link: Link, name: str, default: float) -> float:
    """Read a number among the settings; they were judged when they were set."""
    try:
        return float(link.settings.get(name) or default)
    except ValueError:
        return default


def _cursors(link: Link) -> Mapping[str, Any]:
    """Give what is remembered of this very PBX: places in another one's list mean nothing."""
    stored = link.state.get(STATE)
    return stored if isinstance(stored, dict) and stored.get("of") == _source(link) else {}


def _source(link: Link) -> str:
    return f"{version_of(link)} {link.settings.get('url', '').rstrip('/')}"
