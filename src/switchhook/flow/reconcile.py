"""The clock's part in calls: settle, tell what was held back, close what never ended."""

import asyncio

import structlog

from switchhook.core.call import Tick
from switchhook.core.errors import StoreDown
from switchhook.flow.clock import Clock, wait_for_either
from switchhook.flow.intake import Intake
from switchhook.flow.taking import Taken
from switchhook.store import Store, calls
from switchhook.store.times import from_millis, to_millis

log = structlog.get_logger()

# Finds what another process left behind when it died.
POLL_SECONDS = 5.0
# The store is down, or a call says that it is due and time changes nothing about it.
TROUBLE_SECONDS = 1.0
AT_ONCE = 500


class Reconcile:
    """Tells calls that their time has come. Safe in several processes: a second tick changes nothing."""

    def __init__(self, store: Store, intake: Intake, *, clock: Clock) -> None:
        self._store = store
        self._intake = intake
        self._clock = clock
        self._wake = asyncio.Event()
        self._sleeps_until_ms: int | None = None

    def note(self, taken: Taken) -> None:
        """A listener of intake: these calls have a time now, perhaps the earliest of all."""
        if taken.due_ms is None:
            return
        if self._sleeps_until_ms is None or taken.due_ms < self._sleeps_until_ms:
            self._sleeps_until_ms = taken.due_ms
            self._wake.set()

    async def run(self) -> None:
        """Go on until cancelled."""
        while True:
            self._wake.clear()
            self._sleeps_until_ms = None
            try:
                seconds = await self._round()
            except StoreDown:
                seconds = TROUBLE_SECONDS
            except Exception:
                log.exception("looking after calls failed")
                seconds = TROUBLE_SECONDS
            await self._sleep(seconds)

    async def _round(self) -> float:
        """Tick every call that is due; say how long none will be."""
        now = self._clock.now()
        due, following = await self._store.read(calls.due, now=now, limit=AT_ONCE)
        results = await asyncio.gather(
            *(self._intake.tell(one.account_id, one.call_row, [Tick(call_id=one.call_id)]) for one in due),
            return_exceptions=True,
        )
        failures = [result for result in results if isinstance(result, Exception)]
        if failures:
            raise failures[0]
        taken = [result for result in results if isinstance(result, Taken) and result.told]
        if len(due) == AT_ONCE and taken:
            return 0.0
        times = [from_millis(one.due_ms) for one in taken if one.due_ms is not None]
        if following is not None:
            times.append(following)
        seconds = min(((time - now).total_seconds() for time in times), default=POLL_SECONDS)
        return min(seconds, POLL_SECONDS) if seconds > 0 else TROUBLE_SECONDS

    async def _sleep(self, seconds: float) -> None:
        if seconds <= 0:
            return
        until_ms = to_millis(self._clock.now()) + round(seconds * 1000)
        earlier_ms = self._sleeps_until_ms
        # Something was taken in during the round.
        self._sleeps_until_ms = until_ms if earlier_ms is None else min(earlier_ms, until_ms)
        wait = (from_millis(self._sleeps_until_ms) - self._clock.now()).total_seconds()
        self._wake.clear()
        await wait_for_either(self._clock, self._wake, wait)
