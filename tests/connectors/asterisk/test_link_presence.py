"""Pauses and phones in a call: what becomes of an employee's status, and that a choice stands above it."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from switchhook.connectors.asterisk.link.phones import look_by_ari
from switchhook.connectors.asterisk.link.presence import PresenceWatch, read_order, remembered, set_presence
from switchhook.connectors.asterisk.link.requests import RestAnswer
from switchhook.connectors.asterisk.settings import read_settings
from switchhook.connectors.asterisk.wire import ari
from switchhook.connectors.asterisk.wire.ami import Frame
from switchhook.connectors.asterisk.wire.rest import RestRequest
from switchhook.core.directory import Availability, Employee
from switchhook.core.errors import (
    BadMessage,
    HubError,
    LinkLost,
    Misconfigured,
    NotFound,
    PeerDown,
    StoreDown,
)
from switchhook.core.outcome import Delivered, GiveUp, NotSent, Outcome, TryAgain

from .holding import MemoryHub, make_link, running

FREE, BUSY, BREAK, DINNER = (
    Availability.FREE,
    Availability.BUSY,
    Availability.BREAK,
    Availability.DINNER,
)
AMI = {"mode": "ami", "host": "pbx", "user": "hub", "password": "x"}
AT = datetime(2026, 3, 2, tzinfo=UTC)


def hub_of(availability: Availability = FREE) -> MemoryHub:
    hub = MemoryHub()
    hub.people.people = [Employee(id=1, name="Anna", extension="101", availability=availability)]
    return hub


def choose(hub: MemoryHub, availability: Availability) -> None:
    hub.people.people = [Employee(id=1, name="Anna", extension="101", availability=availability)]


def watch_of(hub: MemoryHub, **more: str) -> PresenceWatch:
    return PresenceWatch(read_settings(make_link(AMI | {"phone_state": "true"} | more).settings), hub)


def device(state: str, name: str = "PJSIP/101") -> tuple[Frame, datetime]:
    return Frame((("Event", "DeviceStateChange"), ("Device", name), ("State", state))), AT


def member(
    queue: str, paused: str, event: str = "QueueMemberPause", place: str = "PJSIP/101"
) -> tuple[Frame, datetime]:
    fields = (("Event", event), ("Queue", queue), ("StateInterface", place), ("Paused", paused))
    return Frame(fields), AT


async def test_a_phone_in_a_call_makes_busy_of_free_and_back() -> None:
    hub = hub_of()
    await watch_of(hub).hear_ami([device("RINGING"), device("INUSE"), device("INUSE"), device("NOT_INUSE")])

    assert hub.presences == [("101", BUSY), ("101", FREE)]


async def test_whom_a_phone_made_busy_is_remembered_before_anybody_is_told() -> None:
    class Dying(MemoryHub):
        async def set_presence(self, extension: str, availability: Availability) -> None:
            raise LinkLost("killed")

    hub = Dying()
    choose(hub, FREE)
    with pytest.raises(LinkLost):
        await watch_of(hub).hear_ami([device("INUSE")])
    assert remembered(replace(make_link(AMI), state=hub.state)) == ["101"]

    calm = hub_of()
    await watch_of(calm).hear_ami([device("INUSE"), device("NOT_INUSE")])
    assert remembered(replace(make_link(AMI), state=calm.state)) == []


@pytest.mark.parametrize("stored", [None, "101", {"101": 1}, [1, None]])
def test_what_was_stored_by_nobody_like_us_is_no_memory(stored: object) -> None:
    assert remembered(replace(make_link(AMI), state={"busy_by_phone": stored})) == []


# As Asterisk 22.10.1 answers `channels`, in part.
TRUNK = b'{"id":"1795274812.3","name":"PJSIP/trunk-00000003","state":"Up"}'
TALKS = b'[{"id":"1795274812.4","name":"PJSIP/101-00000004","state":"Up"},' + TRUNK + b"]"
RINGS = b'[{"id":"1795274812.4","name":"PJSIP/101-00000004","state":"Ringing"},' + TRUNK + b"]"
IS_IDLE = b"[" + TRUNK + b"]"


@pytest.mark.parametrize(
    ("answer", "presences"),
    [
        (RestAnswer(status=200, body=TALKS), []),
        (RestAnswer(status=200, body=IS_IDLE), [("101", FREE)]),
        (RestAnswer(status=200, body=RINGS), [("101", FREE)]),
        (RestAnswer(status=403, body=b"{}"), []),
    ],
)
async def test_over_ari_a_phone_without_a_channel_that_talks_is_idle(
    answer: RestAnswer, presences: list[tuple[str, Availability]]
) -> None:
    class Asked:
        async def send(self, request: RestRequest) -> RestAnswer:
            assert (request.method, request.uri) == ("GET", "channels")
            return answer

        async def tell(self, request: RestRequest) -> None:
            raise AssertionError("nothing is to be told")

    hub = hub_of(BUSY)
    watch = PresenceWatch(
        read_settings(make_link(ARI | {"phone_state": "true"}).settings), hub, made_busy=["101"]
    )
    async with running(look_by_ari(watch, Asked())):
        await asyncio.sleep(0.02)

    assert hub.presences == presences


def channel(number: int, state: str, name: str = "PJSIP/101") -> ari.Channel:
    return ari.Channel(id=f"1.{number}", name=f"{name}-{number:08x}", state=state)


def changed(number: int, state: str, name: str = "PJSIP/101") -> tuple[ari.Event, datetime]:
    return ari.ChannelStateChange(channel=channel(number, state, name)), AT


def gone(number: int) -> tuple[ari.Event, datetime]:
    return ari.ChannelDestroyed(channel=channel(number, "Up"), cause=16), AT


async def test_over_ari_it_is_the_same() -> None:
    hub = hub_of()
    created = ari.ChannelCreated(channel=channel(1, "Down")), AT
    ringing, up = changed(1, "Ringing"), changed(1, "Up")
    await watch_of(hub).hear_ari([created, ringing, up, up, gone(1), gone(1)])

    assert hub.presences == [("101", BUSY), ("101", FREE)]


async def test_over_ari_whoever_dials_is_busy_and_stays_it_until_the_last_channel_ends() -> None:
    hub = hub_of()
    created = ari.ChannelCreated(channel=channel(1, "Ring")), AT
    await watch_of(hub).hear_ari([created, changed(2, "Up"), gone(1)])
    assert hub.presences == [("101", BUSY)]

    other, inner = changed(3, "Up", "PJSIP/trunk"), changed(4, "Up", "Local/101@office")
    quiet = hub_of()
    await watch_of(quiet).hear_ari([other, inner, changed(5, "Up", "Recorder/101")])
    assert quiet.presences == []


async def test_over_ari_what_is_heard_while_the_list_comes_is_newer_than_the_list() -> None:
    hub = hub_of()
    watch = watch_of(hub)
    watch.begin_compare()
    await watch.hear_ari([changed(1, "Up"), changed(2, "Up"), gone(2)])
    await watch.compare_channels([channel(2, "Up")])
    assert hub.presences == [("101", BUSY)]

    choose(hub, BUSY)
    await watch.hear_ari([gone(1)])
    assert hub.presences == [("101", BUSY), ("101", FREE)]


@pytest.mark.parametrize("chosen", [BUSY, DINNER, BREAK, Availability.OFFLINE])
async def test_a_status_that_was_chosen_is_not_changed_by_a_phone(chosen: Availability) -> None:
    hub = hub_of(chosen)
    await watch_of(hub).hear_ami([device("INUSE"), device("NOT_INUSE")])

    assert hub.presences == []


async def test_what_is_chosen_during_a_call_stays_after_it() -> None:
    hub = hub_of()
    watch = watch_of(hub)
    await watch.hear_ami([device("INUSE")])
    choose(hub, DINNER)
    await watch.hear_ami([device("NOT_INUSE")])

    assert hub.presences == [("101", BUSY)]


async def test_a_phone_says_nothing_where_that_is_not_wanted_or_where_it_is_none() -> None:
    hub = hub_of()
    await watch_of(hub, phone_state="false").hear_ami([device("INUSE")])
    await watch_of(hub).hear_ami([device("INUSE", "PJSIP/trunk"), device("INUSE", "Queue:sales_avail")])
    await watch_of(hub).hear_ami([device("UNAVAILABLE"), device("INVALID"), device("INUSE", "PJSIP/105")])

    assert hub.presences == []


async def test_only_a_pause_in_every_queue_is_a_break() -> None:
    hub = hub_of()
    watch = watch_of(hub)
    watch.know([member("sales", "0", "QueueMember")[0], member("support", "0", "QueueMember")[0]])
    await watch.hear_ami([member("sales", "1")])
    assert hub.presences == []
    await watch.hear_ami([member("support", "1"), member("support", "1")])
    assert hub.presences == [("101", BREAK)]
    await watch.hear_ami([member("sales", "0")])

    assert hub.presences == [("101", BREAK), ("101", FREE)]


async def test_a_pause_that_follows_from_a_status_changes_nothing() -> None:
    hub = hub_of(DINNER)
    watch = watch_of(hub)
    await watch.hear_ami([member("sales", "1")])
    choose(hub, FREE)
    await watch.hear_ami([member("sales", "0")])

    assert hub.presences == []


async def test_the_end_of_a_pause_does_not_end_a_call() -> None:
    hub = hub_of(BUSY)
    watch = watch_of(hub)
    watch.know([member("sales", "1", "QueueMember")[0]])
    await watch.hear_ami([member("sales", "0")])

    assert hub.presences == []


async def test_a_store_that_is_down_costs_the_status_and_not_the_link() -> None:
    class Down(MemoryHub):
        async def set_presence(self, extension: str, availability: Availability) -> None:
            raise StoreDown("the disk is full")

    hub = Down()
    choose(hub, FREE)

    await watch_of(hub).hear_ami([device("INUSE"), member("sales", "1")])


async def test_a_member_by_a_local_channel_is_their_extension() -> None:
    hub = hub_of()
    await watch_of(hub).hear_ami([member("sales", "1", place="Local/101@from-queue/n")])

    assert hub.presences == [("101", BREAK)]


class Answering(MemoryHub):
    """A hub whose link answers an order with an error, or not at all."""

    def __init__(self, error: HubError | None) -> None:
        super().__init__()
        self.error = error
        self.asked: list[tuple[str, object]] = []

    async def ask_link(self, verb: str, body: object, *, seconds: float = 10) -> None:
        self.asked.append((verb, body))
        if self.error is not None:
            raise self.error


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (None, Delivered()),
        (NotFound("101 is no member of a queue"), NotSent("101 is no member of a queue")),
        (PeerDown("nobody holds the link"), TryAgain("nobody holds the link")),
        (Misconfigured("give it write = agent"), GiveUp("give it write = agent")),
    ],
)
async def test_how_a_status_for_the_pbx_is_delivered(error: HubError | None, outcome: Outcome) -> None:
    hub = Answering(error)

    assert await set_presence("101", DINNER, make_link(AMI), hub) == outcome
    assert hub.asked == [("presence", {"extension": "101", "availability": "dinner"})]


ARI = {"mode": "ari", "url": "http://pbx:8088", "user": "hub", "password": "x"}


async def test_over_ari_calls_that_are_handed_round_are_told_of_it() -> None:
    hub = Answering(None)

    assert await set_presence("101", DINNER, make_link(ARI), hub) == Delivered()
    assert hub.asked == [("presence", {"extension": "101", "availability": "dinner"})]


async def test_without_a_link_there_are_none_and_that_is_no_failure() -> None:
    outcome = await set_presence("101", DINNER, make_link(ARI), Answering(PeerDown("nobody holds the link")))

    assert isinstance(outcome, NotSent)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"extension": "101"},
        {"extension": "101\r\nAction: x", "availability": "free"},
        {"extension": "1", "availability": "x"},
    ],
)
def test_an_order_that_is_none(body: dict[str, str]) -> None:
    with pytest.raises(BadMessage):
        read_order(body)
