"""What the hub asks of a real Asterisk over its link: clicks, pauses, recordings."""

import asyncio
import itertools
import time

import pytest

from switchhook.connectors.asterisk.as_crm import SIDE
from switchhook.core.call import Direction, Disposition
from switchhook.core.connector import DialOrder, Link
from switchhook.core.directory import Availability, Caller, Employee, GroupKind
from switchhook.core.errors import LinkLost, Misconfigured, PeerDown
from switchhook.core.outcome import Delivered, NotSent
from switchhook.core.ring_plan import RingPlan, RingStep
from tests.asterisk.actors import OUTSIDE, Actors
from tests.asterisk.ears import AmiEar
from tests.asterisk.holding_a_link import held, until
from tests.asterisk.server import AsteriskServer
from tests.asterisk.side_by_side import SIDE_BY_SIDE
from tests.connectors.asterisk.holding import MemoryHub

pytestmark = SIDE_BY_SIDE
HEARD_SECONDS = 1.0  # in which the link has heard what another manager has
CLIENT, LINE = "79997776655", "74950000001"
# How a click is done: by the hub itself, by ARI into the dialplan, by AMI into the dialplan.
CLICKS = {
    "hub": ("ari", {"trunk": "PJSIP/{number}@trunk", "caller_id": LINE}),
    "ari": ("ari", {"context": "to-trunk"}),
    "ami": ("ami", {"context": "to-trunk"}),
}
by_each = pytest.mark.parametrize("how", CLICKS)
numbers = itertools.count(int(time.time()))


async def click(link: Link, hub: MemoryHub, extension: str = "101", number: str = CLIENT) -> str:
    order = DialOrder(id=f"order-{next(numbers)}", extension=extension, number=number)
    assert SIDE.dial is not None
    await SIDE.dial(order, link, hub)
    return order.id


@by_each
async def test_a_click_rings_the_employee_then_the_client(asterisk: AsteriskServer, how: str) -> None:
    way, settings = CLICKS[how]
    hub = MemoryHub(names={CLIENT: 'Ivan "Vanya" Petrov'})
    async with Actors(asterisk) as sip, held(asterisk, way, hub, **settings) as link:
        phone = await sip.answers("101")
        client = await sip.answers(OUTSIDE, talk_seconds=1)
        order_id = await click(link, hub)
        await sip.all_as_scripted()
        await until(lambda: "ended 101 answered" in hub.told())
        assert "Ivan 'Vanya' Petrov" in phone.said
        assert CLIENT in phone.said
        assert LINE in client.said
    hub.settle()

    (call,) = hub.calls.values()
    assert order_id in call.call_id
    assert (call.direction, call.number, call.disposition) == (
        Direction.OUTBOUND,
        CLIENT,
        Disposition.ANSWERED,
    )
    assert [leg.extension for leg in call.legs] == ["101"]


@by_each
async def test_a_phone_that_is_not_registered_is_told_to_whoever_clicked(
    asterisk22: AsteriskServer, how: str
) -> None:
    way, settings = CLICKS[how]
    hub = MemoryHub()
    async with held(asterisk22, way, hub, **settings) as link:
        with pytest.raises(Misconfigured, match="registered"):
            await click(link, hub, "109")


@by_each
async def test_a_client_who_is_busy_is_told_by_the_call(asterisk22: AsteriskServer, how: str) -> None:
    way, settings = CLICKS[how]
    hub = MemoryHub()
    async with Actors(asterisk22) as sip, held(asterisk22, way, hub, **settings) as link:
        await sip.answers("101")
        await sip.refuses(OUTSIDE)
        await click(link, hub)
        await until(lambda: "ended 101 busy" in hub.told())


async def test_a_link_that_is_not_ours_any_more_commands_nothing(asterisk22: AsteriskServer) -> None:
    hub = MemoryHub()
    way, settings = CLICKS["ari"]
    async with Actors(asterisk22) as sip, held(asterisk22, way, hub, **settings) as link:
        await sip.only_rings("101")
        hub.held = False
        with pytest.raises(LinkLost):
            await click(link, hub)
        hub.held = True
        assert hub.told() == []


async def test_a_number_that_the_dialplan_cannot_dial_is_told_at_once(asterisk22: AsteriskServer) -> None:
    hub = MemoryHub()
    async with held(asterisk22, "ami", hub, context="nowhere") as link:
        with pytest.raises(Misconfigured, match="cannot dial"):
            await click(link, hub)


async def test_a_status_pauses_the_employee_in_their_queues(asterisk22: AsteriskServer) -> None:
    hub = MemoryHub()
    assert SIDE.set_presence is not None
    async with held(asterisk22, "ami", hub) as link:
        paused = await SIDE.set_presence("101", Availability.DINNER, link, hub)
        shown = await asyncio.to_thread(asterisk22.cli, "queue show sales")
        free = await SIDE.set_presence("101", Availability.FREE, link, hub)
        again = await asyncio.to_thread(asterisk22.cli, "queue show sales")
        nobody = await SIDE.set_presence("109", Availability.DINNER, link, hub)

    assert (paused, free) == (Delivered(), Delivered())
    assert "paused:dinner" in shown
    assert "paused" not in again
    assert nobody == NotSent("109 is no member of a queue")


async def test_a_pause_at_the_phone_makes_a_break_and_our_own_makes_nothing(
    asterisk22: AsteriskServer,
) -> None:
    hub = MemoryHub()
    hub.people.people = [Employee(id=1, name="Anna", extension="101")]
    async with held(asterisk22, "ami", hub), AmiEar(asterisk22) as ear:
        await asyncio.to_thread(asterisk22.cli, "queue pause member PJSIP/101")
        await until(lambda: bool(hub.presences))
        await asyncio.to_thread(asterisk22.cli, "queue unpause member PJSIP/101")
        await until(lambda: len(hub.presences) > 1)
        assert hub.presences == [("101", Availability.BREAK), ("101", Availability.FREE)]

        hub.people.people = [Employee(id=1, name="Anna", extension="101", availability=Availability.DINNER)]
        heard = len(ear.frames)
        await asyncio.to_thread(asterisk22.cli, "queue pause member PJSIP/101")
        await ear.until("QueueMemberPause", since=heard, Paused="1")
        await asyncio.sleep(HEARD_SECONDS)
        hub.people.people = [Employee(id=1, name="Anna", extension="101", availability=Availability.FREE)]
        await asyncio.to_thread(asterisk22.cli, "queue unpause member PJSIP/101")
        await ear.until("QueueMemberPause", since=heard, Paused="0")
        await asyncio.sleep(HEARD_SECONDS)
        assert len(hub.presences) == 2


@pytest.mark.parametrize("way", ["ari", "ami"])
async def test_who_talks_is_busy_where_that_is_wanted(asterisk22: AsteriskServer, way: str) -> None:
    hub = MemoryHub()
    hub.people.people = [Employee(id=1, name="Anna", extension="101")]
    async with Actors(asterisk22) as sip, held(asterisk22, way, hub, phone_state="true"):
        await sip.answers("101")
        await sip.calls("74950000006", talk_seconds=0.7)
        await until(lambda: len(hub.presences) == 2)

    assert hub.presences == [("101", Availability.BUSY), ("101", Availability.FREE)]


async def test_a_call_that_the_hub_connected_has_its_recording_at_the_pbx(asterisk: AsteriskServer) -> None:
    hub = MemoryHub()
    step = RingStep(extensions=("101", "102"), kind=GroupKind.RING, because="the line's group")
    hub.plans[LINE] = RingPlan(caller=Caller(number="79101234567", name="Anna Client"), steps=(step,))
    async with Actors(asterisk) as sip, held(asterisk, "ari", hub) as link:
        phone = await sip.answers("101")
        await sip.only_rings("102")
        await sip.calls(LINE, talk_seconds=2)
        await until(lambda: "recorded" in hub.told())
        assert "Anna Client" in phone.said
        (call,) = hub.calls.values()
        (recording,) = call.recordings
        assert SIDE.recording_headers is not None
        headers = SIDE.recording_headers(recording.url, link)
        async with link.http.download(
            recording.url, max_bytes=1_000_000, total_seconds=5, headers=headers
        ) as file:
            body = b"".join([piece async for piece in file.chunks()])

    assert body[:4] == b"RIFF"
    assert len(body) > 8_000
    assert hub.told().count("recorded") == 1


async def test_nobody_holds_the_link() -> None:
    """A hub without a holder says so by itself; here the asker only passes it on."""
    from tests.connectors.asterisk.holding import make_link

    class Nobody(MemoryHub):
        async def ask_link(self, verb: str, body: object, *, seconds: float = 10) -> None:
            raise PeerDown("nobody holds the link")

    link = make_link({"mode": "ami", "host": "pbx", "user": "u", "password": "p", "context": "out"})
    with pytest.raises(PeerDown, match="nobody holds"):
        await click(link, Nobody())
    assert SIDE.set_presence is not None
    outcome = await SIDE.set_presence("101", Availability.DINNER, link, Nobody())
    assert "nobody holds" in getattr(outcome, "reason", "")
