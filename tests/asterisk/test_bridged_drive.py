"""A hub that routes the calls of real PBXs and clicks to call over them, with CRMs that hear all of it.

The stories are played side by side, each in an office of its own; what went wrong is told by its test.
"""

import asyncio
import functools
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from switchhook.core.call import CallEvent, Direction, Disposition
from switchhook.core.directory import Availability, Contact, GroupKind
from switchhook.core.errors import HubError
from tests.asterisk.actors import FOR_EVER, OUTSIDE, Actors
from tests.asterisk.bridged import CRMS, company, settings_for, until
from tests.asterisk.room import RECORDED_SECONDS, Room, check_length, check_recording
from tests.asterisk.server import AsteriskServer

OURS = "74950000001"
# Stories on one PBX at a time: each starts programs, and what is late is not what is tested here.
AT_ONCE = 6
STORY_SECONDS = 80.0  # only what is broken takes so long
LINES = {
    1: (GroupKind.RING, ("101", "102")),
    2: (GroupKind.RING, ("201", "202", "203")),
    3: (GroupKind.HUNT, ("301", "302")),
    4: (GroupKind.QUEUE, ("401", "402")),
    5: (GroupKind.RING, ("502", "503")),
    6: (GroupKind.RING, ("601", "602")),
}


Story = Callable[[Room], Awaitable[None]]
Faults = dict[str, BaseException]
STORIES: dict[str, Story] = {}


def story(play: Story) -> Story:
    STORIES[play.__name__] = play
    return play


def client(name: str, generation: int) -> str:
    return f"7911{generation}{list(STORIES).index(name) + 1:05}"


@story
async def a_known_caller_reaches_the_responsible(s: Room) -> None:
    """The name from the address book is on the phone that rings, and the talk is recorded."""
    colleague = await s.sip.only_rings("101")
    phone = await s.sip.answers("102")
    caller = await s.sip.calls(s.line(1), caller=s.number, talk_seconds=FOR_EVER)
    await s.talks(seconds=RECORDED_SECONDS)
    await caller.hangs_up()
    await phone.as_scripted()
    call = await s.call()

    assert f'"Anna Client" <sip:{s.number}@' in phone.said
    assert phone.said.count("INVITE") == 1
    assert "INVITE" not in colleague.said
    assert (call.direction, call.disposition, call.extension) == (
        Direction.INBOUND,
        Disposition.ANSWERED,
        "102",
    )
    assert call.contact_name == "Anna Client"
    check_length(call, phone)
    s.check_crms(call, answered=True)
    await check_recording(s, call)


@story
async def a_group_rings_together_without_who_is_busy(s: Room) -> None:
    await s.office.set_status("203", Availability.BUSY)
    busy = await s.sip.only_rings("203")
    loser = await s.sip.only_rings("202")
    winner = await s.sip.only_rings("201")
    caller = await s.sip.calls(s.line(2), caller=s.number, talk_seconds=FOR_EVER)
    await s.office.until_call(s.number, so=lambda call: set(call.rung) == {"201", "202"})
    await loser.until_said("INVITE")
    await winner.answers()
    await loser.as_scripted()
    await s.talks(seconds=RECORDED_SECONDS)
    await caller.hangs_up()
    call = await s.call()

    assert "INVITE" not in busy.said
    assert "CANCELLED" in loser.said
    assert {leg.extension: leg.disposition for leg in call.legs} == {
        "201": Disposition.ANSWERED,
        "202": Disposition.CANCELLED,
    }
    s.check_crms(call, answered=True)


@story
async def a_hunt_goes_on_to_the_next(s: Room) -> None:
    await s.sip.refuses("301")
    await s.sip.answers("302")
    caller = await s.sip.calls(s.line(3), caller=s.number, talk_seconds=FOR_EVER)
    await s.talks(seconds=RECORDED_SECONDS)
    await caller.hangs_up()
    call = await s.call()

    assert [(leg.extension, leg.disposition) for leg in call.legs] == [
        ("301", Disposition.BUSY),
        ("302", Disposition.ANSWERED),
    ]
    s.check_crms(call, answered=True)


@story
async def a_queue_is_answered_at_once_and_rings_who_is_free(s: Room) -> None:
    await s.office.set_status("402", Availability.BREAK)
    away = await s.sip.only_rings("402")
    phone = await s.sip.only_rings("401")
    caller = await s.sip.calls(s.line(4), caller=s.number, talk_seconds=FOR_EVER)
    await caller.until_said("ANSWERED")
    assert "ANSWERED" not in phone.said
    await phone.answers()
    await s.talks(seconds=RECORDED_SECONDS)
    await caller.hangs_up()
    await phone.as_scripted()
    call = await s.call()

    assert "INVITE" not in away.said
    assert (call.extension, call.disposition) == ("401", Disposition.ANSWERED)
    check_length(call, phone)
    s.check_crms(call, answered=True)


@story
async def with_nobody_free_the_dialplan_goes_on(s: Room) -> None:
    await s.office.set_status("502", Availability.DINNER)
    await s.office.set_status("503", Availability.BREAK)
    away = [await s.sip.only_rings(one) for one in ("502", "503")]
    await s.sip.answers("501")
    caller = await s.sip.calls(s.line(5), caller=s.number, talk_seconds=FOR_EVER)
    await s.talks()
    await caller.hangs_up()
    call = await s.call()

    assert [one.said for one in away] == ["", ""]
    assert [(leg.extension, leg.disposition) for leg in call.legs] == [("501", Disposition.ANSWERED)]
    s.check_crms(call, answered=True)


@story
async def a_caller_who_gives_up_is_missed_everywhere(s: Room) -> None:
    for phone in ("601", "602"):
        await s.sip.only_rings(phone)
    caller = await s.sip.gives_up(s.line(6), caller=s.number, ring_seconds=FOR_EVER)
    await s.office.until_call(s.number, so=lambda call: set(call.rung) == {"601", "602"})
    for one in s.sip:
        await one.until_said("INVITE" if one is not caller else "RINGS")
    await caller.goes_on("RINGS")
    await s.sip.all_as_scripted()
    call = await s.call()

    assert call.disposition is Disposition.ABANDONED
    assert call.recordings == ()
    s.check_crms(call, answered=False)
    ends = [
        one.as_sent.get("status") for one in s.office.news_at("planfix", call) if isinstance(one, CallEvent)
    ]
    assert sorted(filter(None, ends)) == ["Cancelled", "Missed"]


async def clicked(s: Room, crm: str, phone: str) -> None:
    """Click in a CRM: the phone rings once with the client's number, then the client with ours."""
    async with s.outside:
        employee = await s.sip.answers(phone)
        called = await s.sip.answers(OUTSIDE, talk_seconds=FOR_EVER)
        dial_id = await click(s, crm, phone)
        await s.talks(seconds=RECORDED_SECONDS)
        await called.hangs_up()
        await employee.as_scripted()
    call = await s.call()

    assert (employee.said.count("INVITE"), called.said.count("INVITE")) == (1, 1)
    assert s.number in employee.said
    assert f"<sip:{OURS}@" in called.said
    assert (call.direction, call.disposition, call.extension) == (
        Direction.OUTBOUND,
        Disposition.ANSWERED,
        phone,
    )
    assert call.dial_id is not None
    assert dial_id in (None, call.dial_id)
    s.check_crms(call, answered=True)
    await check_recording(s, call)


async def click(s: Room, crm: str, phone: str) -> str | None:
    if crm:
        await s.office.crms[crm].click(phone, s.number)
        return None
    status, answer = await s.office.ask_api("POST", "/dial", {"extension": phone, "number": s.number})
    assert status in (200, 201, 202), answer
    return str(answer["id"])


@story
async def a_click_in_planfix(s: Room) -> None:
    await clicked(s, "planfix", "104")


@story
async def a_click_in_retailcrm(s: Room) -> None:
    await clicked(s, "retailcrm", "204")


@story
async def a_click_by_call_to_number(s: Room) -> None:
    await clicked(s, "voipcloud", "304")


@story
async def a_click_by_the_rest_api(s: Room) -> None:
    await clicked(s, "", "404")


@story
async def a_client_who_is_busy_is_told(s: Room) -> None:
    async with s.outside:
        phone = await s.sip.answers("504")
        await s.sip.refuses(OUTSIDE)
        await click(s, "planfix", "504")
        await s.sip.all_as_scripted()
    call = await s.call()

    assert phone.said.count("INVITE") == 1
    assert (call.direction, call.disposition) == (Direction.OUTBOUND, Disposition.BUSY)
    assert s.office.at("planfix", call).disposition is Disposition.BUSY
    assert call.recordings == ()


@story
async def an_employee_who_is_busy_is_told(s: Room) -> None:
    phone = await s.sip.refuses("603")
    await click(s, "planfix", "603")
    await phone.as_scripted()
    call = await s.call()

    assert (call.direction, call.disposition) == (Direction.OUTBOUND, Disposition.BUSY)
    assert s.office.at("planfix", call).disposition is Disposition.BUSY


@story
async def an_employee_who_does_not_answer_is_told(s: Room) -> None:
    phone = await s.sip.only_rings("303")
    await click(s, "retailcrm", "303")
    await phone.as_scripted()
    call = await s.call()

    assert (call.direction, call.disposition) == (Direction.OUTBOUND, Disposition.NO_ANSWER)
    assert phone.said.count("INVITE") == 1


@story
async def a_phone_that_is_not_registered_is_told_to_whoever_clicked(s: Room) -> None:
    refused: dict[str, str] = {}
    await asyncio.to_thread(s.pbx.register, "604", expires_seconds=0)
    try:
        for crm in CRMS:
            try:
                await click(s, crm, "604")
            except HubError as error:
                refused[crm] = error.reason
        status, told = await s.office.ask_api("POST", "/dial", {"extension": "604", "number": s.number})
    finally:
        await asyncio.to_thread(s.pbx.register, "604")

    assert refused.keys() == set(CRMS)
    assert 400 <= status < 500
    assert "604" in told["detail"]
    assert "registered" in told["detail"]


# Those that wait for each other come first.
BY_TURN = sorted(STORIES, key=lambda name: "click" not in name and "client" not in name)
# A PBX that connects to us by itself keeps the application, and what it has to say, while nobody is there.
FALLS_THROUGH = ("ari-22", "ari-16")
# Over the link that the PBX opens itself everything goes the same way from the socket on.
WAYS = {
    "ari-22": BY_TURN,
    "ari-16": BY_TURN,
    "ari-inbound-22": [
        "a_click_in_planfix",
        "a_known_caller_reaches_the_responsible",
        "a_group_rings_together_without_who_is_busy",
        "a_hunt_goes_on_to_the_next",
        "with_nobody_free_the_dialplan_goes_on",
        "a_caller_who_gives_up_is_missed_everywhere",
        "a_phone_that_is_not_registered_is_told_to_whoever_clicked",
    ],
}


async def play_all(folder: Path, pbx: AsteriskServer, way: str, names: Sequence[str]) -> Faults:
    """Play stories; give what went wrong, by name. A PBX that connects to the hub is not started yet."""
    known = Contact(
        id=1,
        name="Anna Client",
        phones=(f"+{client('a_known_caller_reaches_the_responsible', pbx.generation)}",),
        responsible="102",
    )
    faults: Faults = {}
    outside, room_for = asyncio.Lock(), asyncio.Semaphore(AT_ONCE)
    async with company(folder, contacts=[known]) as office:
        for room, (kind, extensions) in LINES.items():
            await office.add_line(f"+7495000{room - 1}001", kind, *extensions)
        for crm in CRMS:
            await office.add_crm(crm, crm)
        await office.add_hook("webhook")
        settings = {"trunk": "PJSIP/{number}@trunk", "caller_id": OURS}
        settings |= {"ring_seconds": "12", "hunt_seconds": "30"}
        await office.add_pbx("pbx", settings_for(pbx, way, **settings))
        if way == "ari-inbound":
            pbx.outbound = office.way_in("pbx", pbx)
            await asyncio.to_thread(pbx.start)
        await office.until_up("pbx")
        await office.until_paired()

        async def play(name: str) -> None:
            async with room_for, Actors(pbx) as sip:
                number = client(name, pbx.generation)
                room = Room(office=office, pbx=pbx, sip=sip, number=number, outside=outside)
                try:
                    await asyncio.wait_for(STORIES[name](room), STORY_SECONDS)
                except (Exception, pytest.fail.Exception) as fault:  # noqa: BLE001 - told by its own test
                    faults[name] = fault

        await asyncio.gather(*map(play, names))
        try:
            await until(functools.partial(is_clean, pbx), what="channels and bridges are gone")
        except AssertionError as fault:
            faults["leaks"] = fault
    try:
        if way == "ari":
            await fall_through(pbx)
    except Exception as fault:  # noqa: BLE001 - told by its own test
        faults["fall_through"] = fault
    return faults


async def is_clean(pbx: AsteriskServer) -> bool:
    """Nothing is left at the PBX."""
    channels = await asyncio.to_thread(pbx.cli, "core show channels count")
    bridges = await asyncio.to_thread(pbx.cli, "bridge show all")
    return "0 active channels" in channels and "swb-" not in bridges


async def fall_through(pbx: AsteriskServer) -> None:
    """With the hub gone the dialplan rings the first phone."""
    async with Actors(pbx) as sip:
        phone = await sip.answers("101")
        await sip.calls("74950000001", talk_seconds=0.5)
        await sip.all_as_scripted()
    assert "ANSWERED" in phone.said


@pytest.fixture(scope="module")
def faults(
    tmp_path_factory: pytest.TempPathFactory, asterisk22: AsteriskServer, asterisk16: AsteriskServer
) -> dict[str, Faults]:
    folder = tmp_path_factory.mktemp("drive")

    async def all_ways() -> dict[str, Faults]:
        comes = AsteriskServer(22)
        pbxes = {"ari-22": asterisk22, "ari-16": asterisk16, "ari-inbound-22": comes}
        try:
            found = await asyncio.gather(
                *(
                    play_all(folder / way, pbx, way.rpartition("-")[0], WAYS[way])
                    for way, pbx in pbxes.items()
                )
            )
        finally:
            comes.close()
        return dict(zip(pbxes, found, strict=True))

    return asyncio.run(all_ways())


@pytest.mark.parametrize(
    ("name", "way"),
    [
        (name, way)
        for way, names in WAYS.items()
        for name in (*names, "leaks", *(["fall_through"] if way in FALLS_THROUGH else []))
    ],
)
def test_on_a_real_pbx(faults: dict[str, Faults], name: str, way: str) -> None:
    fault = faults[way].get(name)
    if fault is not None:
        raise fault
