"""The account's rate limits: a token bucket per connection and kind of path, in memory.

40 requests a second for paths that start with `/telephony`, 10 for the others (api-client-go,
rate.go). They guard this process, so each node counts for itself.
"""

from collections.abc import Callable

from switchhook.core.errors import TooMany

TELEPHONY_PER_SECOND = 40.0
OTHER_PER_SECOND = 10.0
TELEPHONY = "/telephony"


class Bucket:
    """Holds one second's worth of tokens."""

    def __init__(self, per_second: float, now: float) -> None:
        self._per_second = per_second
        self._tokens = per_second
        self._at = now

    def take(self, now: float) -> float:
        """Take a token; give 0, or the seconds until there is one again."""
        self._tokens = min(self._per_second, self._tokens + (now - self._at) * self._per_second)
        self._at = now
        if self._tokens < 1:
            return (1 - self._tokens) / self._per_second
        self._tokens -= 1
        return 0.0


class RateLimits:
    """Buckets by connection. `clock` gives seconds that only grow."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._buckets: dict[tuple[str, bool], Bucket] = {}

    def take(self, connection_id: str, path: str) -> None:
        """Count one request; `path` is without the version.

        Raises:
            TooMany: over the limit.
        """
        is_telephony = path.startswith(TELEPHONY)
        now = self._clock()
        bucket = self._buckets.get((connection_id, is_telephony))
        if bucket is None:
            per_second = TELEPHONY_PER_SECOND if is_telephony else OTHER_PER_SECOND
            bucket = self._buckets[connection_id, is_telephony] = Bucket(per_second, now)
        wait = bucket.take(now)
        if wait:
            raise TooMany("over the rate limit", retry_after_seconds=wait)
