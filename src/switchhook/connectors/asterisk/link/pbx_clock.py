"""When a thing happened at the PBX, brought from its clock to ours. Pure.

A message is late when the hub or the network is busy, so what happened is measured by the PBX's own word of
the time. The two clocks may differ by hours: by how much, that message says which of late came with the least
delay.
"""

from collections import deque
from datetime import datetime, timedelta

# Of how late the least delay counts: clocks drift, and one that was set has to be believed in time.
WINDOW = timedelta(minutes=2)
STEP = timedelta(seconds=10)
# What seems to be later than this is not: the clock was set. A hub that is so late has lost its link anyway.
LONGEST_DELAY = timedelta(seconds=5)
# Events come in the order of their times, give or take this; what is earlier was told by a clock set back.
DISORDER = timedelta(seconds=1)
# Beyond this a time is nonsense, with which nothing can be reckoned.
FARTHEST = timedelta(days=365 * 100)


class PbxClock:
    """How far the PBX's clock is ahead of ours, learned from each message."""

    def __init__(self) -> None:
        # The most that it seemed ahead, which is with the least delay, in each step of the window.
        self._most: deque[tuple[datetime, timedelta]] = deque()
        self._latest: datetime | None = None  # time that it told
        self._came_at: datetime | None = None

    @property
    def ahead(self) -> timedelta | None:
        """By how much; less than nothing when it is behind, None before its first word."""
        return max((ahead for _, ahead in self._most), default=None)

    def when(self, said: datetime | None, at: datetime) -> datetime:
        """Say when that happened, by our clock, which came `at` and of which the PBX says that it was `said`.

        Never later than `at`, nor earlier by more than `LONGEST_DELAY`; just `at` where the PBX says nothing.
        """
        if said is None or abs(ahead := said - at) > FARTHEST:
            return at
        self._forget(ahead, said, at)
        if not self._most or at - self._most[-1][0] >= STEP:
            self._most.append((at, ahead))
        elif ahead > self._most[-1][1]:
            self._most[-1] = self._most[-1][0], ahead
        most = self.ahead
        assert most is not None
        return at - (most - ahead)

    def _forget(self, ahead: timedelta, said: datetime, at: datetime) -> None:
        """Drop what is old, and everything when one of the two clocks was set."""
        known = self.ahead
        if known is not None and (known - ahead > LONGEST_DELAY or self._goes_back(said, at)):
            self._most.clear()
            self._latest = None
        while self._most and at - self._most[0][0] >= WINDOW:
            self._most.popleft()
        self._latest = said if self._latest is None else max(said, self._latest)
        self._came_at = at

    def _goes_back(self, said: datetime, at: datetime) -> bool:
        is_ours = self._came_at is not None and at < self._came_at
        return is_ours or (self._latest is not None and self._latest - said > DISORDER)
