"""Open links to peers, each held by one process at a time: leases taken, kept, lost and given back.

A lease lasts three seconds and is renewed each second, so that another process has the link within five
when this one dies or is stopped. What still goes on here after that is told so by our own clock, and
refused by the store: see docs/decisions/0011-links.md.
"""

import asyncio
import os
import platform
import random
import secrets
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import timedelta

import structlog

from switchhook.core.errors import HubError, PeerDown, Unsupported
from switchhook.core.sockets import Socket
from switchhook.flow.clock import Clock, SystemClock, wait_for_either
from switchhook.flow.hub import Hubs
from switchhook.flow.link_holding import END_SECONDS, Holding, passed_seconds
from switchhook.flow.link_hub import HeldHub, Planner
from switchhook.flow.link_orders import LinkOrders
from switchhook.flow.link_queue import StoredOrder
from switchhook.flow.registry import Attached, Registry
from switchhook.store import Store
from switchhook.store.link_leases import free_links, give_back_link, renew_link, renew_links, take_link
from switchhook.store.link_orders import waiting_link_orders
from switchhook.store.times import to_millis

log = structlog.get_logger(__name__)

LEASE_SECONDS = 3.0
RENEW_EVERY_SECONDS = 1.0
LOOK_EVERY_SECONDS = 0.5
# Our own view of the lease ends so much earlier than that of others.
MARGIN_SECONDS = 0.25
ORDERS_EVERY_SECONDS = 0.2


class Links:
    """One for the process. `run` holds links; without it nothing is held, and others are asked."""

    def __init__(
        self,
        store: Store,
        registry: Registry,
        hubs: Hubs,
        orders: LinkOrders,
        *,
        planner: Planner | None = None,
        clock: Clock | None = None,
        passed: Callable[[], float] = passed_seconds,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.owner = f"{platform.node()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._store = store
        self._registry = registry
        self._hubs = hubs
        self._orders = orders
        self._planner = planner
        self._clock = clock or SystemClock()
        self._passed = passed
        self._chance = chance
        self._held: dict[str, Holding] = {}
        self._living: dict[str, asyncio.Task[None]] = {}  # the same, and those that are about to end
        self._renewed_at = float("-inf")
        self._taking = asyncio.Lock()
        self._is_ended = False
        self._changed = asyncio.Event()
        registry.on_change(self._changed.set)

    async def run(self) -> None:
        """Take, keep and work off links until cancelled; then give all of them back."""
        # Each by itself: what takes long must not keep a lease from being renewed.
        rounds = [
            asyncio.create_task(again(self._clock, self._changed, LOOK_EVERY_SECONDS, work))
            for work in (self.keep, self.take_free)
        ]
        rounds.append(asyncio.create_task(self._look_for_orders()))
        try:
            await asyncio.gather(*rounds)
        finally:
            for task in rounds:
                task.cancel()
            await asyncio.gather(*rounds, return_exceptions=True)
            await self.end()

    async def farewell(self) -> None:
        """Have all that are held say that this process is about to end, while everything still works."""
        await asyncio.gather(*(holding.say_farewell() for holding in list(self._held.values())))

    async def end(self) -> None:
        """Let go of all links and give them back; no more are taken."""
        self._is_ended = True
        living = list(self._living.values())
        for task in living:
            task.cancel()
        await asyncio.gather(*living, return_exceptions=True)

    async def keep(self) -> None:
        """Let go of what is not ours to hold, begin anew what has changed, renew the rest."""
        meant = self._meant()
        for holding in list(self._held.values()):
            attached = meant.get(holding.id)
            if attached is None or holding.is_lost:
                self._let_go(holding)
            elif _depends_on(attached) != _depends_on(holding.attached):
                holding.change(attached)
        try:
            await self._renew()
        except HubError as error:
            log.warning("links cannot be renewed", reason=error.reason)
            self._lose_overdue()

    async def take_free(self) -> None:
        """Take every link that is meant to be and that nobody holds."""
        meant = self._meant()
        wanted = [one for one in meant if one not in self._living]
        if not wanted:
            return
        try:
            free = await self._store.read(free_links, wanted, now_ms=to_millis(self._clock.now()))
            for connection_id in free:
                async with self._taking:
                    if connection_id not in self._living:
                        await self._take(meant[connection_id])
        except HubError as error:
            log.warning("links cannot be taken", reason=error.reason)

    async def hand_over(self, account_id: int, connection_id: str, socket: Socket) -> None:
        """Give a socket that the peer opened to us to the holder of its link: from now on that is us.

        Raises:
            PeerDown: this process is about to end, or has not let go of the link yet.
            Unsupported: nobody would take it: the connection is paused, gone, or holds no link.
            StoreDown: the link cannot be taken.
        """
        attached = self._registry.link(account_id, connection_id)
        if not _is_meant(attached):
            raise Unsupported("this connection holds no link now")
        async with self._taking:
            holding = self._held.get(connection_id)
            if holding is None or not holding.is_held():
                holding = await self._take_from_others(attached)
        await holding.sockets.offer(socket)
        holding.hurry()

    async def _take_from_others(self, attached: Attached) -> Holding:
        if self._is_ended:
            raise PeerDown("this hub is about to end")
        ending = self._living.get(attached.id)
        if ending is not None:
            ending.cancel()
            await asyncio.wait([ending], timeout=END_SECONDS)
        if attached.id in self._living:
            raise PeerDown("the link before is not ended yet")
        holding = await self._take(attached, is_forced=True)
        if holding is None:
            raise Unsupported("there is no such connection any more")
        return holding

    async def _take(self, attached: Attached, *, is_forced: bool = False) -> Holding | None:
        """Take a link and begin to hold it; None when another was first."""
        began, now = self._passed(), self._clock.now()
        epoch = await self._store.write(
            take_link,
            attached.row.account_id,
            attached.id,
            self.owner,
            now_ms=to_millis(now),
            until_ms=to_millis(now + timedelta(seconds=LEASE_SECONDS)),
            is_forced=is_forced,
        )
        if epoch is None:
            return None
        holding = Holding(
            attached,
            epoch=epoch,
            good_until=began + LEASE_SECONDS - MARGIN_SECONDS,
            store=self._store,
            registry=self._registry,
            clock=self._clock,
            passed=self._passed,
            chance=self._chance,
            renew=self._renew_one,
        )
        self._held[attached.id] = holding
        self._orders.held[attached.id] = holding.orders
        self._living[attached.id] = asyncio.create_task(self._hold(holding), name=f"link {attached.id}")
        log.info("link taken", connection=attached.id, epoch=epoch)
        return holding

    async def _hold(self, holding: Holding) -> None:
        try:
            await holding.live(HeldHub(self._hubs, holding, self._planner))
        finally:
            self._forget(holding)
            try:
                await self._store.write(give_back_link, holding.account_id, holding.id, epoch=holding.epoch)
            except HubError as error:  # then it ends by itself
                log.info("link cannot be given back", connection=holding.id, reason=error.reason)
            finally:
                del self._living[holding.id]

    async def _renew(self) -> None:
        began, now = self._passed(), self._clock.now()
        if not self._held or began - self._renewed_at < RENEW_EVERY_SECONDS - LOOK_EVERY_SECONDS / 2:
            return
        until_ms = to_millis(now + timedelta(seconds=LEASE_SECONDS))
        before = list(self._held.values())
        epochs = await self._store.write(renew_links, self.owner, until_ms=until_ms)
        self._renewed_at = began
        for holding in before:
            if epochs.get(holding.id) == holding.epoch:
                holding.good_until = began + LEASE_SECONDS - MARGIN_SECONDS
            else:
                log.warning("link lost to another process", connection=holding.id, epoch=holding.epoch)
                self._let_go(holding)

    async def _renew_one(self, holding: Holding) -> bool:
        """Renew one that is overdue; False: another process has it. Raises: StoreDown."""
        began, until = self._passed(), self._clock.now() + timedelta(seconds=LEASE_SECONDS)
        is_ours = await self._store.write(
            renew_link, holding.account_id, holding.id, epoch=holding.epoch, until_ms=to_millis(until)
        )
        if is_ours:
            holding.good_until = max(holding.good_until, began + LEASE_SECONDS - MARGIN_SECONDS)
        return is_ours

    def _lose_overdue(self) -> None:
        """With the store away another process may hold what we could not renew."""
        for holding in list(self._held.values()):
            if not holding.is_held():
                log.warning("link lost: it could not be renewed in time", connection=holding.id)
                self._let_go(holding)

    def _let_go(self, holding: Holding) -> None:
        holding.is_lost = True
        self._forget(holding)
        task = self._living.get(holding.id)
        if task is not None:
            task.cancel()

    def _forget(self, holding: Holding) -> None:
        if self._held.get(holding.id) is holding:
            del self._held[holding.id]
        if self._orders.held.get(holding.id) is holding.orders:
            del self._orders.held[holding.id]

    def _meant(self) -> dict[str, Attached]:
        return {one.id: one for one in self._registry.snapshot.by_id.values() if _is_meant(one)}

    async def _look_for_orders(self) -> None:
        """Look for what other processes ask of the links held here."""
        while True:
            await self._clock.sleep(ORDERS_EVERY_SECONDS)
            going = {one.id: one for one in self._held.values() if one.orders.closed_because is None}
            if not going:
                continue
            try:
                await self._fetch_orders(going)
            except HubError as error:
                log.warning("orders cannot be looked for", reason=error.reason)

    async def _fetch_orders(self, going: Mapping[str, Holding]) -> None:
        now_ms = to_millis(self._clock.now())
        for asked in await self._store.read(waiting_link_orders, list(going), now_ms=now_ms):
            holding = going[asked.connection_id]
            with suppress(PeerDown):  # no more fit in, or it has just ended: the next round sees it again
                holding.orders.put(StoredOrder(self._store, self._clock, asked, epoch=holding.epoch))


async def again(
    clock: Clock, changed: asyncio.Event, seconds: float, work: Callable[[], Awaitable[None]]
) -> None:
    """Do something at once and then again and again, sooner when something has changed."""
    while True:
        await work()
        await wait_for_either(clock, changed, seconds)
        changed.clear()


def _is_meant(attached: Attached) -> bool:
    return attached.side.run is not None and not attached.is_paused


def _depends_on(attached: Attached) -> tuple[Mapping[str, str] | str, ...]:
    """Give everything by which a link may be made otherwise, and nothing that it remembers itself."""
    link = attached.link
    return link.settings, link.keys, link.urls, link.name
