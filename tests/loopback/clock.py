"""A clock that runs fast and waits for the slow: calls are played in seconds, on a loaded machine too."""

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime, timedelta

# How often it moves on, and how far at most: a loop that lags gets no more time than it can use.
BEAT_SECONDS = 0.01
LONGEST_BEAT_SECONDS = 0.02


class PatientClock:
    """Time that passes at `speed` while nothing is under way, and stands still within `hold`."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._began = datetime.now(UTC)
        self._seconds = 0.0
        self._held = 0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def now(self) -> datetime:
        return self._began + timedelta(seconds=self._seconds)

    def seconds(self) -> float:
        return self._seconds

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        sleeper = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._seconds + seconds, next(self._order), sleeper))
        await sleeper

    def pass_time(self, seconds: float) -> None:
        """Let time pass at once; who has slept enough by then wakes with the next beat."""
        self._seconds += seconds

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Let no time pass: somebody is at work."""
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1

    async def run(self) -> None:
        """Let time pass, until cancelled."""
        loop = asyncio.get_running_loop()
        before = loop.time()
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            passed = min(loop.time() - before, LONGEST_BEAT_SECONDS)
            before = loop.time()
            if not self._held:
                self._seconds += passed * self._speed
            while self._sleepers and self._sleepers[0][0] <= self._seconds:
                _, _, sleeper = heapq.heappop(self._sleepers)
                if not sleeper.done():
                    sleeper.set_result(None)


@asynccontextmanager
async def passing(speed: float) -> AsyncIterator[PatientClock]:
    """Give a clock whose time passes during the block."""
    clock = PatientClock(speed)
    task = asyncio.create_task(clock.run())
    try:
        yield clock
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
