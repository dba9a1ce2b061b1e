"""What grows and is of no more use is thrown away, a little at a time, for all accounts."""

from datetime import datetime, timedelta

import structlog

from switchhook.core.errors import HubError
from switchhook.flow.clock import Clock, SystemClock
from switchhook.store import Store, deliveries
from switchhook.store.answers import sweep_answers
from switchhook.store.dials import sweep_unanswered
from switchhook.store.idempotency import HELD_FOR, sweep_orders
from switchhook.store.link_orders import sweep_link_orders
from switchhook.store.presences import sweep_presences

log = structlog.get_logger(__name__)

EVERY_SECONDS = 3600.0
# A click that nobody has answered for so long lost its hub.
DIAL_IS_LOST = timedelta(minutes=1)
# An old answer of a silent CRM is better than none, but not for ever.
ANSWERS_KEPT = timedelta(days=90)
PRESENCES_KEPT = timedelta(days=1)
DELIVERIES_KEPT = timedelta(days=30)
# Whoever asked a link's holder takes the order away again, unless it died.
LINK_ORDERS_KEPT = timedelta(minutes=10)


class Housekeeping:
    """One for the process; any number of nodes may do it at once."""

    def __init__(self, store: Store, *, clock: Clock | None = None) -> None:
        self._store = store
        self._clock = clock or SystemClock()

    async def run(self) -> None:
        """Tidy up at start and each hour, until cancelled."""
        while True:
            try:
                await self.tidy()
            except HubError as error:
                log.warning("housekeeping has to wait", reason=error.reason)
            await self._clock.sleep(EVERY_SECONDS)

    async def tidy(self) -> None:
        """Tidy up once.

        Raises: StoreDown.
        """
        now = self._clock.now()
        lost = await self._store.write(sweep_unanswered, before=now - DIAL_IS_LOST)
        answers = await self._store.write(sweep_answers, before=now - ANSWERS_KEPT)
        await self._store.write(sweep_presences, before=now - PRESENCES_KEPT)
        await self._store.write(sweep_orders, before=now - HELD_FOR)
        await self._store.write(sweep_link_orders, before=now - LINK_ORDERS_KEPT)
        gone = await self._sweep_deliveries(now)
        log.debug("tidied up", lost_dials=lost, answers=answers, deliveries=gone)

    async def _sweep_deliveries(self, now: datetime) -> int:
        """In small transactions, so that no event waits long behind one."""
        gone, after = 0, 0
        while True:
            swept, next_after = await self._store.write(
                deliveries.sweep, settled_before=now - DELIVERIES_KEPT, after_id=after
            )
            gone += swept
            if next_after is None:
                return gone
            after = next_after
