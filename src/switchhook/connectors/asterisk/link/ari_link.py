"""Holding an ARI: opened by us, or by the PBX, and opened again when it breaks off for a moment."""

import asyncio
from collections.abc import Awaitable, Callable

from switchhook.connectors.asterisk.link.ari_session import Session, read_version
from switchhook.connectors.asterisk.link.clock import Clock
from switchhook.connectors.asterisk.link.requests import Asker, HttpAsker, SocketAsker, basic
from switchhook.connectors.asterisk.settings import Settings
from switchhook.connectors.asterisk.wire import rest
from switchhook.core.connector import Link
from switchhook.core.errors import PeerDown, Refused
from switchhook.core.sockets import Socket

# The link is held on to this long without the hub's own backoff, and so without forgetting anything.
SHORT_GAPS_SECONDS = (0.3, 1.0, 2.0)
LASTED_SECONDS = 30.0
# How long the PBX may stay away before that is told at the connection.
ABSENT_SECONDS = 45.0
LARGEST_MESSAGE_BYTES = 16 * 1024 * 1024

Sessions = Callable[[Socket, Asker], tuple[Session, tuple[Callable[[], Awaitable[None]], ...]]]
"""Makes a session of a socket, and gives what is to be done while it is up."""


async def hold_outgoing(link: Link, settings: Settings, sessions: Sessions, clock: Clock) -> None:
    """Open the websocket, and again after a short break. Requests go by HTTP, several at once.

    Over a websocket, which takes them too, Asterisk does one after another, and each waits for its channel:
    on two cores that let callers down from 20 calls a second on, by HTTP from 40.

    Raises: HubError: it does not work.
    """

    async def once() -> None:
        http = HttpAsker(link.http, settings.url, settings.user, settings.password)
        answer = await http.send(rest.info())
        if answer.status in (401, 403):
            raise Refused("Asterisk refuses user and password")
        if not answer.is_success:
            raise PeerDown(f"no ARI answers at {settings.url}: status {answer.status}")
        read_version(answer.body)
        async with link.sockets.websocket(
            f"{settings.url}/events?app={settings.app}",
            headers=basic(settings.user, settings.password),
            max_message_bytes=LARGEST_MESSAGE_BYTES,
        ) as socket:
            session, work = sessions(socket, http)
            await session.run(*work)

    await again_after_short_gaps(once, clock)


async def hold_incoming(
    next_socket: Callable[[], Awaitable[Socket]], sessions: Sessions, clock: Clock
) -> None:
    """Take the websocket that the PBX opens, and the next one after it. Raises: as `hold_outgoing`."""

    async def once() -> None:
        try:
            async with asyncio.timeout(ABSENT_SECONDS):
                socket = await next_socket()
        except TimeoutError:
            raise PeerDown("the PBX has not connected to us") from None
        try:
            session, work = sessions(socket, SocketAsker(socket))
            await session.run(*work)
        finally:
            await socket.close()

    await again_after_short_gaps(once, clock)


async def again_after_short_gaps(once: Callable[[], Awaitable[None]], clock: Clock) -> None:
    """Do it again where it broke off; give up when it does so time after time."""
    gaps = iter(SHORT_GAPS_SECONDS)
    while True:
        began_at = clock.now()
        try:
            await once()
        except PeerDown:
            if (clock.now() - began_at).total_seconds() > LASTED_SECONDS:
                gaps = iter(SHORT_GAPS_SECONDS)
            seconds = next(gaps, None)
            if seconds is None:
                raise
            await clock.sleep(seconds)
