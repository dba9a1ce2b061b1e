"""How often somebody may be wrong: counts in bounded memory.

The `limits` library keeps a row per name for ever or needs a server; who guesses has many addresses.
"""

from collections import OrderedDict
from collections.abc import Callable
from time import monotonic

MOST_NAMES = 10_000
TRIES = 20
WINDOW_SECONDS = 60.0


class WrongTries:
    """Counts wrong keys per name in a window; the least recent name is forgotten when there are too many."""

    def __init__(
        self,
        *,
        tries: int = TRIES,
        window_seconds: float = WINDOW_SECONDS,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._tries = tries
        self._window_seconds = window_seconds
        self._clock = clock
        self._counts: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def is_over(self, name: str) -> bool:
        """Tell whether a name has used up its tries; asking counts as nothing."""
        known = self._counts.get(name)
        return (
            known is not None and known[1] >= self._tries and self._clock() - known[0] < self._window_seconds
        )

    def note(self, name: str) -> None:
        """Count one wrong try."""
        now = self._clock()
        since, count = self._counts.get(name, (now, 0))
        if now - since >= self._window_seconds:
            since, count = now, 0
        self._counts[name] = (since, count + 1)
        self._counts.move_to_end(name)
        if len(self._counts) > MOST_NAMES:
            self._counts.popitem(last=False)

    def __len__(self) -> int:
        return len(self._counts)
