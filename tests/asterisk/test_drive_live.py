"""Calls that the hub routes, on a real Asterisk: every one ends without a trace."""

import asyncio

import pytest

from switchhook.connectors.asterisk.drive.call import Phase
from switchhook.connectors.asterisk.wire import ari
from switchhook.core.connector import DialOrder
from switchhook.core.directory import GroupKind
from switchhook.core.errors import NotFound
from tests.asterisk import tones
from tests.asterisk.actors import FOR_EVER, OUTSIDE, Actors
from tests.asterisk.attending import AttendingPhone
from tests.asterisk.driven import SETTINGS, driven, plan, step
from tests.asterisk.server import AsteriskServer
from tests.asterisk.side_by_side import SIDE_BY_SIDE
from tests.connectors.asterisk.recordings import outcome

pytestmark = SIDE_BY_SIDE
DID, CLIENT = "74950000001", "79997776655"


def order(order_id: str, extension: str = "101") -> DialOrder:
    return DialOrder(id=order_id, extension=extension, number=CLIENT, did=DID)


async def test_the_first_to_answer_talks_and_the_others_hear_that_it_is_taken(
    asterisk: AsteriskServer,
) -> None:
    async with Actors(asterisk) as sip, driven(asterisk, step("101", "102")) as hub:
        phone = await sip.answers("101", ring_seconds=0.5)
        other = await sip.only_rings("102")
        await sip.calls(DID, talk_seconds=1.5)
        await sip.all_as_scripted()
        await hub.until_clean()

    assert hub.planner.asked == [("79101234567", DID)]
    assert sorted(hub.legs) == [("101", "answered"), ("102", "cancelled")]
    assert hub.the_call.extension == "101"
    assert '"Ivan Petrov" <sip:79101234567@' in phone.said
    assert "CANCELLED" in other.said


async def test_both_sides_are_heard_in_the_recording(asterisk22: AsteriskServer) -> None:
    async with Actors(asterisk22) as sip, driven(asterisk22, step("101")) as hub:
        await sip.answers("101", ring_seconds=0.2)
        await sip.calls(DID, talk_seconds=2)
        await sip.all_as_scripted()
        await hub.until_clean()
        await hub.until_heard(ari.RecordingFinished)

    (made,) = {one.recording.name for one in hub.ear.events if isinstance(one, ari.RecordingFinished)}
    samples = tones.read_wav(asterisk22.recordings / f"{made}.wav")
    assert made.startswith("switchhook-")
    assert tones.are_both_heard(samples)


async def test_a_caller_who_gives_up_silences_every_phone(asterisk22: AsteriskServer) -> None:
    async with Actors(asterisk22) as sip, driven(asterisk22, step("101", "102")) as hub:
        phone = await sip.only_rings("101")
        await sip.only_rings("102")
        await sip.gives_up(DID, ring_seconds=0.8)
        await sip.all_as_scripted()
        await hub.until_clean()

    assert sorted(hub.legs) == [("101", "abandoned"), ("102", "abandoned")]
    assert "CANCELLED" in phone.said


async def test_a_hunt_goes_on_past_who_is_busy_away_or_silent(asterisk: AsteriskServer) -> None:
    steps = step("101", "104", "102", kind=GroupKind.HUNT), step("103")
    asterisk.register("104", expires_seconds=0)
    async with Actors(asterisk) as sip, driven(asterisk, *steps) as hub:
        await sip.refuses("101")
        await sip.only_rings("102")
        await sip.answers("103", ring_seconds=0.2, talk_seconds=0.8)
        await sip.calls(DID, talk_seconds=10)
        await sip.all_as_scripted()
        await hub.until_clean()
    asterisk.register("104")

    assert hub.legs == [("101", "busy"), ("102", "no_answer"), ("103", "answered")]


async def test_with_nobody_left_the_dialplan_goes_on_by_itself(asterisk22: AsteriskServer) -> None:
    async with Actors(asterisk22) as sip, driven(asterisk22, step("102")) as hub:
        await sip.refuses("102")
        await sip.answers("101", ring_seconds=0.2)
        await sip.calls(DID, talk_seconds=0.8)
        await sip.all_as_scripted()
        await hub.until_clean()

    assert hub.legs == [("102", "busy"), ("101", "answered")]


async def test_two_phones_that_answer_at_once_are_no_conference(asterisk22: AsteriskServer) -> None:
    async with Actors(asterisk22) as sip, driven(asterisk22, step("101", "102", "103")) as hub:
        for phone in ("101", "102", "103"):
            await sip.answers(phone, ring_seconds=0.3)
        caller = await sip.calls(DID, talk_seconds=1)
        # Of the phones only one can go by its scenario, which knows no CANCEL that crosses its answer.
        await caller.as_scripted()
        await hub.until_clean()

    assert sorted(result for _, result in hub.legs) == ["answered", "cancelled", "cancelled"]


async def test_a_queue_answers_tells_the_position_and_rings_who_becomes_free(
    asterisk: AsteriskServer,
) -> None:
    queue = step(kind=GroupKind.QUEUE, group="sales")
    async with Actors(asterisk) as sip, driven(asterisk, queue) as hub:
        await sip.answers("102", ring_seconds=0.2)
        caller = await sip.calls(DID, talk_seconds=FOR_EVER)
        await caller.until_said("ANSWERED")
        assert hub.driver.calls[0].phase is Phase.PAUSING
        hub.planner.plan = plan(step("102", kind=GroupKind.QUEUE, group="sales"))
        await hub.until_talks()
        await caller.hangs_up()
        await sip.all_as_scripted()
        await hub.until_clean()

    kinds = [one.kind for one in hub.ear.events if isinstance(one, ari.Other)]
    assert "PlaybackStarted" in kinds
    assert hub.legs == [("102", "answered")]


async def test_a_blind_transfer_is_done_by_the_dialplan_and_ends_cleanly(asterisk: AsteriskServer) -> None:
    async with Actors(asterisk) as sip, driven(asterisk, step("101")) as hub:
        phone = await sip.passes_on("101", "103", talk_seconds=FOR_EVER)
        colleague = await sip.answers("103", ring_seconds=0.3)
        caller = await sip.calls(DID, talk_seconds=FOR_EVER)
        await hub.until_talks()
        await phone.goes_on("ANSWERED")
        await colleague.until_said("ANSWERED")
        await asyncio.sleep(0.5)
        await caller.hangs_up()
        await sip.all_as_scripted()
        await hub.until_clean()

    assert hub.legs == [("101", "answered"), ("103", "answered")]
    assert hub.the_call.extension == "103"


async def test_an_attended_transfer_joins_the_caller_with_who_was_asked(asterisk: AsteriskServer) -> None:
    async with (
        Actors(asterisk) as sip,
        driven(asterisk, step("101")) as hub,
        AttendingPhone(asterisk, "101") as phone,
    ):
        colleague = await sip.answers("103", ring_seconds=0.2)
        caller = await sip.calls(DID, talk_seconds=FOR_EVER)
        await phone.until_called()
        await hub.until_talks()
        asked = await phone.ask("103")
        await asyncio.sleep(0.5)
        await phone.pass_on(asked)
        await asyncio.sleep(0.7)
        assert not colleague.is_over
        await caller.hangs_up()
        await sip.all_as_scripted()
        await hub.until_clean()

    inbound, asked_back = [outcome(one) for one in hub.calls]
    assert inbound["legs"] == [("101", "answered"), ("103", "answered")]
    assert (inbound["direction"], inbound["extension"]) == ("inbound", "103")
    assert asked_back["direction"] == "internal"


async def test_a_click_rings_every_device_then_the_client(asterisk: AsteriskServer) -> None:
    devices = {"101": ("PJSIP/101", "PJSIP/99101")}
    settings = type(SETTINGS)(app=SETTINGS.app, ring_seconds=3, devices=devices)
    async with Actors(asterisk) as sip, driven(asterisk, settings=settings, phones="99101=101 ???") as hub:
        phone = await sip.answers("101", ring_seconds=0.4)
        second = await sip.only_rings("99101")
        client = await sip.answers(OUTSIDE, ring_seconds=0.4, talk_seconds=1)
        await hub.runner.dial(order("click1"), 'Ivan "the \u202eGreat"')
        await sip.all_as_scripted()
        await hub.until_clean()
        call = hub.the_call

    assert f"\"Ivan 'the Great'\" <sip:{CLIENT}@" in phone.said
    assert "CANCELLED" in second.said
    assert f"<sip:{DID}@" in client.said
    assert "Ivan" not in client.said
    assert (call.direction.value, call.number, call.extension) == ("outbound", CLIENT, "101")
    assert call.disposition is not None
    assert call.disposition.value == "answered"


async def test_a_phone_that_is_registered_twice_rings_in_both_places(asterisk: AsteriskServer) -> None:
    asterisk.register("104", port_of="102")
    async with Actors(asterisk) as sip, driven(asterisk, step("104")) as hub:
        first = await sip.only_rings("104")
        second = await sip.answers("102", ring_seconds=1)
        await sip.calls(DID, talk_seconds=0.8)
        await sip.all_as_scripted()
        await hub.until_clean()
    asterisk.register("104", expires_seconds=0, port_of="102")

    assert (first.said.count("INVITE"), second.said.count("INVITE")) == (1, 1)
    assert hub.the_call.extension == "104"


async def test_a_transfer_context_may_hand_the_call_back_to_the_hub(asterisk22: AsteriskServer) -> None:
    asterisk22.cli(
        "dialplan add extension _*7XXX,1,Stasis(switchhook\\,transfer\\,${EXTEN:2}) into from-phones"
    )
    async with Actors(asterisk22) as sip, driven(asterisk22, step("101")) as hub:
        phone = await sip.passes_on("101", "*7103", talk_seconds=FOR_EVER)
        colleague = await sip.answers("103", ring_seconds=0.3)
        caller = await sip.calls(DID, talk_seconds=FOR_EVER)
        await hub.until_talks()
        await phone.goes_on("ANSWERED")
        await colleague.until_said("ANSWERED")
        await asyncio.sleep(0.5)
        await caller.hangs_up()
        await sip.all_as_scripted()
        await hub.until_clean()

    assert len(hub.planner.asked) == 1
    assert "ANSWERED" in colleague.said
    assert "79101234567" in colleague.said


async def test_a_client_who_is_busy_is_told_to_the_phone(asterisk22: AsteriskServer) -> None:
    async with Actors(asterisk22) as sip, driven(asterisk22) as hub:
        await sip.answers("101", ring_seconds=0.2)
        await sip.refuses(OUTSIDE)
        await hub.runner.dial(order("click2"), "Ivan")
        await sip.all_as_scripted()
        await hub.until_clean()

    assert hub.legs == [("101", "busy")]
    causes = [one.cause for one in hub.ear.events if isinstance(one, ari.ChannelDestroyed)]
    assert causes[0] == 17


async def test_a_phone_that_is_not_registered_is_told_to_whoever_clicked(asterisk22: AsteriskServer) -> None:
    asterisk22.register("104", expires_seconds=0)
    async with driven(asterisk22) as hub:
        with pytest.raises(NotFound, match="no phone of 104 can be rung"):
            await hub.runner.dial(order("click3", "104"), "Ivan")
        await hub.until_clean()
    asterisk22.register("104")


async def test_calls_outlive_the_hub_and_end_with_the_next_one(asterisk: AsteriskServer) -> None:
    async with Actors(asterisk) as sip:
        async with driven(asterisk, step("101")) as before:
            await sip.answers("101", ring_seconds=0.2)
            caller = await sip.calls(DID, talk_seconds=FOR_EVER)
            await before.until_talks()
            await caller.until_said("ANSWERED")
        async with driven(asterisk, step("101")) as after:
            await after.until_talks()
            await caller.hangs_up()
            await sip.all_as_scripted()
            await after.until_clean()

    assert after.planner.asked == []


async def test_what_rings_when_the_hub_dies_rings_on_and_is_answered(asterisk22: AsteriskServer) -> None:
    async with Actors(asterisk22) as sip:
        async with driven(asterisk22, step("101")) as before:
            phone = await sip.only_rings("101")
            await sip.calls(DID, talk_seconds=1)
            await before.until_heard(ari.ChannelStateChange)
        async with driven(asterisk22, step("101")) as after:
            await phone.answers()
            await sip.all_as_scripted()
            await after.until_clean()

    assert phone.said.count("INVITE") == 1
    assert "ANSWERED" in phone.said


async def test_a_click_goes_on_though_the_hub_was_started_anew(asterisk22: AsteriskServer) -> None:
    async with Actors(asterisk22) as sip:
        phone = await sip.only_rings("101")
        client = await sip.answers(OUTSIDE, ring_seconds=0.3, talk_seconds=1)
        async with driven(asterisk22) as before:
            await before.runner.dial(order("click4"), "Ivan")
        async with driven(asterisk22) as after:
            await phone.answers()
            await sip.all_as_scripted()
            await after.until_clean()

    assert (phone.said.count("INVITE"), client.said.count("INVITE")) == (1, 1)
    assert f"<sip:{DID}@" in client.said
