"""Handshakes with peers: at start, after each change of settings, and as often as a protocol wants."""

import asyncio
from collections.abc import Callable

import structlog

from switchhook.core.connector import Hub
from switchhook.core.errors import HubError
from switchhook.flow.clock import Clock, SystemClock
from switchhook.flow.registry import Attached, Registry
from switchhook.flow.rounds import Rounds, Standing, show_reason
from switchhook.store import Store

log = structlog.get_logger(__name__)

PAIR_SECONDS = 60.0
# After each failure in a row.
GAPS_SECONDS = (5.0, 15.0, 60.0, 300.0, 900.0, 3600.0)

HubOf = Callable[[str], Hub]
"""The hub as one connection sees it, by the connection's id."""


class Pairing:
    """Runs every connector's `pair`. A failure is shown at the connection and stops nothing."""

    def __init__(
        self, store: Store, registry: Registry, hub_of: HubOf, *, clock: Clock | None = None
    ) -> None:
        self._store = store
        self._registry = registry
        self._hub_of = hub_of
        self._rounds = Rounds(
            registry,
            clock or SystemClock(),
            is_meant=lambda attached: attached.side.pair is not None,
            depends_on=_what_it_depends_on,
            once=self._pair,
        )

    async def run(self) -> None:
        """Pair what is due until cancelled."""
        await self._rounds.run()

    async def _pair(self, attached: Attached, standing: Standing) -> float | None:
        reason = await self._try(attached)
        gap: float | None
        if reason is None:
            standing.failures, gap = 0, attached.side.pair_every_seconds
        else:
            gap = standing.gap_seconds(GAPS_SECONDS)
            log.warning("pairing failed", connection=attached.id, reason=reason, again_in_seconds=gap)
        await show_reason(self._store, self._registry, attached.id, reason)
        return gap

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


def _what_it_depends_on(attached: Attached) -> object:
    """Give everything that a handshake depends on, and nothing that it remembers itself."""
    link = attached.link
    return sorted(link.settings.items()), sorted(link.keys.items()), sorted(link.urls.items()), link.name
