"""Processes that hold links, a played peer behind them, and a clock that is turned by hand."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from switchhook.core.connector import Link, Role, Side
from switchhook.core.link_hub import LinkHub, LinkOrder
from switchhook.flow.configure import Configured
from switchhook.flow.hub import BoundHub, Hubs
from switchhook.flow.link_hub import Planner
from switchhook.flow.link_orders import LinkOrders
from switchhook.flow.links import Links
from switchhook.store import Store, calls
from switchhook.store.link_leases import LinkLease, get_link
from tests.fakes import FakeClock, NumberedIds, eventually
from tests.flow.rig import Rig, open_rig

KIND = "exchange"


@dataclass
class Peer:
    """A PBX whose link is held: every run of it is kept, and its orders are done unless told otherwise."""

    runs: list[tuple[Link, LinkHub]] = field(default_factory=list)
    begun: int = 0  # runs that have nothing left to say, and wait
    ended: int = 0
    orders: list[LinkOrder] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)  # raised by the next runs
    answers: list[Exception | None] = field(default_factory=list)  # to the next orders
    answers_of: Mapping[object, Exception] = field(default_factory=dict)  # to others, by number
    is_deaf: bool = False  # takes no orders
    is_up: bool = True

    @property
    def hub(self) -> LinkHub:
        return self.runs[-1][1]

    async def run(self, link: Link, hub: LinkHub) -> None:
        self.runs.append((link, hub))
        try:
            if self.failures:
                raise self.failures.pop(0)
            if self.is_up:
                await hub.up("Exchange 1.0")
            self.begun += 1
            if self.is_deaf:
                await asyncio.Event().wait()
            while True:
                ordered = await hub.next_order()
                self.orders.append(ordered.order)
                number = ordered.order.body.get("number")
                answer = self.answers.pop(0) if self.answers else self.answers_of.get(number)
                await (ordered.done() if answer is None else ordered.fail(answer))
        finally:
            self.ended += 1

    def side(self, **more: object) -> Side:
        return Side(role=Role.PBX, run=self.run, **more)  # type: ignore[arg-type]


@dataclass(kw_only=True)
class Process:
    """What one process has beside the shared store."""

    rig: Rig
    hubs: Hubs
    orders: LinkOrders
    links: Links

    def hub(self, connection: Configured) -> BoundHub:
        return self.hubs.of(connection.id)

    async def tend(self) -> None:
        await self.links.keep()
        await self.links.take_free()
        await asyncio.sleep(0.02)


def process(
    rig: Rig,
    *,
    passed: Callable[[], float] | None = None,
    planner: Planner | None = None,
    chance: Callable[[], float] = lambda: 0.5,
) -> Process:
    """Make a process over the store of a rig; its own clock is the rig's unless given."""
    orders = LinkOrders(rig.store, clock=rig.clock, ids=NumberedIds("o"))
    hubs = Hubs(
        rig.store,
        rig.box,
        rig.registry,
        rig.intake,
        rig.lookup,
        rig.hubs.presence,
        clock=rig.clock,
        orders=orders,
    )
    links = Links(
        rig.store,
        rig.registry,
        hubs,
        orders,
        planner=planner,
        clock=rig.clock,
        passed=passed or (lambda: rig.clock.now().timestamp()),
        chance=chance,
    )
    return Process(rig=rig, hubs=hubs, orders=orders, links=links)


@dataclass(kw_only=True)
class Scene:
    """A rig with one connection whose link can be held."""

    rig: Rig
    clock: FakeClock
    peer: Peer
    connection: Configured
    processes: list[Process] = field(default_factory=list)

    def process(self, **options: object) -> Process:
        made = process(self.rig, **options)  # type: ignore[arg-type]
        self.processes.append(made)
        return made

    async def lease(self) -> LinkLease | None:
        return await self.rig.store.read(get_link, self.rig.account_id, self.connection.id)

    async def call_ids(self) -> Sequence[str]:
        """Ids of all calls that were stored."""
        page = await self.rig.store.read(calls.page, self.rig.account_id, limit=100)
        return sorted(call.call_id for call in page.calls)


@asynccontextmanager
async def open_scene(folder: Path, kept: Store | None = None, **side: object) -> AsyncIterator[Scene]:
    clock, peer = FakeClock(), Peer()
    async with open_rig(folder, {KIND: [peer.side(**side)]}, kept=kept, clock=clock) as rig:
        connection = await rig.connect(KIND, Role.PBX)
        scene = Scene(rig=rig, clock=clock, peer=peer, connection=connection)
        try:
            yield scene
        finally:
            for one in scene.processes:
                await one.links.end()


async def taken(scene: Scene, **options: object) -> LinkHub:
    """Have a process take the link; give the hub of its run."""
    await scene.process(**options).tend()
    await eventually(lambda: bool(scene.peer.begun or scene.peer.ended))
    return scene.peer.hub


def reason_of(scene: Scene) -> str | None:
    found = scene.rig.registry.get(scene.connection.id)
    return None if found is None else found.row.status_reason
