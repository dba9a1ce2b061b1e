"""A whole hub: everything that runs by itself, the server in front of it, and the order of its end."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from switchhook.app.alone import among_hubs
from switchhook.app.desk import Desk, open_desk
from switchhook.app.fence import fence
from switchhook.app.pages import Pages
from switchhook.app.workshop import Workshop, open_workshop
from switchhook.core.connector import Connector
from switchhook.flow.clock import Clock
from switchhook.flow.housekeeping import Housekeeping
from switchhook.flow.lanes import Lanes
from switchhook.flow.links import Links
from switchhook.flow.live import Live
from switchhook.flow.media.fetch import Policy
from switchhook.flow.media.shelf import Shelf
from switchhook.flow.pairing import Pairing
from switchhook.flow.playback import Playback
from switchhook.flow.poller import Poller
from switchhook.flow.reconcile import Reconcile
from switchhook.flow.recordings import RecordingFetcher
from switchhook.flow.registry import Registry
from switchhook.flow.ring_plans import RingPlans
from switchhook.flow.routes import Routes
from switchhook.net.asgi import AsgiApp
from switchhook.net.server import Server
from switchhook.settings import Place, Settings
from switchhook.store import Store
from switchhook.store.accounts import DEFAULT_ACCOUNT
from switchhook.store.hub_settings import PUBLIC_URL, set_setting
from switchhook.store.leases import give_back_all
from switchhook.store.link_leases import give_back_links
from switchhook.web.api.office import Office
from switchhook.web.api_doors import ApiDoors
from switchhook.web.hall import Hall
from switchhook.web.limits import WrongTries
from switchhook.web.lookup_hook import LookupHook
from switchhook.web.recordings import Recordings
from switchhook.web.sessions import Signer
from switchhook.web.socket_door import SocketDoor
from switchhook.web.switch import Meter, Proxies, Switch

log = structlog.get_logger(__name__)

# What runs in the background gets so long to come to an end.
STOP_SECONDS = 8.0


@dataclass(frozen=True, kw_only=True)
class Ready:
    """What is told once the hub takes events."""

    url: str  # on this machine
    public_url: str  # where peers and browsers reach it
    login_url: str  # opens the calls page, once
    desk: Desk
    registry: Registry  # refresh it to have a change known at once instead of within a second


OnReady = Callable[[Ready], None]
Beside = Callable[[Ready], Coroutine[Any, Any, None]]
"""Something that runs with the hub; when it ends, so does the hub."""


@asynccontextmanager
async def open_hub(
    place: Place,
    account: str = DEFAULT_ACCOUNT,
    *,
    clock: Clock | None = None,
    connectors: Mapping[str, Connector] | None = None,
) -> AsyncIterator[Ready]:
    """Run a whole hub inside the block. `clock` and `connectors` are for hubs under test.

    It stops in this order: a word to the peers of open links, no new requests, those in hand are finished,
    what was being delivered ends, the store is closed.

    Raises:
        Misconfigured: a setting is wrong, or the address cannot be listened on.
        StoreDown: the database does not answer.
    """
    async with AsyncExitStack() as stack:
        desk = await stack.enter_async_context(open_desk(place, account))
        if desk.store.dialect == "sqlite":
            await stack.enter_async_context(
                among_hubs(Path(place.store), if_alone=partial(end_leases, desk.store))
            )
        workshop = await stack.enter_async_context(open_workshop(desk, clock=clock, connectors=connectors))
        clock = workshop.clock
        live = Live(desk.store, clock=clock)
        lanes = Lanes(desk.store, workshop.hubs.outlets, clock=clock)
        reconcile = Reconcile(desk.store, workshop.intake, clock=clock)
        shelf = Shelf(place.recordings_folder, url=place.settings.recordings_url or None)
        fetcher = RecordingFetcher(
            desk.store,
            workshop.registry,
            workshop.intake,
            shelf,
            policy=Policy(max_bytes=place.settings.max_recording_bytes),
            clock=clock,
        )
        for listener in (live.note, lanes.note, reconcile.note):
            workshop.intake.listen(listener)
        workshop.intake.listen(fetcher.note)
        workshop.intake.foretell(lanes.expect)
        workshop.presence.listen(lanes.wake)
        pairing = Pairing(desk.store, workshop.registry, workshop.hubs.of, clock=clock)
        links = make_links(workshop)

        signer = Signer.of(place.folder)
        hall = make_hall(workshop, live, signer)
        playback = Playback(desk.store, shelf, clock=clock)
        pages = Pages(hall, make_office(workshop, hall, playback))
        stack.push_async_callback(pages.close)
        switch = make_switch(workshop, hall, playback, pages, links)
        cert, key = place.tls_files
        server = Server(
            switch,
            host=place.settings.host,
            port=place.settings.port,
            tls_cert=cert,
            tls_key=key,
            takes=switch.is_of_peers,
        )
        # Ended after the server, which comes later onto the stack: what comes in last is still worked off.
        background: list[asyncio.Task[Any]] = []
        stack.push_async_callback(end_all, background)
        await server.start()
        stack.push_async_callback(server.stop)
        stack.push_async_callback(links.farewell)  # also to peers whose sockets end with the server
        stack.callback(hall.is_closing.set)
        public_url = (place.settings.public_url or server.url).rstrip("/")
        await desk.store.write(set_setting, PUBLIC_URL, public_url)
        await workshop.registry.refresh()
        work = (
            workshop.registry.run,
            lanes.run,
            reconcile.run,
            fetcher.run,
            pairing.run,
            Poller(desk.store, workshop.registry, workshop.hubs.of, clock=clock).run,
            links.run,
            workshop.prober.run,
            Housekeeping(desk.store, clock=clock).run,
        )
        background += [asyncio.create_task(run(), name=run.__qualname__) for run in work]
        if desk.store.dialect == "sqlite":
            background.append(asyncio.create_task(fence(Path(place.store)), name="fence"))
        for task in background:
            task.add_done_callback(note_death)
        login_url = f"{public_url}/login/{signer.link(desk.account_id, datetime.now(UTC))}"
        pages.build_soon()
        log.info("hub is ready", url=server.url, public_url=public_url)
        yield Ready(
            url=server.url,
            public_url=public_url,
            login_url=login_url,
            desk=desk,
            registry=workshop.registry,
        )
        log.info("hub stops")


async def run_hub(place: Place, ready: OnReady, *, beside: Beside | None = None) -> None:
    """Run a hub until SIGTERM or SIGINT, or until what runs beside it has ended.

    Raises: as `open_hub`, and what was raised beside it.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with open_hub(place) as now:
        ready(now)
        waiting: list[asyncio.Task[Any]] = [asyncio.create_task(stop.wait())]
        if beside is not None:
            waiting.append(asyncio.create_task(beside(now)))
        done, others = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        await end_all(list(others))
        for task in done:
            task.result()


async def end_leases(store: Store) -> None:
    """End every lease on a store without another hub: whoever held one is dead."""
    await store.write(give_back_all)
    await store.write(give_back_links)


def make_links(workshop: Workshop) -> Links:
    desk = workshop.desk
    planner = RingPlans(
        desk.store,
        workshop.lookup,
        deadline_seconds=desk.place.settings.lookup_deadline_ms / 1000,
        region=desk.region,
    )
    return Links(
        desk.store,
        workshop.registry,
        workshop.hubs,
        workshop.link_orders,
        planner=planner,
        clock=workshop.clock,
    )


def make_hall(workshop: Workshop, live: Live, signer: Signer) -> Hall:
    place = workshop.desk.place
    settings = place.settings
    return Hall(
        store=workshop.desk.store,
        registry=workshop.registry,
        live=live,
        signer=signer,
        region=settings.region,
        is_tls=settings.public_url.startswith("https://") or bool(settings.tls_cert),
        proxies=proxies_of(settings, place),
    )


def make_office(workshop: Workshop, hall: Hall, playback: Playback) -> Office:
    return Office(
        hall=hall,
        box=workshop.desk.box,
        connectors=workshop.connectors,
        gate=workshop.gate,
        hub_of=workshop.api_hubs.of,
        lookup=workshop.lookup,
        presence=workshop.presence,
        prober=workshop.prober,
        playback=playback,
        clock=workshop.clock,
    )


def make_switch(workshop: Workshop, hall: Hall, playback: Playback, pages: AsgiApp, links: Links) -> Switch:
    settings = workshop.desk.place.settings
    metrics = meter = None
    if settings.metrics:
        from switchhook.web.metrics import Metrics  # nothing is counted unless it is asked for

        counted = Metrics()
        metrics, meter = counted.page, counted.note
    wrong_keys = WrongTries()
    return Switch(
        registry=workshop.registry,
        hub_for=workshop.hubs.of,
        connectors=workshop.connectors,
        doors=ApiDoors(gate=workshop.gate, hub_for=workshop.api_hubs.of),
        pages=pages,
        recordings=Recordings(playback),
        lookup=make_lookup_hook(workshop, hall, meter),
        metrics=metrics,
        meter=meter,
        sockets=SocketDoor(
            workshop.registry, links.hand_over, client_of=hall.proxies.client, wrong_keys=wrong_keys
        ),
        proxies=hall.proxies,
        wrong_keys=wrong_keys,
    )


def make_lookup_hook(workshop: Workshop, hall: Hall, meter: Meter | None) -> LookupHook:
    desk, deadline_seconds = workshop.desk, workshop.desk.place.settings.lookup_deadline_ms / 1000
    return LookupHook(
        gate=workshop.gate,
        lookup=workshop.lookup,
        routes=Routes(desk.store, workshop.lookup, deadline_seconds=deadline_seconds, region=desk.region),
        deadline_seconds=deadline_seconds,
        proxies=hall.proxies,
        region=desk.region,
        meter=meter,
    )


def proxies_of(settings: Settings, place: Place) -> Proxies:
    return Proxies(trusted=place.trusted_networks, header=settings.proxy_header)


async def end_all(tasks: list["asyncio.Task[Any]"]) -> None:
    """Cancel tasks and wait until they have come to their end."""
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=STOP_SECONDS)


def note_death(task: "asyncio.Task[Any]") -> None:
    """Nothing in the background ends by itself: say so when something does."""
    if not task.cancelled() and task.exception() is not None:
        log.error("something in the background died", task=task.get_name(), exc_info=task.exception())
