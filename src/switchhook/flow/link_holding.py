"""One link held by this process: its lease, its orders and sockets, and the connector's `run` kept going."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from switchhook.core.errors import HubError, LinkLost
from switchhook.core.link_hub import LinkHub
from switchhook.flow.clock import Clock, wait_for_either
from switchhook.flow.link_queue import OrderQueue
from switchhook.flow.link_sockets import SocketSlot
from switchhook.flow.registry import Attached, Registry
from switchhook.flow.rounds import show_reason
from switchhook.store import Store
from switchhook.store.link_leases import describe_link
from switchhook.store.times import to_millis

log = structlog.get_logger(__name__)

# After each failure in a row. Short: while there is no link, calls are missed.
GAPS_SECONDS = (1.0, 2.0, 5.0, 10.0, 30.0)
# Each gap may be so much longer or shorter, so that many links to one peer do not come back at once.
JITTER = 0.25
# So long a connector may take to say good-bye to its peer.
END_SECONDS = 5.0
FAREWELL_SECONDS = 1.0


def passed_seconds() -> float:
    """Read a clock that nobody sets, and that goes on while the process or the machine is stopped."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


class Holding:
    """Lives as long as the link is ours; `live` ends by cancelling, or when the link was lost."""

    def __init__(
        self,
        attached: Attached,
        *,
        epoch: int,
        good_until: float,
        store: Store,
        registry: Registry,
        clock: Clock,
        passed: Callable[[], float],
        chance: Callable[[], float],
        renew: Callable[["Holding"], Awaitable[bool]],
    ) -> None:
        """`good_until` is by the clock `passed`: then the lease may be another's, until `renew` says no."""
        self.attached = attached
        self.epoch = epoch
        self.good_until = good_until
        self.is_lost = False
        self.orders = OrderQueue()
        self.sockets = SocketSlot()
        self.memory: dict[str, Any] = {}  # the connector's
        self.farewells: list[Callable[[], Awaitable[None]]] = []  # of the run that goes on
        self._store = store
        self._registry = registry
        self._clock = clock
        self._passed = passed
        self._chance = chance
        self._renew = renew
        self._failures = 0
        self._changed = asyncio.Event()
        self._hurry = asyncio.Event()

    @property
    def id(self) -> str:
        return self.attached.id

    @property
    def account_id(self) -> int:
        return self.attached.row.account_id

    def is_held(self) -> bool:
        return not self.is_lost and self._passed() < self.good_until

    async def still_held(self) -> bool:
        """Tell it for sure: a process that was starved for some seconds has lost nothing that nobody took."""
        if self.is_held():
            return True
        if self.is_lost:
            return False
        try:
            is_ours = await self._renew(self)
        except HubError as error:
            log.warning("link cannot be renewed", connection=self.id, reason=error.reason)
            return False
        self.is_lost = self.is_lost or not is_ours
        return self.is_held()

    def change(self, attached: Attached) -> None:
        """Begin anew, with settings that have changed."""
        self.attached = attached
        self._changed.set()
        self._hurry.set()

    async def say_farewell(self) -> None:
        """Have the connector say to its peer that we are about to end. Never raises."""
        said = [asyncio.ensure_future(farewell()) for farewell in self.farewells]
        if not said:
            return
        done, late = await asyncio.wait(said, timeout=FAREWELL_SECONDS)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        reasons = [str(error) for task in done if (error := task.exception()) is not None]
        if late or reasons:
            log.info("no farewell to the peer", connection=self.id, reasons=reasons or ["it took too long"])

    def hurry(self) -> None:
        """End the wait after a failure: the peer has come by itself."""
        self._hurry.set()

    async def say(self, *, what: str | None = None, reason: str | None = None) -> None:
        """Show at the connection what works, or why nothing does. Raises: LinkLost."""
        if what is not None:
            self._failures = 0
        is_ours = await self._store.write(
            describe_link,
            self.account_id,
            self.id,
            epoch=self.epoch,
            what=what,
            reason=reason,
            at_ms=to_millis(self._clock.now()),
        )
        if not is_ours:
            self.is_lost = True
            raise LinkLost("another process holds the link to this peer")
        await show_reason(self._store, self._registry, self.id, reason)

    async def live(self, hub: LinkHub) -> None:
        """Keep the connector's `run` going until cancelled; return when the link was lost."""
        try:
            while not self.is_lost:
                self._changed.clear()
                self._hurry.clear()
                reason = await self._run_once(hub)
                if self.is_lost or self._changed.is_set():
                    self._failures = 0
                    continue
                if reason is None:  # it has nothing to hold, the way it is set
                    await self._changed.wait()
                    continue
                gap = self._gap_seconds()
                log.warning("link failed", connection=self.id, reason=reason, again_in_seconds=round(gap, 1))
                await self._say_failed(reason)
                await wait_for_either(self._clock, self._hurry, gap)
        finally:
            await self.sockets.close()

    async def _run_once(self, hub: LinkHub) -> str | None:
        """Run until it ends or something changes; give why it failed."""
        run, attached = self.attached.side.run, self.attached
        assert run is not None
        self.orders.open()
        self.farewells.clear()
        running = asyncio.ensure_future(run(attached.link, hub))
        changed = asyncio.ensure_future(self._changed.wait())
        because = "the link was ended"
        try:
            await asyncio.wait([running, changed], return_when=asyncio.FIRST_COMPLETED)
            if not running.done():
                return None
            failed = self._why(running)
            because = failed or because
            return failed
        finally:
            changed.cancel()
            await self._end(running)
            await self.sockets.close_given()
            await self.orders.close(because)

    async def _end(self, running: "asyncio.Future[None]") -> None:
        running.cancel()
        await asyncio.wait([running], timeout=END_SECONDS)
        if not running.done():  # it may go on, but not with this lease
            log.error("connector does not let go of its link", connection=self.id)
            self.is_lost = True
        elif not running.cancelled():
            running.exception()  # looked at, or asyncio complains

    def _why(self, running: "asyncio.Future[None]") -> str | None:
        """Say in words what a run came to."""
        if running.cancelled():
            return "the connector ended by itself"
        error = running.exception()
        match error:
            case None:
                return None
            case LinkLost():
                self.is_lost = True
                return error.reason
            case HubError():
                return error.reason
            case _:
                log.error("connector failed to hold its link", connection=self.id, exc_info=error)
                return f"the connector failed: {type(error).__name__}"

    async def _say_failed(self, reason: str) -> None:
        try:
            await self.say(reason=reason)
        except HubError as error:
            log.warning("state of a link cannot be shown", connection=self.id, reason=error.reason)

    def _gap_seconds(self) -> float:
        gap = GAPS_SECONDS[min(self._failures, len(GAPS_SECONDS) - 1)]
        self._failures += 1
        return gap * (1 - JITTER + 2 * JITTER * self._chance())
