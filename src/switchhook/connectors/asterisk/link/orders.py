"""What the rest of the hub asks of whoever holds the link: each order done once, answered once."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog

from switchhook.core.errors import HubError, LinkLost, PeerDown, Unsupported
from switchhook.core.link_hub import LinkHub, LinkOrder, Ordered

log = structlog.get_logger(__name__)

MOST_AT_ONCE = 32

Handler = Callable[[LinkOrder], Awaitable[None]]
"""Does what an order says. Raises: HubError: what the asker is told."""


async def serve_orders(hub: LinkHub, handlers: Mapping[str, Handler]) -> None:
    """Do what is ordered until cancelled, several at a time."""
    under_way: set[asyncio.Task[None]] = set()
    room = asyncio.Semaphore(MOST_AT_ONCE)
    try:
        while True:
            await room.acquire()
            ordered = await hub.next_order()
            task = asyncio.create_task(_answer(ordered, hub, handlers))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
            task.add_done_callback(lambda _: room.release())
    finally:
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)


async def _answer(ordered: Ordered, hub: LinkHub, handlers: Mapping[str, Handler]) -> None:
    order = ordered.order
    try:
        handler = handlers.get(order.verb)
        if handler is None:
            raise Unsupported(f"this way of connecting to an Asterisk knows no {order.verb[:40]}")
        if not await hub.still_held():
            raise LinkLost("another process holds the link to this Asterisk")
        await handler(order)
    except HubError as error:
        await ordered.fail(error)
    except Exception as error:
        log.exception("asterisk: an order failed", verb=order.verb, order=order.id)
        await ordered.fail(PeerDown(f"what was asked of the PBX failed: {type(error).__name__}"))
    else:
        await ordered.done()
