"""A manager connection from its login on, to a PBX that is played: what is asked, and what comes of it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest

from switchhook.connectors.asterisk.link.ami_client import AmiClient
from switchhook.connectors.asterisk.link.ami_session import MOST_ASKED, AmiSession
from switchhook.connectors.asterisk.link.clock import SystemClock
from switchhook.connectors.asterisk.link.follower import Follower
from switchhook.connectors.asterisk.link.presence import PresenceWatch
from switchhook.connectors.asterisk.link.reconciling import Reconciler
from switchhook.connectors.asterisk.link.together import together
from switchhook.connectors.asterisk.listen.listener import Listener
from switchhook.connectors.asterisk.listen.recording import Recording
from switchhook.connectors.asterisk.settings import read_settings
from switchhook.connectors.asterisk.wire.ami import Frame, FrameReader
from switchhook.core.call import CallEvent, CallReport, Direction, Happening
from switchhook.core.directory import Availability, Employee
from switchhook.core.errors import PeerDown

from .holding import MemoryHub, make_link, until

CALL = "1700000000.1"
SETTINGS = {"mode": "ami", "host": "pbx", "user": "hub", "password": "x"}
FILES = {"recordings_url": "https://files.example.com"}
FILE = f"/var/spool/asterisk/monitor/{CALL}.wav"
Fields = dict[str, str]


def row(channel: str, channel_id: str, *, app: str = "Dial", bridge: str = "b-1", age: int = 9) -> Fields:
    number = "79101234567" if "trunk" in channel else "101"
    return {
        "Event": "CoreShowChannel",
        "Channel": channel,
        "ChannelStateDesc": "Up",
        "CallerIDNum": number,
        "Uniqueid": channel_id,
        "Linkedid": CALL,
        "Application": app,
        "Duration": f"00:00:{age:02}",
        "BridgeId": bridge,
    }


TRUNK, PHONE = row("PJSIP/trunk-1", CALL), row("PJSIP/101-2", "1700000000.2", app="AppDial")


@dataclass
class PlayedManager:
    """A `Stream` to a manager interface that answers what it is asked."""

    live: Sequence[Fields] = ()
    files: dict[str, str] = field(default_factory=dict)  # by channel
    devices: Sequence[tuple[str, str]] = ()
    has_devices: bool = True
    asked: list[Frame] = field(default_factory=list)
    before_list: Callable[[], None] = lambda: None
    _reader: FrameReader = field(default_factory=FrameReader)
    _coming: asyncio.Queue[bytes] = field(default_factory=asyncio.Queue)

    def __post_init__(self) -> None:
        self._coming.put_nowait(b"Asterisk Call Manager/7.0.3\r\n")

    def say(self, **fields: str) -> None:
        lines = [f"{name}: {value}\r\n" for name, value in fields.items()]
        self._coming.put_nowait("".join([*lines, "\r\n"]).encode())

    async def read(self) -> bytes:
        return await self._coming.get()

    async def close(self) -> None: ...

    async def write(self, data: bytes) -> None:
        for frame in self._reader.feed(data):
            self.asked.append(frame)
            self._answer(frame)

    def _answer(self, frame: Frame) -> None:
        of = {"ActionID": frame.action_id}
        match frame.raw("Action"):
            case "CoreShowChannels":
                self._list(of, self.live)
            case "QueueStatus":
                self._list(of, ())
            case "DeviceStateList" if self.has_devices:
                self.before_list()
                rows = [
                    {"Event": "DeviceStateChange", "Device": name, "State": said}
                    for name, said in self.devices
                ]
                self._list(of, rows)
            case "DeviceStateList":
                self.say(Response="Error", **of, Message="Invalid/unknown command: DeviceStateList.")
            case "Getvar" if frame.raw("Channel") not in {one["Channel"] for one in self.live}:
                self.say(Response="Error", **of, Message="No such channel")
            case "Getvar":
                value = self.files.get(frame.raw("Channel"), "")
                self.say(Response="Success", **of, Variable=frame.raw("Variable"), Value=value)
            case _:
                self.say(Response="Success", **of, AsteriskVersion="22.10.1")

    def _list(self, of: Fields, rows: Sequence[Fields]) -> None:
        self.say(Response="Success", **of, EventList="start")
        for one in rows:
            self.say(**one, **of)
        self.say(Event="ListComplete", **of, EventList="Complete")

    def actions(self, name: str) -> list[Frame]:
        return [one for one in self.asked if one.raw("Action") == name]


@asynccontextmanager
async def session(
    pbx: PlayedManager, hub: MemoryHub, *, made_busy: Sequence[str] = (), **more: str
) -> AsyncIterator[list[Recording]]:
    """A session that is up; gives the recordings that it finds."""
    clock, found = SystemClock(), list[Recording]()
    settings = read_settings(make_link(SETTINGS | more).settings)
    client = AmiClient(pbx, clock, seconds=2)
    follower = Follower(Listener(settings.plan), hub, clock, found=found.append)
    held = AmiSession(
        client,
        settings,
        follower=follower,
        hub=hub,
        clock=clock,
        watch=PresenceWatch(settings, hub, made_busy=made_busy),
    )
    task = asyncio.create_task(together(held.run(), Reconciler(follower, hub, clock).run()))
    try:
        await until(lambda: bool(hub.ups) or task.done(), 5)
        if task.done():
            task.result()
        yield found
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, PeerDown):
            await task


def ends(pbx: PlayedManager) -> None:
    for one in (PHONE, TRUNK):
        pbx.say(
            Event="Hangup",
            Channel=one["Channel"],
            Uniqueid=one["Uniqueid"],
            Linkedid=CALL,
            ChannelStateDesc="Up",
            Cause="16",
        )


async def test_a_channel_that_is_recorded_is_asked_for_its_file() -> None:
    pbx, hub = PlayedManager(live=[TRUNK, PHONE], files={"PJSIP/trunk-1": FILE}), MemoryHub()
    async with session(pbx, hub, **FILES) as found:
        ends(pbx)
        await until(lambda: bool(found), 5)

    assert [(one.call_id, one.name, one.is_stored) for one in found] == [(CALL, FILE, False)]
    assert {one.raw("Variable") for one in pbx.actions("Getvar")} == {"MIXMONITOR_FILENAME"}
    assert hub.calls[CALL].is_recorded


async def test_where_files_are_not_fetched_nothing_is_asked() -> None:
    pbx = PlayedManager(live=[TRUNK, PHONE], files={"PJSIP/trunk-1": FILE})
    async with session(pbx, MemoryHub()):
        pass

    assert pbx.actions("Getvar") == []


async def test_channels_that_are_gone_by_now_or_not_recorded_have_no_file() -> None:
    pbx, hub = PlayedManager(live=[TRUNK, PHONE]), MemoryHub()
    async with session(pbx, hub, **FILES) as found:
        ends(pbx)
        await until(lambda: "ended 101 answered" in hub.told(), 5)

    assert len(pbx.actions("Getvar")) == 2
    assert found == []
    assert not hub.calls[CALL].is_recorded


async def test_a_pbx_with_more_channels_than_can_be_asked_is_asked_of_some() -> None:
    many = [row(f"PJSIP/t-{one}", f"17.{one}", bridge="") for one in range(MOST_ASKED + 50)]
    pbx = PlayedManager(live=many)
    async with session(pbx, MemoryHub(), **FILES):
        pass

    assert len(pbx.actions("Getvar")) == MOST_ASKED


async def test_cdrs_are_asked_for_and_correct_a_talk_that_began_unheard() -> None:
    pbx, hub = PlayedManager(live=[TRUNK, PHONE]), MemoryHub()
    async with session(pbx, hub):
        ends(pbx)
        cdr = {
            "Event": "Cdr",
            "Channel": "PJSIP/trunk-1",
            "DestinationChannel": "PJSIP/101-2",
            "Disposition": "ANSWERED",
            "UniqueID": CALL,
            "StartTime": "2026-11-21 15:09:05",
            "Duration": "9",
            "BillableSeconds": "7",
        }
        for _ in range(2):
            pbx.say(**cdr)
        await until(lambda: any(isinstance(one, CallReport) for batch in hub.batches for one in batch), 5)
        await asyncio.sleep(1.2)

    assert pbx.actions("Login")[0].raw("Events") == "call,agent,cdr"
    (leg,) = hub.calls[CALL].legs
    assert (leg.talk_seconds, leg.is_guess) == (7, False)
    reports = [one for batch in hub.batches for one in batch if isinstance(one, CallReport)]
    assert [one.talk_seconds for one in reports] == [7]


async def test_a_phone_that_rings_no_more_in_a_call_that_goes_on_is_closed_at_once() -> None:
    """The caller talks with 101 when the hub comes back; that 102 was cancelled nobody heard."""
    hub = MemoryHub()
    rings = [
        CallEvent(
            call_id=CALL,
            happening=Happening.RINGING,
            direction=Direction.INBOUND,
            number="79101234567",
            extension=extension,
        )
        for extension in ("101", "102")
    ]
    await hub.accept(rings)
    async with session(PlayedManager(live=[TRUNK, PHONE]), hub):
        pass

    assert hub.told()[2:] == ["ringing 101", "answered 101", "ended 102 cancelled"]


def busy_hub(availability: Availability = Availability.BUSY) -> MemoryHub:
    hub = MemoryHub()
    hub.people.people = [Employee(id=1, name="Anna", extension="101", availability=availability)]
    return hub


async def _free_by(pbx: PlayedManager, hub: MemoryHub, **more: str) -> list[tuple[str, Availability]]:
    async with session(pbx, hub, made_busy=["101"], **{"phone_state": "true", **more}):
        pass
    return hub.presences


@pytest.mark.parametrize("state", ["NOT_INUSE", "UNAVAILABLE"])
async def test_who_was_made_busy_by_a_phone_that_is_idle_by_now_is_free(state: str) -> None:
    pbx, hub = PlayedManager(devices=[("PJSIP/101", state), ("PJSIP/trunk", "INUSE")]), busy_hub()

    assert await _free_by(pbx, hub) == [("101", Availability.FREE)]
    assert hub.state == {"busy_by_phone": []}


@pytest.mark.parametrize(
    "devices",
    [
        [("PJSIP/101", "INUSE")],
        [("PJSIP/101", "UNKNOWN")],
        [("PJSIP/102", "NOT_INUSE")],
        [("PJSIP/101", "NOT_INUSE"), ("Local/101@from-internal", "INUSE")],
    ],
)
async def test_who_still_talks_or_of_whom_nothing_is_said_stays_busy(devices: list[tuple[str, str]]) -> None:
    assert await _free_by(PlayedManager(devices=devices), busy_hub()) == []


async def test_a_status_chosen_meanwhile_stays() -> None:
    pbx = PlayedManager(devices=[("PJSIP/101", "NOT_INUSE")])

    assert await _free_by(pbx, busy_hub(Availability.DINNER)) == []


async def test_who_chose_to_be_busy_is_not_asked_about() -> None:
    pbx, hub = PlayedManager(devices=[("PJSIP/101", "NOT_INUSE")]), busy_hub()
    async with session(pbx, hub, phone_state="true"):
        pass

    assert hub.presences == []
    assert pbx.actions("DeviceStateList") == []


async def test_a_pbx_without_a_list_of_devices_is_held_all_the_same() -> None:
    assert await _free_by(PlayedManager(has_devices=False), busy_hub()) == []


async def test_what_is_heard_while_the_list_is_made_is_newer_than_it() -> None:
    """The phone takes its next call just then."""
    pbx, hub = PlayedManager(devices=[("PJSIP/101", "NOT_INUSE")]), busy_hub()
    pbx.before_list = lambda: pbx.say(Event="DeviceStateChange", Device="PJSIP/101", State="INUSE")

    assert await _free_by(pbx, hub) == []
