"""A hub in memory for one held link, and the way out by real sockets: what a link needs to be tried."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from switchhook.connectors import fields_of
from switchhook.connectors.asterisk.as_crm import SIDE
from switchhook.connectors.asterisk.link.clock import SystemClock
from switchhook.core.call import Call, CallEvent, Change, News, Phase, Tick
from switchhook.core.connector import Book, Link, Role
from switchhook.core.directory import Availability, Caller, Contact, Employee, Group, Line
from switchhook.core.errors import HubError, LinkLost, StoreDown
from switchhook.core.fold import Birth, fold
from switchhook.core.link_hub import LinkOrder
from switchhook.core.ring_plan import RingPlan
from switchhook.core.sockets import Socket
from switchhook.core.timers import due_at
from switchhook.net.http import HttpClient
from switchhook.net.sockets import SocketClient


@dataclass
class Order:
    """An order, and what came of it."""

    order: LinkOrder
    result: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    async def done(self) -> None:
        if not self.result.done():
            self.result.set_result(None)

    async def fail(self, error: Exception) -> None:
        if not self.result.done():
            self.result.set_exception(error)


@dataclass
class MemoryBook:
    people: list[Employee] = field(default_factory=list)

    async def employees(self) -> Sequence[Employee]:
        return self.people

    async def lines(self) -> Sequence[Line]:
        return ()

    async def groups(self) -> Sequence[Group]:
        return ()

    async def contact(self, number: str) -> Contact | None:
        return None

    async def learn_employees(self, employees: Sequence[Employee]) -> None:
        self.people += employees


@dataclass
class MemoryHub:
    """A `LinkHub` whose calls are folded in memory, as the store would have them."""

    calls: dict[str, Call] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    batches: list[Sequence[News]] = field(default_factory=list)
    ups: list[str] = field(default_factory=list)
    presences: list[tuple[str, Availability]] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    plans: dict[str, RingPlan] = field(default_factory=dict)
    people: MemoryBook = field(default_factory=MemoryBook)
    state: dict[str, Any] = field(default_factory=dict)  # what the connection remembers
    farewells: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    memory: dict[str, Any] = field(default_factory=dict)  # what the connector does
    held: bool = True
    is_store_down: bool = False
    orders: asyncio.Queue[Order] = field(default_factory=asyncio.Queue)
    sockets: asyncio.Queue[Socket] = field(default_factory=asyncio.Queue)

    async def accept(self, news: Sequence[News]) -> None:
        if not self.held:
            raise LinkLost("another process holds the link")
        if self.is_store_down:
            raise StoreDown("the disk is full")
        self.batches.append(list(news))
        now = SystemClock().now()
        for one in news:
            self._fold(one, now)

    def _fold(self, news: News, at: Any) -> None:
        call_id = news.call_id
        birth = Birth(
            id=call_id, connection_id="c", shared_id=call_id, recording_token="t" * 32, call_id=call_id
        )
        self.calls[call_id], changes = fold(self.calls.get(call_id), news, at=at, birth=birth)
        self.changes += changes

    def settle(self) -> None:
        """Let the clock say what it has to say of every call."""
        for call_id in list(self.calls):
            while (due := due_at(self.calls[call_id])) is not None:
                before = self.calls[call_id]
                self._fold(Tick(call_id=call_id), due)
                if self.calls[call_id] == before:
                    break

    async def history(self, call_ids: Sequence[str]) -> Mapping[str, Call]:
        return {one: self.calls[one] for one in call_ids if one in self.calls}

    async def who_is(self, number: str, *, call_id: str | None = None, did: str | None = None) -> Caller:
        return Caller(number=number, name=self.names.get(number))

    async def dial(self, extension: str, number: str, *, did: str | None = None) -> str:
        raise AssertionError("a link rings phones by orders, and asks nobody else to")

    async def set_presence(self, extension: str, availability: Availability) -> None:
        self.presences.append((extension, availability))
        self.people.people = [
            Employee(id=one.id, name=one.name, extension=one.extension, availability=availability)
            if one.extension == extension
            else one
            for one in self.people.people
        ]

    async def ask_link(self, verb: str, body: Mapping[str, Any], *, seconds: float = 10) -> None:
        order = Order(LinkOrder(id=str(body.get("id", verb)), verb=verb, body=dict(body)))
        await self.orders.put(order)
        async with asyncio.timeout(seconds):
            await order.result

    async def pair(
        self, *, settings: Mapping[str, str] | None = None, state: Mapping[str, Any] | None = None
    ) -> Link:
        assert not settings
        self.state |= dict(state or {})
        return make_link({"mode": "ami", "host": "pbx"})

    @property
    def book(self) -> Book:
        return self.people

    def is_held(self) -> bool:
        return self.held

    async def still_held(self) -> bool:
        return self.held

    def before_end(self, farewell: Callable[[], Awaitable[None]]) -> None:
        self.farewells.append(farewell)

    async def up(self, what: str) -> None:
        self.ups.append(what)

    async def next_order(self) -> Order:
        return await self.orders.get()

    async def next_socket(self) -> Socket:
        return await self.sockets.get()

    async def open_calls(self) -> Sequence[Call]:
        return [call for call in self.calls.values() if call.phase is Phase.OPEN]

    async def ring_plan(self, number: str, *, did: str | None = None, call_id: str | None = None) -> RingPlan:
        return self.plans.get(did or "") or RingPlan(caller=Caller(number=number), steps=())

    def told(self) -> list[str]:
        """Everything that was told of calls, a line each."""
        return [
            " ".join(
                filter(None, (one.happening.value, one.extension, one.disposition and one.disposition.value))
            )
            for batch in self.batches
            for one in batch
            if isinstance(one, CallEvent)
        ]


@asynccontextmanager
async def link_to(**settings: str) -> AsyncIterator[Link]:
    """A connection with these settings, whose way out are the hub's own guarded clients."""
    async with HttpClient() as http, SocketClient() as sockets:
        yield make_link(
            settings, http=http.granted(allow_private=True), sockets=sockets.granted(allow_private=True)
        )


def make_link(settings: Mapping[str, str], keys: Mapping[str, str] | None = None, **more: Any) -> Link:
    defaults = {one.name: one.default for one in fields_of(SIDE)}
    assert settings.keys() <= defaults.keys()
    return Link(
        id="c-1",
        account_id=1,
        kind="asterisk",
        role=Role.PBX,
        name="Office",
        settings=defaults | {"allow_private": "true"} | dict(settings),
        keys=keys or {"password": "hub-made-key"},
        urls={"ari": "https://hub.example.com/x/url-key/ari"},
        public_url="https://hub.example.com",
        state={},
        **{"http": None, **more},
    )


async def until(is_reached: Any, seconds: float = 10) -> None:
    """Wait in real time until something holds."""
    async with asyncio.timeout(seconds):
        while not is_reached():  # noqa: ASYNC110 - anything may be waited for
            await asyncio.sleep(0.01)


@asynccontextmanager
async def running(job: Any) -> AsyncIterator[asyncio.Task[None]]:
    """Something that runs until it is left; what it raised by itself is raised then."""
    task = asyncio.create_task(job)
    try:
        yield task
    finally:
        if task.done():
            task.result()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


__all__ = ["HubError", "MemoryHub", "link_to", "make_link", "running", "until"]
