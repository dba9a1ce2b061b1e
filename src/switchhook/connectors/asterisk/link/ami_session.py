"""Holding a manager connection: logged in, listened to, and looked after."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from switchhook.connectors.asterisk.link import phones
from switchhook.connectors.asterisk.link.ami_client import AmiClient
from switchhook.connectors.asterisk.link.ari_session import short_version
from switchhook.connectors.asterisk.link.clock import Clock
from switchhook.connectors.asterisk.link.follower import Follower
from switchhook.connectors.asterisk.link.presence import PresenceWatch
from switchhook.connectors.asterisk.link.together import together
from switchhook.connectors.asterisk.listen import from_ami
from switchhook.connectors.asterisk.listen.sight import LiveChannel, Monitored
from switchhook.connectors.asterisk.settings import Settings
from switchhook.connectors.asterisk.wire import actions
from switchhook.core.errors import BadMessage, Refused, TooLarge
from switchhook.core.link_hub import LinkHub

PING_EVERY_SECONDS = 5.0
# Of the classes that Asterisk sorts its events into; variables are told in `dialplan`, wanted for files only.
# A user that may not read one of them is told the others.
CLASSES = ("call", "agent", "cdr")
CLASS_OF_VARIABLES = "dialplan"
# After connecting, live channels are asked whether they are recorded: so many at most, so many at once.
MOST_ASKED = 2_000
ASKED_AT_ONCE = 100


class AmiSession:
    """One connection, from the login to its end, which is an error."""

    def __init__(
        self,
        client: AmiClient,
        settings: Settings,
        *,
        follower: Follower,
        hub: LinkHub,
        clock: Clock,
        watch: PresenceWatch,
    ) -> None:
        self._client = client
        self._settings = settings
        self._follower = follower
        self._hub = hub
        self._clock = clock
        self._watch = watch

    async def run(self, *work: Callable[[], Awaitable[None]]) -> None:
        """Go on until it cannot; `work` is begun once the link is up.

        Raises:
            PeerDown: the connection ended, or the manager interface is silent.
            Refused: user and password, or what the user may do.
            LinkLost: another process holds the link.
        """
        await together(self._client.read(), self._fold(), self._live(work))

    async def _fold(self) -> None:
        while True:
            batch = await self._client.inbox.take()
            sights = [(sight, at) for frame, at in batch if (sight := from_ami.sight_of(frame)) is not None]
            if sights:
                await self._follower.hear(sights)
            await self._watch.hear_ami(batch)

    async def _live(self, work: Sequence[Callable[[], Awaitable[None]]]) -> None:
        settings = self._settings
        await self._client.login(settings.user, settings.password, events=classes_of(settings))
        version = await self._version()
        asked_at = self._clock.now()
        response, rows = await self._client.ask_list(lambda one: actions.show_channels(action_id=one))
        if not response.is_success:
            raise Refused(
                "the user of the manager interface may not list the channels: give it write = reporting"
            )
        live = from_ami.live_channels(rows)
        await self._follower.compare(live, asked_at=asked_at)
        if settings.recordings_url:
            await self._ask_for_files(live)
        _, members = await self._client.ask_list(
            lambda one: actions.write_action("QueueStatus", action_id=one)
        )
        self._watch.know([row for row in members if row.event == "QueueMember"])
        await phones.compare_by_ami(self._watch, self._client)
        await self._hub.up(f"Asterisk {version} by AMI")
        await together(self._ping(), self._follower.sweep(), *(_forever(one) for one in work))

    async def _ask_for_files(self, live: Sequence[LiveChannel]) -> None:
        """Ask what is recorded into which file: that is told once, when it begins.

        Raises: PeerDown: no answer.
        """
        rows = [row for row in live if row.channel.linkedid][:MOST_ASKED]
        for start in range(0, len(rows), ASKED_AT_ONCE):
            some = rows[start : start + ASKED_AT_ONCE]
            files = await asyncio.gather(*(self._file_of(row.channel.name) for row in some))
            sights = [
                Monitored(channel=row.channel, file=file)
                for row, file in zip(some, files, strict=True)
                if file
            ]
            if sights:
                await self._follower.hear([(one, self._clock.now()) for one in sights])

    async def _file_of(self, channel: str) -> str:
        """Give the file that a channel is recorded into; "" where there is none, or no channel any more."""
        try:
            answer = await self._client.ask(
                lambda one: actions.get_variable(channel, from_ami.MONITOR_FILE, action_id=one)
            )
        except (BadMessage, TooLarge):
            return ""  # a name that no line could carry
        return answer.raw("Value") if answer.is_success else ""

    async def _version(self) -> str:
        answer = await self._client.ask(lambda one: actions.write_action("CoreSettings", action_id=one))
        return short_version(answer.get("AsteriskVersion")) if answer.is_success else "of unknown version"

    async def _ping(self) -> None:
        while True:
            await self._clock.sleep(PING_EVERY_SECONDS)
            await self._client.ask(lambda one: actions.ping(action_id=one))


def classes_of(settings: Settings) -> str:
    """Give the classes of events to ask for."""
    wants_files = bool(settings.recordings_url)
    return ",".join((*CLASSES, CLASS_OF_VARIABLES) if wants_files else CLASSES)


async def _forever(work: Callable[[], Awaitable[None]]) -> None:
    await work()
