"""Orders for one held link: they wait for its holder, are begun at most once and answered once."""

import asyncio
from typing import Protocol

import structlog

from switchhook.core.errors import HubError, LinkLost, PeerDown
from switchhook.core.link_hub import LinkOrder
from switchhook.flow.clock import Clock
from switchhook.store import Store
from switchhook.store.link_orders import AskedOrder, answer_link_order, begin_link_order
from switchhook.store.times import to_millis

log = structlog.get_logger(__name__)

LONGEST_QUEUE = 200


class Waiting(Protocol):
    """An order that waits, wherever it was asked."""

    order: LinkOrder

    async def begin(self) -> bool:
        """Take it in hand; False when it may not be done any more."""
        ...

    async def answer(self, error: HubError | None) -> None:
        """Say what came of it; whoever asked may be gone."""
        ...


class LocalOrder:
    """Asked in this process; the asker waits for `answered`, and withdraws by cancelling it."""

    def __init__(self, order: LinkOrder) -> None:
        self.order = order
        self.is_begun = False
        self.answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def begin(self) -> bool:
        self.is_begun = not self.answered.done()
        return self.is_begun

    async def answer(self, error: HubError | None) -> None:
        if self.answered.done():
            return
        if error is None:
            self.answered.set_result(None)
        else:
            self.answered.set_exception(error)


class StoredOrder:
    """Asked in another process, which looks into the store for the answer."""

    def __init__(self, store: Store, clock: Clock, asked: AskedOrder, *, epoch: int) -> None:
        self.order = asked.order
        self._store = store
        self._clock = clock
        self._asked = asked
        self._epoch = epoch

    async def begin(self) -> bool:
        return await self._store.write(
            begin_link_order,
            self._asked.account_id,
            self._asked.connection_id,
            self.order.id,
            epoch=self._epoch,
            now_ms=to_millis(self._clock.now()),
        )

    async def answer(self, error: HubError | None) -> None:
        try:
            await self._store.write(
                answer_link_order,
                self._asked.account_id,
                self.order.id,
                epoch=self._epoch,
                error_id=None if error is None else error.id,
                reason=None if error is None else error.reason,
            )
        except HubError as down:  # then the asker gets no answer in time, which says as much
            log.warning("answer to an order cannot be stored", order=self.order.id, reason=down.reason)


class InHand:
    """An `Ordered`: an order given out to the connector."""

    def __init__(self, queue: "OrderQueue", waiting: Waiting) -> None:
        self.order = waiting.order
        self._queue = queue
        self._waiting = waiting

    async def done(self) -> None:
        await self._answer(None)

    async def fail(self, error: Exception) -> None:
        await self._answer(as_told(error))

    async def _answer(self, error: HubError | None) -> None:
        if self._queue.in_hand.pop(self.order.id, None) is not None:
            await self._waiting.answer(error)


class OrderQueue:
    """The orders of one holding of one link."""

    def __init__(self) -> None:
        self.in_hand: dict[str, Waiting] = {}
        # Why nothing is taken now; None: something is.
        self.closed_because: str | None = "the link is being made"
        self._waiting: asyncio.Queue[Waiting] = asyncio.Queue(LONGEST_QUEUE)
        self._known: set[str] = set()

    def put(self, waiting: Waiting) -> None:
        """Add an order; one that is known already changes nothing.

        Raises: PeerDown: nothing is taken now, or too much waits.
        """
        if self.closed_because is not None:
            raise PeerDown(self.closed_because)
        if waiting.order.id in self._known:
            return
        try:
            self._waiting.put_nowait(waiting)
        except asyncio.QueueFull:
            raise PeerDown(f"{LONGEST_QUEUE} orders wait for this peer already") from None
        self._known.add(waiting.order.id)

    async def next(self) -> InHand:
        """Wait for an order that may still be done, and take it in hand.

        Raises: StoreDown: it cannot be said whether it may.
        """
        while True:
            waiting = await self._waiting.get()
            try:
                is_ours = await waiting.begin()
            finally:
                self._known.discard(waiting.order.id)
            if is_ours:
                self.in_hand[waiting.order.id] = waiting
                return InHand(self, waiting)

    def open(self) -> None:
        """Take orders from now on."""
        self.closed_because = None

    async def close(self, because: str) -> None:
        """Take none from now on, and say so to those who wait; what is stored may still be begun later."""
        self.closed_because = because
        in_hand, self.in_hand = list(self.in_hand.values()), {}
        for one in in_hand:
            await one.answer(PeerDown(f"it may have been done: {because}"))
        while not self._waiting.empty():
            one = self._waiting.get_nowait()
            if isinstance(one, LocalOrder):
                await one.answer(PeerDown(f"nothing was done: {because}"))
        self._known.clear()


def as_told(error: Exception) -> HubError:
    """Turn what a connector failed with into what the asker is told."""
    if isinstance(error, LinkLost):
        return PeerDown(f"it may have been done: {error.reason}")
    if isinstance(error, HubError):
        return error
    return PeerDown(f"the connector failed: {type(error).__name__}; it may have been done")
