"""Handshakes with peers: at start, after each change of settings, and as often as a protocol wants."""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import msgspec
import structlog

from switchhook.core.connector import Hub
from switchhook.core.errors import HubError, StoreDown
from switchhook.flow.clock import Clock, SystemClock, wait_for_either
from switchhook.flow.registry import Attached, Registry
from switchhook.store import Store
from switchhook.store.connections import ConnectionStatus, set_status

log = structlog.get_logger(__name__)

PAIR_SECONDS = 60.0
# After each failure in a row; the last is repeated.
GAPS_SECONDS = (5.0, 15.0, 60.0, 300.0, 900.0, 3600.0)
LOOK_EVERY_SECONDS = 1.0

HubOf = Callable[[str], Hub]
"""The hub as one connection sees it, by the connection's id."""


@dataclass(slots=True)
class _Standing:
    """How the handshake of one connection stands."""

    fingerprint: bytes = b""
    failures: int = 0
    due_at: datetime | None = None


class Pairing:
    """Runs every connector's `pair`. A failure is shown at the connection and stops nothing."""

    def __init__(
        self, store: Store, registry: Registry, hub_of: HubOf, *, clock: Clock | None = None
    ) -> None:
        self._store = store
        self._registry = registry
        self._hub_of = hub_of
        self._clock = clock or SystemClock()
        self._standings: dict[str, _Standing] = {}
        self._pairing: dict[str, asyncio.Task[None]] = {}
        self._changed = asyncio.Event()
        registry.on_change(self._changed.set)

    async def run(self) -> None:
        """Pair what is due until cancelled."""
        try:
            while True:
                self._changed.clear()
                self.start_due()
                await wait_for_either(self._clock, self._changed, LOOK_EVERY_SECONDS)
        finally:
            pairing = list(self._pairing.values())
            for task in pairing:
                task.cancel()
            await asyncio.gather(*pairing, return_exceptions=True)

    def start_due(self) -> None:
        """Begin every handshake that is due and not under way."""
        snapshot = self._registry.snapshot
        self._standings = {key: one for key, one in self._standings.items() if key in snapshot.by_id}
        now = self._clock.now()
        for attached in snapshot.by_id.values():
            if attached.side.pair is None or attached.is_paused or attached.id in self._pairing:
                continue
            standing = self._standings.setdefault(attached.id, _Standing())
            fingerprint = _fingerprint(attached)
            if fingerprint != standing.fingerprint:
                standing.failures = 0
            elif standing.due_at is None or standing.due_at > now:
                continue
            standing.fingerprint = fingerprint
            task = asyncio.create_task(self._pair(attached, standing))
            self._pairing[attached.id] = task
            task.add_done_callback(partial(self._done, attached.id))

    def _done(self, connection_id: str, _: asyncio.Task[None]) -> None:
        del self._pairing[connection_id]
        self._changed.set()

    async def _pair(self, attached: Attached, standing: _Standing) -> None:
        reason = await self._try(attached)
        if reason is None:
            every = attached.side.pair_every_seconds
            standing.failures, gap = 0, None if every is None else float(every)
        else:
            gap = GAPS_SECONDS[min(standing.failures, len(GAPS_SECONDS) - 1)]
            standing.failures += 1
            log.warning("pairing failed", connection=attached.id, reason=reason, again_in_seconds=gap)
        standing.due_at = None if gap is None else self._clock.now() + timedelta(seconds=gap)
        await self._show(attached.id, reason)

    async def _try(self, attached: Attached) -> str | None:
        """Give why it did not work, or None."""
        assert attached.side.pair is not None
        try:
            async with asyncio.timeout(PAIR_SECONDS):
                await attached.side.pair(attached.link, self._hub_of(attached.id))
        except HubError as error:
            return error.reason
        except TimeoutError:
            return f"no answer in {PAIR_SECONDS:g} s"
        except Exception as error:
            log.exception("connector failed to pair", connection=attached.id)
            return f"the connector failed: {type(error).__name__}"
        return None

    async def _show(self, connection_id: str, reason: str | None) -> None:
        """Show at the connection how it went; one that has been paused meanwhile keeps that reason."""
        try:
            attached = (await self._registry.refresh()).by_id.get(connection_id)
            if attached is None or attached.is_paused or attached.row.status_reason == reason:
                return
            await self._store.write(
                set_status, attached.row.account_id, connection_id, ConnectionStatus.ACTIVE, reason=reason
            )
            await self._registry.refresh()
        except StoreDown as error:
            log.warning("state of a pairing cannot be shown", connection=connection_id, reason=error.reason)
        except HubError as error:
            log.info(
                "connection went away while it was paired", connection=connection_id, reason=error.reason
            )


def _fingerprint(attached: Attached) -> bytes:
    """Everything that a handshake depends on, and nothing that it remembers itself."""
    link = attached.link
    parts = (sorted(link.settings.items()), sorted(link.keys.items()), sorted(link.urls.items()), link.name)
    return hashlib.sha256(msgspec.json.encode(parts)).digest()
