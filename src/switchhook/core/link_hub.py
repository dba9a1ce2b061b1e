"""What a connector has of the hub while it holds an open link to its peer."""

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any, Protocol

from msgspec import Struct

from switchhook.core.call import Call
from switchhook.core.connector import Hub
from switchhook.core.ring_plan import RingPlan
from switchhook.core.sockets import Socket


class LinkOrder(Struct, frozen=True, kw_only=True):
    """Something asked of whoever holds the link, such as a dial or an employee's status."""

    id: str
    verb: str  # the connector's own word
    body: dict[str, Any]  # JSON values only; no secrets


class Ordered(Protocol):
    """An order in hand. Answered once; what is not answered within its time is given up by the asker."""

    order: LinkOrder

    async def done(self) -> None: ...

    async def fail(self, error: Exception) -> None:
        """Have the asker's `ask_link` raise this HubError; any other error becomes PeerDown."""
        ...


class LinkHub(Hub, Protocol):
    """`Hub`, bound to one holding of one link.

    The link is held by one process at a time. Once another has taken it over, every method that
    writes or asks raises LinkLost, nothing is stored, and the task is cancelled soon after.
    """

    def is_held(self) -> bool:
        """Tell, without asking anyone, whether the link is still surely ours."""
        ...

    async def still_held(self) -> bool:
        """Tell whether the link is ours; where only our time ran out, the store is asked, and renews it.

        To be asked before each command to the peer: a process that was stopped and goes on is told
        here that another has taken the link over. False while the store is down.
        """
        ...

    @property
    def memory(self) -> MutableMapping[str, Any]:
        """What a connector keeps from one run to the next, as long as this process holds the link."""
        ...

    def before_end(self, farewell: Callable[[], Awaitable[None]]) -> None:
        """Have something done, within a second, while all still works: when this process is about to end.

        Where a run ends for another reason it is forgotten.
        """
        ...

    async def up(self, what: str) -> None:
        """Say that the link works now: it is shown at the connection, and the backoff begins anew."""
        ...

    async def next_order(self) -> Ordered:
        """Wait for the next order of `Hub.ask_link`, in the order asked. Each is given out once, ever."""
        ...

    async def next_socket(self) -> Socket:
        """Wait for the peer to connect to us by `Side.admit`; a newer socket closes the older."""
        ...

    async def open_calls(self) -> Sequence[Call]:
        """Give the calls of this connection that are not known to be over, oldest first, at most 5,000."""
        ...

    async def ring_plan(self, number: str, *, did: str | None = None, call_id: str | None = None) -> RingPlan:
        """Say who calls and whom to ring, under the lookup deadline; never raises for silence."""
        ...
