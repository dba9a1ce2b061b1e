"""Reading from peers that have to be asked: again and again, each as often as its connector says."""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import msgspec
import structlog

from switchhook.core.connector import Hub
from switchhook.core.errors import HubError, StoreDown, TooMany
from switchhook.flow.clock import Clock, SystemClock, wait_for_either
from switchhook.flow.registry import Attached, Registry
from switchhook.store import Store
from switchhook.store.connections import ConnectionStatus, set_status

log = structlog.get_logger(__name__)

POLL_SECONDS = 120.0
# After each failure in a row; the last is repeated. Short: once the peer is back, calls are waiting.
GAPS_SECONDS = (15.0, 60.0, 120.0, 300.0)
LOOK_EVERY_SECONDS = 1.0

HubOf = Callable[[str], Hub]
"""The hub as one connection sees it, by the connection's id."""


@dataclass(slots=True)
class _Standing:
    """How the reading of one connection stands."""

    fingerprint: bytes = b""
    failures: int = 0
    due_at: datetime | None = None
    reason: str | None = None


class Poller:
    """Runs every connector's `poll`. A failure is shown at the connection and stops nothing.

    A connection is read by one task at a time. Several processes read each on its own: what is read
    twice changes nothing.
    """

    def __init__(
        self, store: Store, registry: Registry, hub_of: HubOf, *, clock: Clock | None = None
    ) -> None:
        self._store = store
        self._registry = registry
        self._hub_of = hub_of
        self._clock = clock or SystemClock()
        self._standings: dict[str, _Standing] = {}
        self._reading: dict[str, asyncio.Task[None]] = {}
        self._changed = asyncio.Event()
        registry.on_change(self._changed.set)

    async def run(self) -> None:
        """Read what is due until cancelled."""
        try:
            while True:
                self._changed.clear()
                self.start_due()
                await wait_for_either(self._clock, self._changed, LOOK_EVERY_SECONDS)
        finally:
            reading = list(self._reading.values())
            for task in reading:
                task.cancel()
            await asyncio.gather(*reading, return_exceptions=True)

    def start_due(self) -> None:
        """Begin every reading that is due and not under way."""
        snapshot = self._registry.snapshot
        self._standings = {key: one for key, one in self._standings.items() if key in snapshot.by_id}
        now = self._clock.now()
        for attached in snapshot.by_id.values():
            if attached.side.poll is None or attached.is_paused or attached.id in self._reading:
                continue
            standing = self._standings.setdefault(attached.id, _Standing())
            fingerprint = _fingerprint(attached)
            if fingerprint != standing.fingerprint:
                standing.failures = 0
            elif standing.due_at is None or standing.due_at > now:
                continue
            standing.fingerprint = fingerprint
            task = asyncio.create_task(self._read(attached, standing))
            self._reading[attached.id] = task
            task.add_done_callback(partial(self._done, attached.id))

    def _done(self, connection_id: str, _: asyncio.Task[None]) -> None:
        del self._reading[connection_id]
        self._changed.set()

    async def _read(self, attached: Attached, standing: _Standing) -> None:
        again: float | None
        try:
            again, reason = await self._try(attached), None
            standing.failures = 0
        except HubError as error:
            reason = error.reason
            gap = GAPS_SECONDS[min(standing.failures, len(GAPS_SECONDS) - 1)]
            asked = error.retry_after_seconds if isinstance(error, TooMany) else None
            again = max(gap, asked or 0.0)
            standing.failures += 1
            log.warning("reading failed", connection=attached.id, reason=reason, again_in_seconds=again)
        standing.due_at = None if again is None else self._clock.now() + timedelta(seconds=again)
        if reason != standing.reason:
            standing.reason = reason
            await self._show(attached, reason)

    async def _try(self, attached: Attached) -> float | None:
        """Read once. Raises HubError, whatever went wrong."""
        assert attached.side.poll is not None
        try:
            async with asyncio.timeout(POLL_SECONDS):
                return await attached.side.poll(attached.link, self._hub_of(attached.id))
        except HubError:
            raise
        except TimeoutError as error:
            raise HubError(f"not read within {POLL_SECONDS:g} s") from error
        except Exception as error:
            log.exception("connector failed to read", connection=attached.id)
            raise HubError(f"the connector failed: {type(error).__name__}") from error

    async def _show(self, attached: Attached, reason: str | None) -> None:
        """Show at the connection how it went; a handshake, where there is one, has its own say."""
        if attached.side.pair is not None:
            return
        try:
            now = (await self._registry.refresh()).by_id.get(attached.id)
            if now is None or now.is_paused or now.row.status_reason == reason:
                return
            await self._store.write(
                set_status, attached.row.account_id, attached.id, ConnectionStatus.ACTIVE, reason=reason
            )
            await self._registry.refresh()
        except StoreDown as error:
            log.warning("state of a reading cannot be shown", connection=attached.id, reason=error.reason)
        except HubError as error:
            log.info("connection went away while it was read", connection=attached.id, reason=error.reason)


def _fingerprint(attached: Attached) -> bytes:
    """Everything by which a reading may go otherwise, and nothing that it remembers itself."""
    link = attached.link
    parts = (sorted(link.settings.items()), link.name)
    return hashlib.sha256(msgspec.json.encode(parts)).digest()
