"""Time that runs faster than on the wall, for whoever plays calls and for hubs under test."""

import asyncio
import time
from datetime import UTC, datetime, timedelta


class FastClock:
    """A clock that begins now and runs at `speed`; 1 is the wall's own.

    Share one between everybody who is to agree on the time.
    """

    def __init__(self, speed: float = 1.0) -> None:
        if speed <= 0:
            raise ValueError(f"expected a speed above 0, got {speed:g}")
        self.speed = speed
        self._began = datetime.now(UTC)
        self._began_seconds = time.monotonic()

    def now(self) -> datetime:
        return self._began + timedelta(seconds=self.seconds())

    def seconds(self) -> float:
        """Seconds since this clock was made; they only grow."""
        return (time.monotonic() - self._began_seconds) * self.speed

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(seconds, 0) / self.speed)

    async def sleep_until(self, at: datetime) -> None:
        await self.sleep((at - self.now()).total_seconds())
