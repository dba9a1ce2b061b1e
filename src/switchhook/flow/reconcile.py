"""The clock's part in calls: settle, tell what was held back, close what never ended."""

import asyncio
from collections.abc import Collection

import structlog

from switchhook.core.call import Tick
from switchhook.core.errors import StoreDown
from switchhook.flow.clock import Clock, wait_for_either
from switchhook.flow.due_calls import DueCalls
from switchhook.flow.intake import Intake
from switchhook.flow.taking import Taken
from switchhook.store import Store, calls
from switchhook.store.calls import DueCall
from switchhook.store.times import to_millis

log = structlog.get_logger()

# Finds what this process has not heard of: what another one left behind when it died.
POLL_SECONDS = 5.0
# The store is down, or a call says that it is due and time changes nothing about it.
TROUBLE_SECONDS = 1.0
# While one call after another is due, those of so long are told in one transaction: it costs as much as one.
TOGETHER_MS = 50
AT_ONCE = 500
# Of what is due later than that after the store was asked, it is asked again in time: talks last for hours.
HORIZON_MS = 30_000


class Reconcile:
    """Tells calls that their time has come. Safe in several processes: a second tick changes nothing.

    What was taken in here is known without asking. The store is asked every few seconds for the rest.
    """

    def __init__(self, store: Store, intake: Intake, *, clock: Clock) -> None:
        self._store = store
        self._intake = intake
        self._clock = clock
        self._wake = asyncio.Event()
        self._known = DueCalls()
        self._ask_at_ms = 0  # when the store is asked next
        self._sleeps_until_ms: int | None = None
        self._rests_until_ms = 0  # sooner than that nothing is told

    def note(self, taken: Taken) -> None:
        """A listener of intake: these calls have a time now, perhaps the earliest of all."""
        for told in taken.told:
            call = told.call
            if told.due_ms is None:
                self._known.forget(call.id)
            else:
                due = DueCall(told.due_ms, taken.account_id, call.id, call.call_id)
                self._known.note(due, before_ms=self._ask_at_ms + HORIZON_MS)
        if taken.due_ms is None or self._sleeps_until_ms is None:
            return
        if taken.due_ms < self._sleeps_until_ms:
            self._sleeps_until_ms = taken.due_ms
            self._wake.set()

    async def run(self) -> None:
        """Go on until cancelled."""
        while True:
            self._wake.clear()
            self._sleeps_until_ms = None
            try:
                await self._round()
            except StoreDown:
                self._ask_in(TROUBLE_SECONDS)
                self._rests_until_ms = self._ask_at_ms
            except Exception:
                log.exception("looking after calls failed")
                self._ask_in(TROUBLE_SECONDS)
                self._rests_until_ms = self._ask_at_ms
            await self._sleep()

    async def _round(self) -> None:
        """Tick every call that is due."""
        now_ms = to_millis(self._clock.now())
        due = {one.call_row: one for one in self._known.take(now_ms, AT_ONCE)}
        is_more = False
        if now_ms >= self._ask_at_ms:
            found, following_ms = await self._store.read(calls.due, now_ms=now_ms, limit=AT_ONCE)
            due |= {one.call_row: one for one in found}
            self._ask_in(POLL_SECONDS)
            first_ms = self._known.first_ms()
            if following_ms is not None and (first_ms is None or following_ms < first_ms):
                self._ask_at_ms = min(self._ask_at_ms, following_ms)
            is_more = len(found) == AT_ONCE
        changed = await self._tick(due.values())
        if due:
            self._rests_until_ms = now_ms + TOGETHER_MS
        if any(one.due_ms is not None and one.due_ms <= now_ms for one in changed):
            for call_row in due:
                self._known.forget(call_row)
            self._ask_in(TROUBLE_SECONDS)
        elif is_more and changed:
            self._ask_in(0)

    async def _tick(self, due: Collection[DueCall]) -> list[Taken]:
        """Give what came of those that time has changed."""
        results = await self._intake.tell_each(
            [(one.account_id, one.call_row, Tick(call_id=one.call_id)) for one in due]
        )
        failures = [result for result in results if isinstance(result, Exception)]
        if failures:
            raise failures[0]
        return [result for result in results if isinstance(result, Taken) and result.told]

    def _ask_in(self, seconds: float) -> None:
        self._ask_at_ms = to_millis(self._clock.now()) + round(seconds * 1000)

    async def _sleep(self) -> None:
        """Wait for the next time that is known, which something taken in meanwhile may bring forward."""
        first_ms = self._known.first_ms()
        next_ms = self._ask_at_ms if first_ms is None else min(first_ms, self._ask_at_ms)
        self._sleeps_until_ms = max(next_ms, self._rests_until_ms)
        wait = self._sleeps_until_ms - to_millis(self._clock.now())
        if wait > 0:
            await wait_for_either(self._clock, self._wake, wait / 1000)
