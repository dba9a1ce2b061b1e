"""What the hub starts: hold the link of one connection until that does not work any more."""

import asyncio
from collections.abc import Awaitable, Callable

from switchhook.connectors.asterisk.drive.driver import Driver
from switchhook.connectors.asterisk.drive.runner import Runner
from switchhook.connectors.asterisk.link import dialling, phones, presence
from switchhook.connectors.asterisk.link.ami_client import AmiClient
from switchhook.connectors.asterisk.link.ami_session import AmiSession
from switchhook.connectors.asterisk.link.ari_link import again_after_short_gaps, hold_incoming, hold_outgoing
from switchhook.connectors.asterisk.link.ari_session import Session
from switchhook.connectors.asterisk.link.clock import Clock, SystemClock
from switchhook.connectors.asterisk.link.follower import Follower
from switchhook.connectors.asterisk.link.here import keep_saying
from switchhook.connectors.asterisk.link.missed_recordings import keep_looking
from switchhook.connectors.asterisk.link.orders import Handler, serve_orders
from switchhook.connectors.asterisk.link.reconciling import Reconciler
from switchhook.connectors.asterisk.link.recordings import Announcer, left_waiting
from switchhook.connectors.asterisk.link.requests import Asker, HttpAsker
from switchhook.connectors.asterisk.link.together import together
from switchhook.connectors.asterisk.listen.listener import Listener
from switchhook.connectors.asterisk.settings import Mode, Settings, read_settings
from switchhook.core.connector import Link
from switchhook.core.link_hub import LinkHub, LinkOrder
from switchhook.core.sockets import Socket

# Asks whether the link is held and answers; a probe wants to know.
PING = "ping"


async def run(link: Link, hub: LinkHub, *, clock: Clock | None = None) -> None:
    """Hold the link until cancelled. Raises: HubError: it is gone, with the reason in words."""
    settings = read_settings(link.settings)
    await Holding(link, hub, settings, clock or SystemClock()).run()


class Holding:
    """One holding of one link: what is known outlives a socket, and ends with this."""

    def __init__(self, link: Link, hub: LinkHub, settings: Settings, clock: Clock) -> None:
        self._link = link
        self._hub = hub
        self._settings = settings
        self._clock = clock
        self._announcer = Announcer(link.http, settings, clock, waiting=left_waiting(hub))
        self._follower = Follower(Listener(settings.plan), hub, clock, found=self._announcer.found)
        self._reconciler = Reconciler(self._follower, hub, clock)
        self._driver = Driver(settings.drive)
        self._watch = presence.PresenceWatch(settings, hub, made_busy=presence.remembered(link))

    async def run(self) -> None:
        await together(self._hold(), self._announcer.run(self._follower.tell), self._reconciler.run())

    async def _hold(self) -> None:
        match self._settings.mode:
            case Mode.ARI:
                await hold_outgoing(self._link, self._settings, self._ari, self._clock)
            case Mode.ARI_INBOUND:
                await hold_incoming(self._hub.next_socket, self._ari, self._clock)
            case Mode.AMI:
                await again_after_short_gaps(self._ami, self._clock)

    def _ari(self, socket: Socket, asker: Asker) -> tuple[Session, tuple[Callable[[], Awaitable[None]], ...]]:
        settings = self._settings
        runner = Runner(self._driver, asker, self._hub, self._clock)
        session = Session(
            socket,
            asker,
            app=settings.app,
            follower=self._follower,
            hub=self._hub,
            clock=self._clock,
            drives=runner.hear,
            hears=self._watch.hear_ari,
        )
        handlers: dict[str, Handler] = {PING: _pong, presence.PRESENCE: self._note_presence}
        if settings.trunk:
            handlers[dialling.DIAL] = dialling.ByDriver(runner, self._hub).dial
        elif settings.context:
            handlers[dialling.DIAL] = dialling.ByAri(asker, settings, self._hub).dial
        work = (
            lambda: serve_orders(self._hub, handlers),
            runner.run,
            self._look_for_recordings,
            lambda: phones.look_by_ari(self._watch, asker),
            lambda: keep_saying(asker, settings.here_variable, self._clock, self._hub),
        )
        return session, work

    async def _look_for_recordings(self) -> None:
        """Over HTTP, whoever opened the websocket: only there the files are to be had."""
        settings = self._settings
        if not settings.url:
            await asyncio.Event().wait()
        http = HttpAsker(self._link.http, settings.url, settings.user, settings.password)
        await keep_looking(http.send, self._hub.history, self._clock, found=self._announcer.found)

    async def _note_presence(self, order: LinkOrder) -> None:
        presence.note_for_calls(self._driver, order)

    async def _ami(self) -> None:
        settings = self._settings
        async with self._link.sockets.stream(settings.host, settings.port, tls=settings.is_tls) as stream:
            client = AmiClient(stream, self._clock)
            session = AmiSession(
                client,
                settings,
                follower=self._follower,
                hub=self._hub,
                clock=self._clock,
                watch=self._watch,
            )
            handlers: dict[str, Handler] = {
                PING: _pong,
                presence.PRESENCE: presence.Pauses(client, settings).set,
                dialling.DIAL: dialling.ByAmi(client, settings, self._hub).dial,
            }
            await session.run(lambda: serve_orders(self._hub, handlers))


async def _pong(order: LinkOrder) -> None:
    """Answer at all: orders are taken only while the link is up."""
