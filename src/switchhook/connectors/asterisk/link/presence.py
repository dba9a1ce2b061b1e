"""An employee's status and the PBX: pauses in queues both ways, and phones that talk.

An employee's choice stands above what their phone does. A pause at the phone makes a break of a free
employee and its end makes a free one of whoever is away; a pause that follows from a status of the hub's
changes nothing, since away and paused agree. A phone in a call makes a free employee busy and its end
makes them free again, where that is wanted and nobody said anything else meanwhile.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import structlog
from msgspec import Struct

from switchhook.connectors.asterisk.drive.driver import Driver
from switchhook.connectors.asterisk.link.ami_client import AmiClient
from switchhook.connectors.asterisk.link.phone_use import PhoneState, PhoneUse
from switchhook.connectors.asterisk.listen.names import read_channel_name
from switchhook.connectors.asterisk.settings import Mode, Settings, read_settings
from switchhook.connectors.asterisk.wire import actions, ari, values
from switchhook.connectors.asterisk.wire.ami import Frame
from switchhook.core.connector import Hub, Link
from switchhook.core.directory import Availability
from switchhook.core.errors import BadMessage, Misconfigured, NotFound, PeerDown, StoreDown, Unsupported
from switchhook.core.link_hub import LinkHub, LinkOrder
from switchhook.core.outcome import Delivered, GiveUp, NotSent, Outcome, TryAgain

log = structlog.get_logger(__name__)

PRESENCE = "presence"
FREE, BUSY, BREAK = Availability.FREE, Availability.BUSY, Availability.BREAK
# Of a device; the others say that it is free, or that nobody knows.
IN_CALL = frozenset({"INUSE", "BUSY", "RINGINUSE", "ONHOLD"})
IDLE = frozenset({"NOT_INUSE"})
# In a list it also tells that nobody talks there: a phone that left during a call is never idle again.
AWAY = frozenset({"UNAVAILABLE", "INVALID"})
# What the connection remembers: whom we made busy, since a status does not tell who set it.
STATE = "busy_by_phone"
MOST_REMEMBERED = 10_000
ASKED_ANYWAY = "no call is being handed round; before the next one the hub asks the address book"


async def set_presence(extension: str, availability: Availability, link: Link, hub: Hub) -> Outcome:
    """`Side.set_presence`: pause the employee in every queue that they are a member of, or end that.

    Over ARI: ring them no more for calls that the hub is about to hand round.
    """
    try:
        await hub.ask_link(PRESENCE, {"extension": extension, "availability": availability.value})
    except NotFound as error:
        return NotSent(error.reason)
    except PeerDown as error:
        is_late = read_settings(link.settings).mode is not Mode.AMI
        return NotSent(ASKED_ANYWAY) if is_late else TryAgain(error.reason)
    except (BadMessage, Misconfigured, Unsupported) as error:
        return GiveUp(error.reason)
    return Delivered()


def note_for_calls(driver: Driver, order: LinkOrder) -> None:
    """Have calls that are handed round just now leave an employee out, or count on them again."""
    extension, availability = read_order(order.body)
    if availability is FREE:
        driver.free_again(extension)
    else:
        driver.no_longer_free(extension)


class Pauses:
    """Does at the manager interface what `set_presence` asks for."""

    def __init__(self, client: AmiClient, settings: Settings) -> None:
        self._client = client
        self._settings = settings

    async def set(self, order: LinkOrder) -> None:
        """Pause or go on.

        Raises:
            NotFound: no member of a queue.
            Misconfigured: the user of the manager interface may not.
            BadMessage: the order is none.
        """
        extension, availability = read_order(order.body)
        fields = [
            ("Interface", self._settings.phone_of(extension)),
            ("Paused", "false" if availability is FREE else "true"),
            ("Reason", availability.value),
        ]
        answer = await self._client.ask(lambda one: actions.write_action("QueuePause", fields, action_id=one))
        if answer.is_success:
            return
        said = answer.raw("Message")[:80]
        if "ermission" in said:
            reason = "the user of the manager interface may not pause members: give it write = agent"
            raise Misconfigured(reason, field="user")
        if "not found" in said:
            raise NotFound(f"{extension} is no member of a queue")
        raise PeerDown(f"the manager interface did not pause {extension}: {said}")


def read_order(body: Mapping[str, Any]) -> tuple[str, Availability]:
    """Raises: BadMessage: no extension, or no such status."""
    try:
        availability = Availability(body["availability"])
        return values.dialled(str(body["extension"]), field="extension"), availability
    except (KeyError, ValueError):
        raise BadMessage("expected an extension and a status") from None


class MemberPause(Struct, frozen=True, kw_only=True):
    """A member of a queue was paused there, or goes on."""

    extension: str
    queue: str
    is_paused: bool


class PresenceWatch:
    """Follows phones and pauses, and tells the hub by the rule above."""

    def __init__(self, settings: Settings, hub: LinkHub, *, made_busy: Collection[str] = ()) -> None:
        """`made_busy`: those whom a phone had made busy when the link was last held: see `remembered`."""
        self._settings = settings
        self._hub = hub
        self._pauses: dict[str, dict[str, bool]] = {}  # extension: queue: paused
        self._made_busy: set[str] = set(made_busy)
        self._remembered: frozenset[str] = frozenset(made_busy)
        self._heard: set[str] = set()  # extensions, since a list was asked for
        self._use = PhoneUse(settings.plan)

    @property
    def follows_phones(self) -> bool:
        return self._settings.is_phone_state_told

    @property
    def believes_phones_busy(self) -> bool:
        return bool(self._made_busy) and self.follows_phones

    def begin_compare(self) -> None:
        """Note that devices, or channels, are being asked for: what is heard from now on is newer."""
        self._heard.clear()
        self._use.begin_list()

    async def compare(self, devices: Sequence[tuple[str, str]]) -> None:
        """Take a list of devices and their states: whoever we made busy and whose call is over is free.

        Raises: LinkLost.
        """
        states: dict[str, set[str]] = {}
        for device, state in devices:
            extension = _extension(device, self._settings)
            if extension is not None:
                states.setdefault(extension, set()).add(state)
        for extension in sorted(self._made_busy - self._heard):
            said = states.get(extension, set())
            if said & (IDLE | AWAY) and not said & IN_CALL:
                await self._phone(PhoneState(extension=extension, is_in_call=False))

    async def compare_channels(self, channels: Sequence[ari.Channel]) -> None:
        """Likewise with the list of channels, where states of devices are not to be had. Raises: LinkLost."""
        self._use.know(channels)
        for extension in sorted(self._made_busy - self._use.in_call):
            await self._phone(PhoneState(extension=extension, is_in_call=False))

    def know(self, rows: Sequence[Frame]) -> None:
        """Take the list of queue members as the state that changes are told against."""
        self._pauses = {}
        for row in rows:
            pause = member_pause(row, self._settings)
            if pause is not None:
                self._pauses.setdefault(pause.extension, {})[pause.queue] = pause.is_paused

    async def hear_ami(self, batch: Sequence[tuple[Frame, datetime]]) -> None:
        """Take events of the manager interface. Raises: LinkLost."""
        for frame, _ in batch:
            if frame.event == "DeviceStateChange":
                await self._phone(phone_state(frame.raw("Device"), frame.raw("State"), self._settings))
            elif frame.event == "QueueMemberPause":
                await self._member(member_pause(frame, self._settings))

    async def hear_ari(self, batch: Sequence[tuple[ari.Event, datetime]]) -> None:
        """Take events of ARI. Raises: LinkLost."""
        for event, _ in batch if self.follows_phones else ():
            await self._phone(self._use.hear(event))

    async def _phone(self, state: PhoneState | None) -> None:
        if state is None or not self.follows_phones:
            return
        self._heard.add(state.extension)
        now = await self._availability(state.extension)
        if state.is_in_call and now is FREE:
            self._made_busy.add(state.extension)
            await self._remember()
            await self._tell(state.extension, BUSY)
        elif not state.is_in_call and state.extension in self._made_busy:
            self._made_busy.discard(state.extension)
            if now is BUSY:
                await self._tell(state.extension, FREE)
            await self._remember()

    async def _remember(self) -> None:
        """Have the connection remember whom we made busy, before anybody is told, for the hub after us."""
        made_busy = frozenset(sorted(self._made_busy)[:MOST_REMEMBERED])
        if made_busy == self._remembered:
            return
        try:
            await self._hub.pair(state={STATE: sorted(made_busy)})
            self._remembered = made_busy
        except StoreDown as error:
            log.warning("asterisk: who is busy cannot be remembered", reason=error.reason)

    async def _member(self, pause: MemberPause | None) -> None:
        if pause is None:
            return
        of_member = self._pauses.setdefault(pause.extension, {})
        was_paused = bool(of_member) and all(of_member.values())
        of_member[pause.queue] = pause.is_paused
        is_paused = all(of_member.values())
        if is_paused == was_paused:
            return
        now = await self._availability(pause.extension)
        if is_paused and now is FREE:
            await self._tell(pause.extension, BREAK)
        elif not is_paused and now not in (None, FREE, BUSY):
            await self._tell(pause.extension, FREE)

    async def _tell(self, extension: str, availability: Availability) -> None:
        """Tell the hub; where its store is down the word is lost, since calls are worth more than this."""
        try:
            await self._hub.set_presence(extension, availability)
        except StoreDown as error:
            log.warning("asterisk: a status is lost", extension=extension, reason=error.reason)

    async def _availability(self, extension: str) -> Availability | None:
        try:
            people = await self._hub.book.employees()
        except StoreDown:
            return None
        return next((one.availability for one in people if one.extension == extension), None)


def remembered(link: Link) -> Collection[str]:
    """Give whom a phone had made busy when the link was last held."""
    stored = link.state.get(STATE)
    return [one for one in stored if isinstance(one, str)] if isinstance(stored, list) else []


def phone_state(device: str, state: str, settings: Settings) -> PhoneState | None:
    """Read the state of a device such as `PJSIP/101`; None for one that is no phone, or says nothing."""
    extension = _extension(device, settings)
    if extension is None or state not in IN_CALL | IDLE:
        return None
    return PhoneState(extension=extension, is_in_call=state in IN_CALL)


def member_pause(frame: Frame, settings: Settings) -> MemberPause | None:
    """Read a `QueueMember` or `QueueMemberPause`; None where the member is no phone of ours."""
    place = frame.get("StateInterface") or frame.get("Interface") or frame.get("Location")
    extension = _extension(place, settings)
    if extension is None or not frame.raw("Queue"):
        return None
    return MemberPause(extension=extension, queue=frame.raw("Queue"), is_paused=frame.raw("Paused") == "1")


def _extension(device: str, settings: Settings) -> str | None:
    if device.lower().startswith("local/"):
        number = device[len("local/") :].partition("@")[0]
        return number if settings.plan.is_extension(number) else None
    endpoint = read_channel_name(device).endpoint
    return settings.plan.extension_of(endpoint) if endpoint else None
