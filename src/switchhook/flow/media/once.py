"""Work that several ask for at a time is done once; and no more than so many works at a time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from switchhook.flow.media.jobs import Busy


@dataclass
class _Working:
    task: asyncio.Task[None]
    askers: int = 0


class Once:
    """Does each thing for all who ask for it meanwhile; gives it up when none of them waits any more."""

    def __init__(self) -> None:
        self._working: dict[Hashable, _Working] = {}

    async def do(self, thing: Hashable, work: Callable[[], Awaitable[None]]) -> None:
        """Return when it is done; raise what the work raises, to everybody who waits for it."""
        working = self._working.get(thing)
        if working is None:
            working = self._working[thing] = _Working(asyncio.ensure_future(_started(work)))
            working.task.add_done_callback(lambda _: self._forget(thing, working))
        working.askers += 1
        try:
            await asyncio.shield(working.task)
        finally:
            working.askers -= 1
            if not working.askers and not working.task.done():
                self._forget(thing, working)
                working.task.cancel()
                await asyncio.wait([working.task])

    def _forget(self, thing: Hashable, working: _Working) -> None:
        if self._working.get(thing) is working:
            del self._working[thing]


class Places:
    """So many may work at once; so many more wait, and not for long."""

    def __init__(self, *, at_once: int, waiting: int, wait_seconds: float) -> None:
        self._free = asyncio.Semaphore(at_once)
        self._most = waiting
        self._wait_seconds = wait_seconds
        self._waiting = 0

    @asynccontextmanager
    async def take(self) -> AsyncIterator[None]:
        """Have a place inside the block.

        Raises:
            Busy: too many wait already, or none became free in time.
        """
        await self._wait()
        try:
            yield
        finally:
            self._free.release()

    async def _wait(self) -> None:
        if self._free.locked() and self._waiting >= self._most:
            raise self._busy()
        self._waiting += 1
        try:
            async with asyncio.timeout(self._wait_seconds):
                await self._free.acquire()
        except TimeoutError:
            raise self._busy() from None
        finally:
            self._waiting -= 1

    def _busy(self) -> Busy:
        return Busy("too many recordings are being worked on", retry_after_seconds=self._wait_seconds)


async def _started(work: Callable[[], Awaitable[None]]) -> None:
    await work()
