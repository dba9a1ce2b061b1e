"""How often somebody may ask: exact sliding windows, in bounded memory.

Of one process: several nodes allow so many times as much. See `web/limits.py` for why no library.
"""

import math
from collections import OrderedDict, deque
from collections.abc import Hashable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

MOST_NAMES = 10_000


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where somebody stands after asking once more."""

    is_over: bool
    limit: int
    remaining: int
    reset_seconds: int  # whole, until one more is free


class SlidingWindows:
    """Remembers when each name asked; the least recent name is forgotten when there are too many."""

    def __init__(self, *, most_names: int = MOST_NAMES) -> None:
        self._most_names = most_names
        self._times: OrderedDict[Hashable, deque[float]] = OrderedDict()

    def take(self, name: Hashable, requests: int, per_seconds: float, *, now: float) -> Standing:
        """Count a request. None is counted while the window is full: who goes on asking is let in as soon."""
        times = self._times.setdefault(name, deque())
        self._times.move_to_end(name)
        if len(self._times) > self._most_names:
            self._times.popitem(last=False)
        if times and times[-1] > now:  # the clock was set back: nobody waits for it to come here again
            times.clear()
        while times and times[0] <= now - per_seconds:
            times.popleft()
        is_over = len(times) >= requests
        if not is_over:
            times.append(now)
        return Standing(
            is_over=is_over,
            limit=requests,
            remaining=requests - len(times),
            reset_seconds=max(math.ceil(times[0] + per_seconds - now), 1),
        )

    def __len__(self) -> int:
        return len(self._times)


def source_of(client: str) -> str:
    """Give what stands for one guesser: an IPv4 address, or the /64 that every IPv6 customer has."""
    try:
        address = ip_address(client.partition("%")[0])
    except ValueError:
        return client
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return f"{IPv6Address(int(address) >> 64 << 64)}/64"
    return str(address)
