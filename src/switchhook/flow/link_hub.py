"""The hub as a connector has it while it holds a link: everything that writes is fenced by the lease."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any, Protocol

from switchhook.core.book import Book
from switchhook.core.call import Call, News
from switchhook.core.connector import Link
from switchhook.core.directory import Availability, Caller
from switchhook.core.errors import LinkLost, Unsupported
from switchhook.core.link_hub import Ordered
from switchhook.core.ring_plan import RingPlan
from switchhook.core.sockets import Socket
from switchhook.flow.hub import BoundHub, Hubs
from switchhook.flow.link_holding import Holding
from switchhook.store.link_leases import get_link
from switchhook.store.open_calls import open_calls_of


class Planner(Protocol):
    """Says whom to ring; never raises for a silent CRM or store."""

    async def plan(
        self,
        account_id: int,
        number: str,
        *,
        did: str | None = None,
        call_id: str | None = None,
        asker: str | None = None,
    ) -> RingPlan: ...


class HeldHub:
    """A `LinkHub`; its promises are the contract's."""

    def __init__(self, hubs: Hubs, holding: Holding, planner: Planner | None) -> None:
        self._hubs = hubs
        self._holding = holding
        self._planner = planner

    def is_held(self) -> bool:
        return self._holding.is_held()

    async def still_held(self) -> bool:
        return await self._holding.still_held()

    @property
    def memory(self) -> MutableMapping[str, Any]:
        return self._holding.memory

    def before_end(self, farewell: Callable[[], Awaitable[None]]) -> None:
        self._holding.farewells.append(farewell)

    async def up(self, what: str) -> None:
        await self._check()
        await self._holding.say(what=what)

    async def next_order(self) -> Ordered:
        await self._check()
        return await self._holding.orders.next()

    async def next_socket(self) -> Socket:
        await self._check()
        return await self._holding.sockets.next()

    async def open_calls(self) -> Sequence[Call]:
        return await self._hubs.store.read(open_calls_of, self._holding.account_id, self._holding.id)

    async def ring_plan(self, number: str, *, did: str | None = None, call_id: str | None = None) -> RingPlan:
        await self._check()
        if self._planner is None:
            raise Unsupported("this hub does not route calls")
        holding = self._holding
        return await self._planner.plan(
            holding.account_id, number, did=did, call_id=call_id, asker=holding.id
        )

    async def accept(self, news: Sequence[News]) -> None:
        await self._check()
        if not news:
            return
        holding = self._holding
        try:
            await self._hubs.intake.accept(holding.account_id, holding.id, news, fence=holding.epoch)
        except LinkLost:
            holding.is_lost = True
            raise

    async def history(self, call_ids: Sequence[str]) -> Mapping[str, Call]:
        return await self._plain.history(call_ids)

    async def who_is(self, number: str, *, call_id: str | None = None, did: str | None = None) -> Caller:
        await self._check()
        return await self._plain.who_is(number, call_id=call_id, did=did)

    async def dial(self, extension: str, number: str, *, did: str | None = None) -> str:
        await self._check_store()
        return await self._plain.dial(extension, number, did=did)

    async def set_presence(self, extension: str, availability: Availability) -> None:
        await self._check_store()
        await self._plain.set_presence(extension, availability)

    async def ask_link(self, verb: str, body: Mapping[str, Any], *, seconds: float = 10) -> None:
        await self._check()
        await self._plain.ask_link(verb, body, seconds=seconds)

    async def pair(
        self, *, settings: Mapping[str, str] | None = None, state: Mapping[str, Any] | None = None
    ) -> Link:
        await self._check_store()
        return await self._plain.pair(settings=settings, state=state)

    @property
    def book(self) -> Book:
        return self._plain.book

    @property
    def _plain(self) -> BoundHub:
        return self._hubs.of(self._holding.id)

    async def _check(self) -> None:
        if not await self._holding.still_held():
            raise LinkLost("the time is over for which this process held the link")

    async def _check_store(self) -> None:
        """Ask the store too, for what is not fenced in its own transaction."""
        await self._check()
        holding = self._holding
        lease = await self._hubs.store.read(get_link, holding.account_id, holding.id)
        if lease is None or lease.epoch != holding.epoch:
            holding.is_lost = True
            raise LinkLost("another process holds the link to this peer")
        await self._check()
