"""Where changes of calls are to go, as intake and lanes see it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from switchhook.core.call import Call
from switchhook.core.connector import Hub, Link, Side


@dataclass(frozen=True, kw_only=True)
class Destination:
    """A connection that is told of calls."""

    connection_id: str
    side: Side
    takes_from: frozenset[str] = frozenset()  # ids of connections; empty: all

    def wants(self, call: Call) -> bool:
        return self.hears(call.connection_id)

    def hears(self, connection_id: str) -> bool:
        """Say whether calls of that connection are told here: never back to where they came from."""
        if connection_id == self.connection_id:
            return False
        return not self.takes_from or connection_id in self.takes_from


@dataclass(frozen=True, kw_only=True)
class Outlet:
    """A connection that lanes deliver to, with all that its connector needs for it."""

    account_id: int
    connection_id: str
    side: Side
    link: Link
    hub: Hub
    is_paused: bool = False  # the queue is kept


# Everyone of an account who is told of calls, paused ones too. Asked inside the writing
# transaction, in another thread: give a ready value, do not make one.
Destinations = Callable[[int], Sequence[Destination]]

# Every connection that may have something waiting, by its id; of the whole hub.
Outlets = Callable[[], Mapping[str, Outlet]]
