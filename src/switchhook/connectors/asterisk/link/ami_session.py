"""Holding a manager connection: logged in, listened to, and looked after."""

from collections.abc import Awaitable, Callable, Sequence

from switchhook.connectors.asterisk.link.ami_client import AmiClient
from switchhook.connectors.asterisk.link.ari_session import short_version
from switchhook.connectors.asterisk.link.clock import Clock
from switchhook.connectors.asterisk.link.follower import Follower
from switchhook.connectors.asterisk.link.presence import PresenceWatch
from switchhook.connectors.asterisk.link.together import together
from switchhook.connectors.asterisk.listen import from_ami
from switchhook.connectors.asterisk.settings import Settings
from switchhook.connectors.asterisk.wire import actions
from switchhook.core.errors import Refused
from switchhook.core.link_hub import LinkHub

PING_EVERY_SECONDS = 5.0
# Of the classes that Asterisk sorts its events into; variables are told in `dialplan`, wanted for files only.
CLASSES = ("call", "agent")
CLASS_OF_VARIABLES = "dialplan"


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
        await self._follower.compare(from_ami.live_channels(rows), asked_at=asked_at)
        _, members = await self._client.ask_list(
            lambda one: actions.write_action("QueueStatus", action_id=one)
        )
        self._watch.know([row for row in members if row.event == "QueueMember"])
        await self._hub.up(f"Asterisk {version} by AMI")
        await together(self._ping(), self._follower.sweep(), *(_forever(one) for one in work))

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
