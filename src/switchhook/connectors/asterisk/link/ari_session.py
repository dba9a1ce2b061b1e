"""One websocket of ARI from its opening to its end, whoever opened it."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

import msgspec
import structlog
from msgspec import Struct

from switchhook.connectors.asterisk.drive.names import read_bridge, recording_name
from switchhook.connectors.asterisk.link.clock import Clock
from switchhook.connectors.asterisk.link.follower import Follower
from switchhook.connectors.asterisk.link.inbox import Inbox
from switchhook.connectors.asterisk.link.pbx_clock import PbxClock
from switchhook.connectors.asterisk.link.requests import Asker, SocketAsker
from switchhook.connectors.asterisk.link.together import together
from switchhook.connectors.asterisk.listen import from_ari
from switchhook.connectors.asterisk.listen.sight import LiveChannel, RecordingBegun, Sight
from switchhook.connectors.asterisk.wire import ari, rest
from switchhook.core.errors import HubError, LinkLost, Misconfigured, PeerDown, Refused
from switchhook.core.link_hub import LinkHub
from switchhook.core.sockets import Socket

log = structlog.get_logger(__name__)

T = TypeVar("T")

# Asterisk may clean up after the socket before this one and take the new registration with it: the
# socket stays open and silent. So the application is looked for soon after connecting, and again.
FIRST_LOOKS_SECONDS = (0.15, 1.0, 2.0)
LOOK_EVERY_SECONDS = 5.0

Hears = Callable[[Sequence[tuple[ari.Event, datetime]]], Awaitable[None]]
"""Somebody who is told of events, each with a time: when it came, or when it happened."""


class Session:
    """Reads, folds, and looks whether it still works. Ends by an error only."""

    def __init__(
        self,
        socket: Socket,
        asker: Asker,
        *,
        app: str,
        follower: Follower,
        hub: LinkHub,
        clock: Clock,
        drives: Hears | None = None,
        hears: Hears | None = None,
    ) -> None:
        """`drives` is told of each event as it comes and waits for nothing; `hears` after it was stored.

        The one is told when it came, the other when it happened.
        """
        self._socket = socket
        self._asker = asker
        self._app = app
        self._follower = follower
        self._hub = hub
        self._clock = clock
        self._drives = drives
        self._hears = hears
        self._inbox: Inbox[tuple[ari.Event, datetime]] = Inbox()
        self._pbx_clock = PbxClock()

    async def run(self, *work: Callable[[], Awaitable[None]]) -> None:
        """Go on until it cannot; `work` is begun once the link is up.

        Raises:
            PeerDown: the socket is closed, silent, or not of a registered application.
            Misconfigured: another program took the application over.
            Refused: ARI refuses the user.
            LinkLost: another process holds the link.
        """
        await together(self._read(), self._fold(), self._live(work))

    async def _read(self) -> None:
        while True:
            text = await self._socket.receive()
            at = self._clock.now()
            event = ari.read_message(text).event
            match event:
                case ari.RESTResponse():
                    if isinstance(self._asker, SocketAsker):
                        self._asker.take(event)
                case ari.ApplicationReplaced():
                    raise self._replaced()
                case ari.Other(reason=reason) if reason:
                    log.warning("asterisk: a message cannot be read", bytes=len(text), kind=event.kind)
                case _:
                    happened_at = self._pbx_clock.when(from_ari.read_time(event.timestamp), at)
                    # Phones ring whether or not the store keeps up. Their timers run from when we know:
                    # by the time when it happened some would be over before the next word was read.
                    if self._drives is not None:
                        await self._drives([(event, at)])
                    await self._inbox.put((event, happened_at), len(text))

    async def _fold(self) -> None:
        while True:
            batch = await self._inbox.take()
            sights = [(sight, at) for event, at in batch if (sight := from_ari.sight_of(event)) is not None]
            if sights:
                await self._follower.hear(sights)
            if self._hears is not None:
                await self._hears(batch)

    async def _live(self, work: Sequence[Callable[[], Awaitable[None]]]) -> None:
        await self._asker.send(rest.event_filter(self._app))
        heard = await self._asker.send(rest.hear_all_calls(self._app))
        if heard.status != 404:  # which the look has the better word for
            _refuse(heard.status)
        await self._clock.sleep(FIRST_LOOKS_SECONDS[0])
        await self._look()
        version = await self._version()
        await self._compare()
        await self._hub.up(f"Asterisk {version} by ARI")
        await together(
            self._keep_looking(),
            self._follower.sweep(),
            *(_forever(one) for one in work),
        )

    async def _keep_looking(self) -> None:
        for seconds in FIRST_LOOKS_SECONDS[1:]:
            await self._clock.sleep(seconds)
            await self._look()
        while True:
            await self._clock.sleep(LOOK_EVERY_SECONDS)
            await self._look()

    async def _look(self) -> None:
        answer = await self._asker.send(rest.application(self._app))
        if answer.status == 404:
            raise PeerDown(f"Asterisk lost the registration of application {self._app}")
        _refuse(answer.status)
        try:
            heard = msgspec.json.decode(answer.body, type=ari.Application).channel_ids
        except (msgspec.DecodeError, UnicodeDecodeError):
            heard = ()
        if ari.ALL_CHANNELS not in heard:
            raise PeerDown(f"Asterisk tells application {self._app} nothing of channels")

    async def _version(self) -> str:
        answer = await self._asker.send(rest.info())
        _refuse(answer.status)
        return read_version(answer.body)

    async def _compare(self) -> None:
        asked_at = self._clock.now()
        channels = await self._list(rest.channels(), list[ari.Channel])
        bridges = await self._list(rest.bridges(), list[ari.Bridge])
        # By its own clock Asterisk says when a channel began; without a word of it, ours has to do.
        now = self._clock.now()
        rows = from_ari.live_channels(channels, bridges, now=now + (self._pbx_clock.ahead or timedelta()))
        await self._follower.compare(rows, asked_at=asked_at)
        await self._follower.hear([(one, self._clock.now()) for one in await self._recorded(rows)])
        if channels and not any(one.linkedid for one in channels):
            log.warning("asterisk: channelvars of ari.conf lack the linkedid", expected=ari.LINKEDID)

    async def _recorded(self, rows: Sequence[LiveChannel]) -> Sequence[Sight]:
        """Give our bridges that are being recorded: that is told once, when it begins."""
        calls = {row.bridge: row.channel.linkedid for row in rows if row.bridge and row.channel.linkedid}
        sights: list[Sight] = []
        for bridge, call_id in calls.items():
            ours = read_bridge(bridge)
            if ours is not None:
                answer = await self._asker.send(rest.live_recording(recording_name(call_id, ours[1])))
                sights += [RecordingBegun(target=bridge)] if answer.is_success else []
        return sights

    async def _list(self, request: rest.RestRequest, kind: type[list[T]]) -> list[T]:
        answer = await self._asker.send(request)
        _refuse(answer.status)
        try:
            return msgspec.json.decode(answer.body, type=kind, strict=False)
        except msgspec.DecodeError:
            raise PeerDown(f"Asterisk answered {request.uri} with something else than a list") from None

    def _replaced(self) -> HubError:
        if not self._hub.is_held():
            return LinkLost("another process holds the link to this Asterisk")
        return Misconfigured(
            f"another program took application {self._app} over: give this hub one of its own", field="app"
        )


class _System(Struct, frozen=True):
    version: str = ""


class _Info(Struct, frozen=True):
    system: _System = _System()


def read_version(body: bytes) -> str:
    """Give the version out of the answer to `asterisk/info`, such as 22.10.1.

    Raises: PeerDown: it is no such answer, so whoever gave it is no Asterisk.
    """
    try:
        version = msgspec.json.decode(body, type=_Info).system.version
    except (msgspec.DecodeError, UnicodeDecodeError):
        version = ""
    if not version:
        raise PeerDown("what answers there is no Asterisk")
    return short_version(version)


def short_version(text: str) -> str:
    """Give the numbers that a version begins with; the packager's additions are left out."""
    numbers = text.partition("+")[0].partition("~")[0].partition("-")[0]
    return numbers[:20] or text[:20]


def _refuse(status: int) -> None:
    if status in (401, 403):
        raise Refused(
            "Asterisk refuses the user, or the user may only read; where the PBX connects to us, a changed "
            "password in ari.conf takes effect when Asterisk is started anew"
        )
    if not 200 <= status < 300:
        raise PeerDown(f"Asterisk answered a request with {status}")


async def _forever(work: Callable[[], Awaitable[None]]) -> None:
    await work()
