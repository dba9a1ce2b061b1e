"""Old deliveries go, some at a time, so that nothing else waits for it."""

import asyncio
from datetime import timedelta

import structlog

from switchhook.core.errors import StoreDown
from switchhook.flow.clock import Clock
from switchhook.store import Store
from switchhook.store.deliveries import sweep

log = structlog.get_logger()

EVERY_SECONDS = 3600.0


async def sweep_deliveries(store: Store, *, clock: Clock, keep: timedelta) -> int:
    """Delete what was delivered, superseded or skipped before `keep` ago; give how many."""
    settled_before = clock.now() - keep
    gone, after_id = 0, 0
    while True:
        swept, following = await store.write(sweep, settled_before=settled_before, after_id=after_id)
        gone += swept
        if following is None:
            return gone
        after_id = following
        await asyncio.sleep(0)


async def keep_swept(store: Store, *, clock: Clock, keep: timedelta) -> None:
    """Sweep now and every hour, until cancelled."""
    while True:
        try:
            gone = await sweep_deliveries(store, clock=clock, keep=keep)
            if gone:
                log.info("old deliveries were deleted", count=gone)
        except StoreDown:
            pass  # the store says so itself
        except Exception:
            log.exception("old deliveries could not be deleted")
        await clock.sleep(EVERY_SECONDS)
