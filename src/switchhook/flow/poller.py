"""Reading from peers that have to be asked: again and again, each as often as its connector says."""

import asyncio
from collections.abc import Callable

import structlog

from switchhook.core.connector import Hub
from switchhook.core.errors import HubError, TooMany
from switchhook.flow.clock import Clock, SystemClock
from switchhook.flow.registry import Attached, Registry
from switchhook.flow.rounds import Rounds, Standing, show_reason
from switchhook.store import Store

log = structlog.get_logger(__name__)

POLL_SECONDS = 120.0
# After each failure in a row. Short: once the peer is back, calls are waiting.
GAPS_SECONDS = (15.0, 60.0, 120.0, 300.0)

HubOf = Callable[[str], Hub]
"""The hub as one connection sees it, by the connection's id."""


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
        self._rounds = Rounds(
            registry,
            clock or SystemClock(),
            is_meant=lambda attached: attached.side.poll is not None,
            # Everything by which a reading may go otherwise, and nothing that it remembers itself.
            depends_on=lambda attached: (sorted(attached.link.settings.items()), attached.link.name),
            once=self._read,
        )

    async def run(self) -> None:
        """Read what is due until cancelled."""
        await self._rounds.run()

    async def _read(self, attached: Attached, standing: Standing) -> float | None:
        again: float | None
        try:
            again, reason = await self._try(attached), None
            standing.failures = 0
        except HubError as error:
            reason = error.reason
            asked = error.retry_after_seconds if isinstance(error, TooMany) else None
            again = max(standing.gap_seconds(GAPS_SECONDS), asked or 0.0)
            log.warning("reading failed", connection=attached.id, reason=reason, again_in_seconds=again)
        # A handshake, where there is one, has its own say.
        if reason != standing.reason and attached.side.pair is None:
            await show_reason(self._store, self._registry, attached.id, reason)
        standing.reason = reason
        return again

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
