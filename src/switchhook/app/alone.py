"""Whether other hubs work on the same file: told by the system, which forgets nobody and keeps no dead."""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import structlog

log = structlog.get_logger(__name__)

# Another hub that begins is alone for some milliseconds.
TURN_SECONDS = 10.0
LOOK_EVERY_SECONDS = 0.02


@asynccontextmanager
async def among_hubs(store: Path, *, if_alone: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Be known as a hub of this SQLite file inside the block; before it, do something if there is no other.

    A hub that was stopped and may go on counts, one that was killed does not. Whoever begins in that
    moment waits, so that none works yet while another takes itself to be alone.
    """
    handle = os.open(store.with_name(f"{store.name}.hubs"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if try_lock(handle, fcntl.LOCK_EX):
            await if_alone()
        await share(handle)
        yield
    finally:
        os.close(handle)  # and with it the lock


async def share(handle: int) -> None:
    ends_at = asyncio.get_running_loop().time() + TURN_SECONDS
    while not try_lock(handle, fcntl.LOCK_SH):
        if asyncio.get_running_loop().time() > ends_at:
            log.warning("another hub is about to begin on the same file, and does not come to an end")
            return
        await asyncio.sleep(LOOK_EVERY_SECONDS)


def try_lock(handle: int, kind: int) -> bool:
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
