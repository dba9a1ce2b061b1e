"""Doing something for each connection: at once, after each change of what it depends on, when it is due."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import msgspec
import structlog

from switchhook.core.errors import HubError, StoreDown
from switchhook.flow.clock import Clock, wait_for_either
from switchhook.flow.registry import Attached, Registry
from switchhook.store import Store
from switchhook.store.connections import ConnectionStatus, set_status

log = structlog.get_logger(__name__)

LOOK_EVERY_SECONDS = 1.0


@dataclass(slots=True)
class Standing:
    """How it stands with one connection."""

    fingerprint: bytes = b""
    failures: int = 0  # in a row
    due_at: datetime | None = None  # None: not again before something changes
    reason: str | None = None  # of the last failure, while it lasts

    def gap_seconds(self, gaps: Sequence[float]) -> float:
        """Count one more failure; give how long to wait after it. The last gap is repeated."""
        gap = gaps[min(self.failures, len(gaps) - 1)]
        self.failures += 1
        return gap


class Rounds:
    """Starts `once` for every connection that is meant, by one task at a time."""

    def __init__(
        self,
        registry: Registry,
        clock: Clock,
        *,
        is_meant: Callable[[Attached], bool],
        depends_on: Callable[[Attached], object],
        once: Callable[[Attached, Standing], Awaitable[float | None]],
    ) -> None:
        """`once` gives the seconds until the next time; `depends_on` is anything that JSON can hold."""
        self._registry = registry
        self._clock = clock
        self._is_meant = is_meant
        self._depends_on = depends_on
        self._once = once
        self._standings: dict[str, Standing] = {}
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._changed = asyncio.Event()
        registry.on_change(self._changed.set)

    async def run(self) -> None:
        """Start what is due until cancelled."""
        try:
            while True:
                self._changed.clear()
                self.start_due()
                await wait_for_either(self._clock, self._changed, LOOK_EVERY_SECONDS)
        finally:
            under_way = list(self._under_way.values())
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)

    def start_due(self) -> None:
        """Begin everything that is due and not under way."""
        snapshot = self._registry.snapshot
        self._standings = {key: one for key, one in self._standings.items() if key in snapshot.by_id}
        now = self._clock.now()
        for attached in snapshot.by_id.values():
            if attached.is_paused or attached.id in self._under_way or not self._is_meant(attached):
                continue
            standing = self._standings.setdefault(attached.id, Standing())
            fingerprint = hashlib.sha256(msgspec.json.encode(self._depends_on(attached))).digest()
            if fingerprint != standing.fingerprint:
                standing.failures = 0
            elif standing.due_at is None or standing.due_at > now:
                continue
            standing.fingerprint = fingerprint
            task = asyncio.create_task(self._go(attached, standing))
            self._under_way[attached.id] = task
            task.add_done_callback(partial(self._done, attached.id))

    async def _go(self, attached: Attached, standing: Standing) -> None:
        again = await self._once(attached, standing)
        standing.due_at = None if again is None else self._clock.now() + timedelta(seconds=again)

    def _done(self, connection_id: str, _: asyncio.Task[None]) -> None:
        del self._under_way[connection_id]
        self._changed.set()


async def show_reason(store: Store, registry: Registry, connection_id: str, reason: str | None) -> None:
    """Show at a connection why something does not work, or that it does.

    One that has been paused meanwhile keeps that reason.
    """
    try:
        attached = (await registry.refresh()).by_id.get(connection_id)
        if attached is None or attached.is_paused or attached.row.status_reason == reason:
            return
        account_id = attached.row.account_id
        await store.write(set_status, account_id, connection_id, ConnectionStatus.ACTIVE, reason=reason)
        await registry.refresh()
    except StoreDown as error:
        log.warning("state of a connection cannot be shown", connection=connection_id, reason=error.reason)
    except HubError as error:
        log.info("connection went away meanwhile", connection=connection_id, reason=error.reason)
