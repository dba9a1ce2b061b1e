"""All lanes of this process: a worker per destination, woken by what is taken in, and by a poll."""

import asyncio
import random
from collections.abc import Callable

import structlog

from switchhook.core.errors import StoreDown
from switchhook.flow.clock import Clock
from switchhook.flow.destinations import Outlets
from switchhook.flow.lanes.attempt import LEASE_MS
from switchhook.flow.lanes.worker import Worker
from switchhook.flow.taking import Taken
from switchhook.store import Store
from switchhook.store.claims import due_connections
from switchhook.store.times import to_millis

log = structlog.get_logger()

# What other processes queued, and lanes whose owner died, are found by this.
POLL_SECONDS = 1.0
# Deliveries under way get so long when the hub stops.
GRACE_SECONDS = 5.0


class Lanes:
    """Delivers what intake queued, in order per destination and call."""

    def __init__(
        self,
        store: Store,
        outlets: Outlets,
        *,
        clock: Clock,
        chance: Callable[[], float] = random.random,
        grace_seconds: float = GRACE_SECONDS,
        lease_ms: int = LEASE_MS,
    ) -> None:
        self._store = store
        self._outlets = outlets
        self._clock = clock
        self._chance = chance
        self._grace_seconds = grace_seconds
        self._lease_ms = lease_ms
        self._workers: dict[str, tuple[Worker, asyncio.Task[None]]] = {}
        self._is_running = False

    def note(self, taken: Taken) -> None:
        """A listener of intake: something was queued for these destinations."""
        for connection_id in taken.destinations:
            self.wake(connection_id)

    def expect(self, connection_id: str) -> bool:
        """A herald of intake: what it has just handed to the store may be for this destination."""
        worker = self._worker(connection_id)
        return worker is not None and worker.expect()

    def wake(self, connection_id: str) -> None:
        """Look at a destination now: something was queued, or it was resumed."""
        worker = self._worker(connection_id)
        if worker is not None:
            worker.wake()

    async def run(self) -> None:
        """Work until cancelled; then let what is under way end."""
        self._is_running = True
        try:
            while True:
                await self._poll()
                await self._clock.sleep(POLL_SECONDS)
        finally:
            self._is_running = False
            await self._stop(list(self._workers))

    async def _poll(self) -> None:
        outlets = self._outlets()
        await self._stop([connection_id for connection_id in self._workers if connection_id not in outlets])
        active = [connection_id for connection_id, outlet in outlets.items() if not outlet.is_paused]
        try:
            due = await self._store.read(due_connections, active, now_ms=to_millis(self._clock.now()))
        except StoreDown:
            return  # the workers have said so
        except Exception:
            log.exception("looking for due lanes failed")
            return
        for connection_id in due:
            self.wake(connection_id)

    def _worker(self, connection_id: str) -> Worker | None:
        if not self._is_running:
            return None
        if connection_id not in self._workers:
            if connection_id not in self._outlets():
                return None
            self._start(connection_id)
        return self._workers[connection_id][0]

    def _start(self, connection_id: str) -> None:
        worker = Worker(
            connection_id,
            self._store,
            self._outlets,
            clock=self._clock,
            chance=self._chance,
            lease_ms=self._lease_ms,
        )
        task = asyncio.create_task(worker.run(), name=f"lanes of {connection_id}")
        self._workers[connection_id] = worker, task

    async def _stop(self, connection_ids: list[str]) -> None:
        stopped = [self._workers.pop(connection_id) for connection_id in connection_ids]
        for _, task in stopped:
            task.cancel()
        await asyncio.gather(*(task for _, task in stopped), return_exceptions=True)
        await asyncio.gather(*(worker.drain(self._grace_seconds) for worker, _ in stopped))
