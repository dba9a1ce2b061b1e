"""One destination's deliveries: a worker each, so that a slow or dead one delays nobody else."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from switchhook.core.errors import NotFound, StoreDown
from switchhook.core.outcome import Locked
from switchhook.flow.clock import Clock, wait_for_either
from switchhook.flow.destinations import Outlet, Outlets
from switchhook.flow.lanes.attempt import PROBE_MS, attempt, verdict_of
from switchhook.store import Store, claims, connections, lanes, leases
from switchhook.store.claims import Claim, Claimed, ClaimRequest
from switchhook.store.connections import ConnectionStatus
from switchhook.store.lanes import Finished, Verdict
from switchhook.store.times import from_millis, to_millis

log = structlog.get_logger()

# Nothing is known to be due; whatever comes wakes the worker.
IDLE_SECONDS = 60.0
# The store is down, or something failed that should not.
TROUBLE_SECONDS = 1.0
# A row held by another is free again after its commit.
NOTE_SECONDS, NOTE_ROUNDS = 0.01, 50
# So often in the length of a lease it is renewed.
RENEWALS = 3


class Worker:
    """Works off the lanes of one destination."""

    def __init__(
        self,
        connection_id: str,
        store: Store,
        outlets: Outlets,
        *,
        clock: Clock,
        chance: Callable[[], float],
        lease_ms: int,
    ) -> None:
        self._connection_id = connection_id
        self._store = store
        self._outlets = outlets
        self._clock = clock
        self._chance = chance
        self._lease_ms = lease_ms
        self._wake = asyncio.Event()
        self._under_way: set[asyncio.Task[None]] = set()
        self._asked: Awaitable[Claimed] | None = None  # the claim that is under way
        self._held_until_ms = 0  # by the pace or the breaker
        self._is_short = False  # there may be more than there was room for

    def wake(self) -> None:
        self._wake.set()

    def expect(self) -> bool:
        """Ask for a claim at once, if that may be: it is made with what has just been handed to the store.

        So a message goes out a commit sooner than by asking after it, and there is one fewer.
        """
        outlet = self._outlets().get(self._connection_id)
        if self._asked is not None or outlet is None or not self._may_claim(outlet):
            return False
        try:
            self._asked = self._ask(outlet)
        except StoreDown:
            return False
        self._wake.set()
        return True

    async def run(self) -> None:
        """Go on until cancelled; attempts under way are left to `drain`."""
        while True:
            self._wake.clear()
            try:
                seconds = await self._round()
            except StoreDown:
                seconds = TROUBLE_SECONDS
            except Exception:
                log.exception("a lane worker failed", connection=self._connection_id)
                seconds = TROUBLE_SECONDS
            await wait_for_either(self._clock, self._wake, seconds)

    async def drain(self, seconds: float) -> None:
        """Let attempts under way end, but no longer than this; what is cut off is tried again later."""
        if self._under_way:
            _, left = await asyncio.wait(self._under_way, timeout=seconds)
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    async def _round(self) -> float:
        """Start what may be started; say how long there is nothing more to do."""
        outlet = self._outlets().get(self._connection_id)
        if outlet is None or (outlet.is_paused and self._asked is None):
            return IDLE_SECONDS
        claimed = await self._claim(outlet)
        for claim in claimed.claims:
            task = asyncio.create_task(self._work(claim, outlet), name=f"delivery {claim.delivery_id}")
            self._under_way.add(task)
            task.add_done_callback(self._ended)
        if claimed.again_ms is None:
            return IDLE_SECONDS
        return (from_millis(claimed.again_ms) - self._clock.now()).total_seconds()

    def _may_claim(self, outlet: Outlet) -> bool:
        return (
            not outlet.is_paused
            and len(self._under_way) < outlet.side.at_once
            and self._held_until_ms <= to_millis(self._clock.now())
        )

    async def _claim(self, outlet: Outlet) -> Claimed:
        if self._asked is None:
            self._is_short = len(self._under_way) >= outlet.side.at_once
            if self._is_short:
                return Claimed()
            self._asked = self._ask(outlet)
        try:
            claimed = await self._asked
        finally:
            self._asked = None
        self._is_short = claimed.is_held
        self._held_until_ms = (claimed.again_ms or 0) if claimed.is_held else 0
        return claimed

    def _ask(self, outlet: Outlet) -> Awaitable[Claimed]:
        side = outlet.side
        request = ClaimRequest(
            account_id=outlet.account_id,
            connection_id=self._connection_id,
            now_ms=to_millis(self._clock.now()),
            lease_ms=self._lease_ms,
            probe_ms=PROBE_MS,
            limit=side.at_once - len(self._under_way),
            at_once=side.at_once,
            rate_per_second=side.rate_per_second,
            live_ms=None if side.live_seconds is None else side.live_seconds * 1000,
        )
        return self._store.take(claims.claim, request, is_last=True)

    async def _work(self, claim: Claim, outlet: Outlet) -> None:
        began = self._clock.now()
        keeping = asyncio.create_task(self._keep(claim), name=f"lease of delivery {claim.delivery_id}")
        try:
            outcome = await attempt(claim, outlet, now=began)
        finally:
            keeping.cancel()
        if isinstance(outcome, Locked):
            await self._pause(claim, outcome.reason)
        verdict = verdict_of(outcome, claim, began=began, ended=self._clock.now(), jitter=self._chance())
        finished = await self._finish(verdict)
        if finished.is_more:
            self._wake.set()
        if not finished.is_kept:
            log.warning("a delivery was taken over by another", delivery=claim.delivery_id)
        elif not finished.is_noted:
            await self._note(verdict)

    async def _keep(self, claim: Claim) -> None:
        """Keep the lane for as long as its attempt goes on; few take long enough to need it."""
        is_ours = True
        while is_ours:
            await self._clock.sleep(self._lease_ms / 1000 / RENEWALS)
            until_ms = to_millis(self._clock.now()) + self._lease_ms
            with suppress(StoreDown):  # then nobody else can take it over either
                is_ours = await self._store.write(
                    leases.renew,
                    claim.account_id,
                    claim.connection_id,
                    claim.lane,
                    epoch=claim.epoch,
                    until_ms=until_ms,
                )

    async def _finish(self, verdict: Verdict) -> Finished:
        """Write it down, however long the store is away: else the message goes out twice."""
        while True:
            try:
                return await self._store.take(lanes.finish, verdict)
            except StoreDown:
                await self._clock.sleep(TROUBLE_SECONDS)

    async def _note(self, verdict: Verdict) -> None:
        """Tell the breaker, whose row another process or writer was just holding."""
        for _ in range(NOTE_ROUNDS):
            await asyncio.sleep(NOTE_SECONDS)
            if await self._store.take(lanes.note, verdict):
                return

    async def _pause(self, claim: Claim, reason: str) -> None:
        """Stop this destination until the administrator has looked; its queue is kept."""
        log.error("a destination was paused", connection=claim.connection_id, reason=reason)
        try:
            await self._store.write(
                connections.set_status,
                claim.account_id,
                claim.connection_id,
                ConnectionStatus.PAUSED,
                reason=reason,
            )
        except (NotFound, StoreDown):
            log.warning("the pause could not be stored", connection=claim.connection_id)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        # A claim that is under way may have counted this one, or seen the breaker as it was before.
        if self._is_short or self._asked is not None:
            self._wake.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a delivery ended without a verdict", exc_info=error)
