"""How often the PBX may be asked: its own limit, less what click to call may need."""

from collections import deque
from datetime import datetime, timedelta

# Of the 100 requests in 15 minutes that the PBX allows.
REQUESTS = 20
WINDOW = timedelta(minutes=15)


class Budget:
    """Requests of one connection in a sliding window, in this process."""

    def __init__(self) -> None:
        self._taken: deque[datetime] = deque()

    def take(self, now: datetime) -> bool:
        """Take one request, if there is one left."""
        self._forget(now)
        if len(self._taken) >= REQUESTS:
            return False
        self._taken.append(now)
        return True

    def wait_seconds(self, now: datetime) -> float:
        """Say how long until there is one left; 0 when there is."""
        self._forget(now)
        if len(self._taken) < REQUESTS:
            return 0.0
        return (self._taken[0] + WINDOW - now).total_seconds()

    def _forget(self, now: datetime) -> None:
        while self._taken and self._taken[0] <= now - WINDOW:
            self._taken.popleft()
