"""All that moves, built over an open store; what a command needs to dial or to try a connection."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from switchhook.app.desk import Desk
from switchhook.connectors import discover
from switchhook.core.call import CallerNamed
from switchhook.core.connector import Connector
from switchhook.core.directory import Caller
from switchhook.flow.api_hub import ApiHubs
from switchhook.flow.clock import Clock, SystemClock
from switchhook.flow.gate import Gate
from switchhook.flow.hub import Hubs
from switchhook.flow.idempotency import Orders
from switchhook.flow.ids import RandomIds
from switchhook.flow.intake import Intake
from switchhook.flow.link_orders import LinkOrders
from switchhook.flow.lookup import Lookup, Question
from switchhook.flow.presence import PresenceDesk
from switchhook.flow.probe import Prober
from switchhook.flow.registry import Registry
from switchhook.net.http import HttpClient
from switchhook.net.sockets import SocketClient


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """Everything that moves, built and connected; nothing of it runs by itself yet."""

    desk: Desk
    http: HttpClient
    connectors: Mapping[str, Connector]
    clock: Clock
    registry: Registry
    intake: Intake
    lookup: Lookup
    presence: PresenceDesk
    hubs: Hubs
    link_orders: LinkOrders
    prober: Prober
    gate: Gate
    api_hubs: ApiHubs


@asynccontextmanager
async def open_workshop(
    desk: Desk,
    *,
    public_url: str = "",
    clock: Clock | None = None,
    connectors: Mapping[str, Connector] | None = None,
) -> AsyncIterator[Workshop]:
    """Build all that moves over an open store; enough for a command to dial or to try a connection.

    `connectors` are those that are found, unless given.
    """
    settings, clock = desk.place.settings, clock or SystemClock()
    connectors = discover() if connectors is None else connectors
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(HttpClient(proxy=settings.egress_proxy or None))
        sockets = await stack.enter_async_context(SocketClient(has_proxy=bool(settings.egress_proxy)))
        registry = Registry(
            desk.store, desk.box, connectors, http, sockets=sockets, public_url=public_url, clock=clock
        )
        intake = Intake(desk.store, clock=clock, ids=RandomIds(), destinations=registry.destinations)

        async def note_name(question: Question, caller: Caller) -> None:
            """Put the name that a PBX was told, in time or late, on the call that it asked about."""
            if question.asker and question.call_id and caller.name:
                named = CallerNamed(call_id=question.call_id, name=caller.name)
                await intake.accept(question.account_id, question.asker, [named])

        lookup = Lookup(
            desk.store,
            registry,
            on_named=note_name,
            deadline_seconds=settings.lookup_deadline_ms / 1000,
            clock=clock,
            region=settings.region,
        )
        stack.push_async_callback(lookup.close)
        presence = PresenceDesk(desk.store, registry, clock=clock)
        link_orders = LinkOrders(desk.store, clock=clock)
        hubs = Hubs(
            desk.store,
            desk.box,
            registry,
            intake,
            lookup,
            presence,
            clock=clock,
            region=settings.region,
            orders=link_orders,
        )
        stack.push_async_callback(hubs.dialler.close)
        orders = Orders(desk.store, registry, hubs.of, clock=clock, region=settings.region)
        stack.push_async_callback(orders.close)
        gate = Gate(desk.store, desk.box, clock=clock)
        stack.push_async_callback(gate.close)
        prober = Prober(desk.store, registry, hubs.of, clock=clock)
        await registry.refresh()
        yield Workshop(
            desk=desk,
            http=http,
            connectors=connectors,
            clock=clock,
            registry=registry,
            intake=intake,
            lookup=lookup,
            presence=presence,
            hubs=hubs,
            link_orders=link_orders,
            prober=prober,
            gate=gate,
            api_hubs=ApiHubs(desk.store, registry, orders, region=settings.region),
        )
