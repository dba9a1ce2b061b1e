"""Asking whoever holds a link to do something: in this process at once, in another through the store."""

import asyncio
from collections.abc import Mapping
from typing import Any

from switchhook.core.errors import (
    BadMessage,
    ForbiddenTarget,
    HubError,
    Misconfigured,
    NotFound,
    PeerDown,
    Refused,
    StoreDown,
    TooLarge,
    TooMany,
    Unsupported,
)
from switchhook.core.link_hub import LinkOrder
from switchhook.flow.clock import Clock, SystemClock
from switchhook.flow.ids import Ids, RandomIds
from switchhook.flow.link_queue import LocalOrder, OrderQueue
from switchhook.store import Store
from switchhook.store.link_leases import get_link
from switchhook.store.link_orders import (
    AskedOrder,
    LinkAnswer,
    LinkOrderState,
    add_link_order,
    link_answer,
    withdraw_link_order,
)
from switchhook.store.times import to_millis

# The holder in another process looks every 0.2 s.
LOOK_EVERY_SECONDS = 0.1

# What the holder may have said, by its stable id; anything else is told as PeerDown.
ERRORS: Mapping[str, type[HubError]] = {
    error.id: error
    for error in (
        BadMessage,
        TooLarge,
        Refused,
        Unsupported,
        NotFound,
        TooMany,
        Misconfigured,
        ForbiddenTarget,
        PeerDown,
        StoreDown,
    )
}

NOT_BEGUN = "nothing was done: whoever holds the link to this peer did not take the order in time"
NOT_ANSWERED = "no answer in time from whoever holds the link to this peer; it may have been done"
NOBODY = "no running hub holds the link to this peer"


class LinkOrders:
    """One for the process. `held` are the links that this process holds, by connection."""

    def __init__(self, store: Store, *, clock: Clock | None = None, ids: Ids | None = None) -> None:
        self._store = store
        self._clock = clock or SystemClock()
        self._ids = ids or RandomIds()
        self.held: dict[str, OrderQueue] = {}

    async def ask(
        self, account_id: int, connection_id: str, verb: str, body: Mapping[str, Any], *, seconds: float
    ) -> None:
        """Have the holder of a link do something; promises and errors as `Hub.ask_link`."""
        order = LinkOrder(id=self._ids.new_id(self._clock.now()), verb=verb, body=dict(body))
        queue = self.held.get(connection_id)
        if queue is not None:
            await self._ask_here(queue, order, seconds)
        else:
            await self._ask_elsewhere(account_id, connection_id, order, seconds)

    async def _ask_here(self, queue: OrderQueue, order: LinkOrder, seconds: float) -> None:
        asked = LocalOrder(order)
        queue.put(asked)
        try:
            async with asyncio.timeout(seconds):
                await asked.answered
        except TimeoutError:
            raise PeerDown(NOT_ANSWERED if asked.is_begun else NOT_BEGUN) from None

    async def _ask_elsewhere(
        self, account_id: int, connection_id: str, order: LinkOrder, seconds: float
    ) -> None:
        now_ms = to_millis(self._clock.now())
        lease = await self._store.read(get_link, account_id, connection_id)
        if lease is None or lease.until_ms <= now_ms:
            raise PeerDown(NOBODY)
        if lease.reason is not None:
            raise PeerDown(lease.reason)
        until_ms = now_ms + int(seconds * 1000)
        asked = AskedOrder(
            account_id=account_id,
            connection_id=connection_id,
            order=order,
            asked_ms=now_ms,
            until_ms=until_ms,
        )
        await self._store.write(add_link_order, account_id, asked)
        try:
            await self._wait(account_id, order.id, seconds)
        finally:  # also when whoever asked has gone: then nothing is to be begun any more
            answer = await self._store.write(withdraw_link_order, account_id, order.id)
        _raise_for(answer)

    async def _wait(self, account_id: int, order_id: str, seconds: float) -> None:
        """Return when the order is answered or the time is over."""
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + seconds
        while loop.time() < ends_at:
            await asyncio.sleep(min(LOOK_EVERY_SECONDS, max(ends_at - loop.time(), 0)))
            answer = await self._store.read(link_answer, account_id, order_id)
            if answer is None or answer.state in (LinkOrderState.DONE, LinkOrderState.FAILED):
                return


def _raise_for(answer: LinkAnswer | None) -> None:
    match answer:
        case LinkAnswer(state=LinkOrderState.DONE):
            return
        case LinkAnswer(state=LinkOrderState.FAILED, error_id=error_id, reason=reason):
            raise ERRORS.get(error_id or "", PeerDown)(reason or NOT_ANSWERED)
        case LinkAnswer(state=LinkOrderState.WAITING):
            raise PeerDown(NOT_BEGUN)
        case _:
            raise PeerDown(NOT_ANSWERED)
