"""Every kind of call, driven by SIP on a real PBX, and what it is to come to.

Phones are told by letter: a is the office's first, 101 in office 1. Who is to do something after something
else has happened waits for that, on the wire or at the PBX. Talks are as short as they can be told.
"""

import asyncio
from dataclasses import dataclass, replace

from tests.asterisk.actors import FOR_EVER, OUTSIDE, Actor
from tests.asterisk.scene import Act, Scene

IVAN = "Ivan Petrov"
# Of a talk: told in whole seconds, it must not come out as none, though a busy PBX learns of an answer late.
LONG, PART = 2.0, 0.8
# Enough for a tone to be found in it.
RECORDED = 1.5
# Phones ring together where one rings before another has stopped, also to who hears both late and at once.
TOGETHER = 0.8


@dataclass(frozen=True, kw_only=True)
class Play:
    """A scenario and its outcome. In `legs` those apart by `>` come in turn, those by `,` in any order."""

    act: Act
    legs: str
    disposition: str
    direction: str = "inbound"
    did: int | None = None  # last digit of the number of ours that is called, or shown
    extension: str | None = None  # letter of who talked last, or is to call back
    group: str | None = None
    name: str | None = None
    needs: str = ""  # "queue" or OUTSIDE, of which there is one
    further: str = ""  # legs of a second call that it makes between phones


async def inbound_answered(s: Scene) -> None:
    await s.sip.answers(s.a)
    await s.sip.calls(s.did(6), caller=s.outside, talk_seconds=LONG)


async def inbound_agent_hangs_up(s: Scene) -> None:
    await s.sip.answers(s.a, talk_seconds=LONG)
    await s.sip.calls(s.did(6), caller=s.outside, talk_seconds=FOR_EVER)


async def inbound_abandoned(s: Scene) -> None:
    await s.sip.only_rings(s.a)
    caller = await s.sip.gives_up(s.did(6), caller=s.outside, ring_seconds=FOR_EVER)
    await _give_up(s, caller, s.a)


async def _give_up(s: Scene, caller: Actor, *phones: str) -> None:
    for phone in phones:
        await s.rings(phone)
    await caller.goes_on("RINGS")


async def inbound_no_answer(s: Scene) -> None:
    await s.sip.only_rings(s.a)
    await s.sip.calls(s.did(7), caller=s.outside)


async def inbound_busy(s: Scene) -> None:
    await s.sip.refuses(s.a)
    await s.sip.calls(s.did(6), caller=s.outside)


async def inbound_unregistered(s: Scene) -> None:
    await s.register(s.a, expires_seconds=0)
    try:
        caller = await s.sip.calls(s.did(6), caller=s.outside)
        await caller.as_scripted()
    finally:
        await s.register(s.a)


async def _first_of_two(s: Scene, did: str, *, talk_seconds: float = LONG) -> Actor:
    """Two phones ring, then one answers."""
    first = await s.sip.only_rings(s.a)
    await s.sip.only_rings(s.b)
    caller = await s.sip.calls(did, caller=s.outside, talk_seconds=talk_seconds)
    await s.rings(s.a)
    await s.rings(s.b)
    await first.answers()
    return caller


async def ring_group(s: Scene) -> None:
    await _first_of_two(s, s.did(2))


async def hunt(s: Scene) -> None:
    await s.sip.only_rings(s.a)
    await s.sip.answers(s.b)
    await s.sip.calls(s.did(3), caller=s.outside, talk_seconds=LONG)


async def queue_answered(s: Scene) -> None:
    """The caller is answered by the queue, so that it is the caller's talk with the phone that counts."""
    phone = await s.sip.only_rings(s.a)
    await s.sip.only_rings(s.b)
    caller = await s.sip.calls(s.did(4), caller=s.outside, talk_seconds=FOR_EVER)
    await s.rings(s.a)
    await s.rings(s.b)
    await phone.answers()
    await s.talks(s.a)
    await asyncio.sleep(LONG)
    await caller.hangs_up()


async def queue_abandoned(s: Scene) -> None:
    await s.sip.only_rings(s.a)
    await s.sip.only_rings(s.b)
    caller = await s.sip.calls(s.did(4), caller=s.outside, talk_seconds=FOR_EVER)
    await s.rings(s.a)
    await s.rings(s.b)
    await caller.hangs_up()


async def curl_routing(s: Scene) -> None:
    """The dialplan asks who is calling, and is told a name and the third phone."""
    called = await s.sip.answers(s.c)
    await s.sip.calls(s.did(5), caller=s.outside, talk_seconds=LONG)
    await called.until_said(IVAN)


async def curl_unknown_caller(s: Scene) -> None:
    """The answer is 404, and the dialplan does what it does without one."""
    called = await s.sip.answers(s.a)
    await s.sip.calls(s.did(5), caller=s.outside, talk_seconds=LONG)
    await called.until_said("ANSWERED")
    assert IVAN not in called.said


async def blind_transfer_refer(s: Scene) -> None:
    phone = await s.sip.passes_on(s.a, s.c, talk_seconds=FOR_EVER)
    await s.sip.answers(s.c)
    caller = await s.sip.calls(s.did(6), caller=s.outside, talk_seconds=FOR_EVER)
    await s.talks(s.a)
    await asyncio.sleep(PART)
    await phone.goes_on("ANSWERED")
    await _talk_at_last(s, caller, s.c)


async def _talk_at_last(s: Scene, caller: Actor, phone: str) -> None:
    await s.talks(phone)
    await asyncio.sleep(PART)
    await caller.hangs_up()


async def blind_transfer_ami(s: Scene) -> None:
    await s.sip.answers(s.a)
    await s.sip.answers(s.c)
    caller = await s.sip.calls(s.did(6), caller=s.outside, talk_seconds=FOR_EVER)
    await _pass_on(s, s.a, s.c)
    await _talk_at_last(s, caller, s.c)


async def _pass_on(s: Scene, one: str, to: str) -> None:
    channel = await s.talks(one)
    await asyncio.sleep(PART)
    await s.act("BlindTransfer", Channel=channel, Context="transfers", Exten=to)


async def blind_transfer_twice(s: Scene) -> None:
    await s.sip.answers(s.a)
    await s.sip.answers(s.c)
    await s.sip.answers(s.b)
    caller = await s.sip.calls(s.did(6), caller=s.outside, talk_seconds=FOR_EVER)
    await _pass_on(s, s.a, s.c)
    await _pass_on(s, s.c, s.b)
    await _talk_at_last(s, caller, s.b)


async def attended_transfer_ami(s: Scene) -> None:
    """The first phone asks the third, and hangs up: that joins the caller with the third."""
    phone = await s.sip.answers(s.a)
    await s.sip.answers(s.c)
    caller = await s.sip.calls(s.did(6), caller=s.outside, talk_seconds=FOR_EVER)
    channel = await s.talks(s.a)
    await asyncio.sleep(PART)
    await s.act("Atxfer", Channel=channel, Context="transfers", Exten=s.c)
    await s.talks(s.c)
    await asyncio.sleep(PART)
    await phone.hangs_up()
    await s.heard("AttendedTransfer", OrigTransfererChannel=f"PJSIP/{s.a}-")
    await asyncio.sleep(PART)
    await caller.hangs_up()


async def _picked_up(s: Scene, did: str, by: str, code: str, *phones: str) -> None:
    for phone in phones:
        await s.sip.only_rings(phone)
    await s.sip.calls(did, caller=s.outside, talk_seconds=LONG)
    for phone in phones:
        await s.rings(phone)
    await s.sip.dials(by, code, talk_seconds=FOR_EVER)


async def pickup_group(s: Scene) -> None:
    await _picked_up(s, s.did(6), s.b, "*8", s.a)


async def pickup_named(s: Scene) -> None:
    await _picked_up(s, s.did(6), s.b, f"*8{s.a}", s.a)


async def pickup_of_group(s: Scene) -> None:
    await _picked_up(s, s.did(2), s.c, "*8", s.a, s.b)


async def local_members(s: Scene) -> None:
    await _first_of_two(s, s.did(8))


async def two_calls_joined(s: Scene) -> None:
    """Somebody outside talks to a, b talks to c; then who is outside is put together with b."""
    first = await s.sip.answers(s.a)
    caller = await s.sip.calls(s.did(6), caller=s.outside, talk_seconds=FOR_EVER)
    await s.talks(s.a)
    other = await s.sip.answers(s.c)
    await s.sip.dials(s.b, s.c, talk_seconds=FOR_EVER)
    phone = await s.talks(s.b)
    await s.talks(s.c)
    entered = await s.heard("BridgeEnter", Channel="PJSIP/trunk-", CallerIDNum=s.outside)
    await asyncio.sleep(LONG)
    await s.act("Bridge", Channel1=entered.raw("Channel"), Channel2=phone)
    await first.as_scripted()
    await other.as_scripted()
    await asyncio.sleep(PART)
    await caller.hangs_up()


async def outbound_from_phone(s: Scene) -> None:
    await s.sip.answers(OUTSIDE)
    await s.sip.dials(s.a, s.outside, talk_seconds=LONG)


async def outbound_busy(s: Scene) -> None:
    await s.sip.refuses(OUTSIDE)
    await s.sip.dials(s.a, s.outside)


async def internal_call(s: Scene) -> None:
    await s.sip.answers(s.b)
    await s.sip.dials(s.a, s.b, talk_seconds=LONG)


async def click_to_call_ami(s: Scene) -> None:
    await s.sip.answers(s.a)
    await s.sip.answers(OUTSIDE, talk_seconds=LONG)
    await _click(s)


async def click_to_call_ami_manager_busy(s: Scene) -> None:
    await s.sip.refuses(s.a)
    await _click(s)


async def _click(s: Scene) -> None:
    await s.act(
        "Originate",
        Channel=f"PJSIP/{s.a}",
        Context="to-trunk",
        Exten=s.outside,
        Priority="1",
        CallerID=f"{s.outside} <{s.outside}>",
        Timeout="20000",
        Async="true",
        ChannelId=f"click-{s.outside}",
    )


async def stasis_without_app(s: Scene) -> None:
    await s.sip.answers(s.a)
    await s.sip.calls(s.did(9), caller=s.outside, talk_seconds=LONG)


async def ari_inbound(s: Scene) -> None:
    caller = await _first_of_two(s, s.did(1), talk_seconds=FOR_EVER)
    await s.hub.until_recorded(s.outside)
    await asyncio.sleep(RECORDED)
    await caller.hangs_up()


async def ari_inbound_busy(s: Scene) -> None:
    """One is busy; the other rings first and is away then."""
    other = await s.sip.refuses(s.b, code=480, reason="Temporarily Unavailable", after_seconds=FOR_EVER)
    busy = await s.sip.refuses(s.a, after_seconds=FOR_EVER)
    await s.sip.calls(s.did(1), caller=s.outside)
    await busy.until_said("INVITE")
    await other.until_said("INVITE")
    await asyncio.sleep(TOGETHER)
    await busy.goes_on("INVITE")
    await busy.until_said(" REFUSED ")
    await other.goes_on("INVITE")


async def ari_inbound_abandoned(s: Scene) -> None:
    await s.sip.only_rings(s.a)
    await s.sip.only_rings(s.b)
    caller = await s.sip.gives_up(s.did(1), caller=s.outside, ring_seconds=FOR_EVER)
    await _give_up(s, caller, s.a, s.b)


async def ari_click_to_call(s: Scene) -> None:
    await s.sip.answers(s.a)
    client = await s.sip.answers(OUTSIDE, talk_seconds=FOR_EVER)
    await s.hub.click(s.a, s.outside)
    await s.hub.until_recorded(s.outside)
    await asyncio.sleep(RECORDED)
    await client.hangs_up()


def inbound(act: Act, last_digit: int, legs: str, disposition: str, extension: str) -> Play:
    return Play(act=act, legs=legs, disposition=disposition, did=last_digit, extension=extension)


def outbound(act: Act, disposition: str, did: int | None = 1) -> Play:
    return Play(
        act=act,
        legs=f"a {disposition}",
        disposition=disposition,
        direction="outbound",
        did=did,
        extension="a",
        needs=OUTSIDE,
    )


TAKEN, PASSED_ON = "a answered, b cancelled", "a answered > c answered"
PLAYS = {
    play.act.__name__: play
    for play in (
        inbound(inbound_answered, 6, "a answered", "answered", "a"),
        inbound(inbound_agent_hangs_up, 6, "a answered", "answered", "a"),
        inbound(inbound_abandoned, 6, "a abandoned", "abandoned", "a"),
        inbound(inbound_no_answer, 7, "a no_answer", "no_answer", "a"),
        inbound(inbound_busy, 6, "a busy", "busy", "a"),
        inbound(inbound_unregistered, 6, "- unreachable", "unreachable", ""),
        inbound(ring_group, 2, TAKEN, "answered", "a"),
        inbound(hunt, 3, "a no_answer > b answered", "answered", "b"),
        replace(inbound(queue_answered, 4, TAKEN, "answered", "a"), group="sales", needs="queue"),
        replace(
            inbound(queue_abandoned, 4, "a abandoned, b abandoned", "abandoned", "a"),
            group="sales",
            needs="queue",
        ),
        replace(inbound(curl_routing, 5, "c answered", "answered", "c"), name=IVAN),
        inbound(curl_unknown_caller, 5, "a answered", "answered", "a"),
        inbound(blind_transfer_refer, 6, PASSED_ON, "answered", "c"),
        inbound(blind_transfer_ami, 6, PASSED_ON, "answered", "c"),
        inbound(blind_transfer_twice, 6, "a answered > c answered > b answered", "answered", "b"),
        inbound(attended_transfer_ami, 6, PASSED_ON, "answered", "c"),
        inbound(pickup_group, 6, "a cancelled > b answered", "answered", "b"),
        inbound(pickup_named, 6, "a cancelled > b answered", "answered", "b"),
        inbound(pickup_of_group, 2, "a cancelled, b cancelled > c answered", "answered", "c"),
        inbound(local_members, 8, TAKEN, "answered", "a"),
        replace(
            inbound(two_calls_joined, 6, "a answered > b answered", "answered", "b"),
            further="b answered > c answered",
        ),
        outbound(outbound_from_phone, "answered"),
        outbound(outbound_busy, "busy"),
        Play(
            act=internal_call,
            legs="a answered > b answered",
            disposition="answered",
            direction="internal",
            extension="b",
        ),
        outbound(click_to_call_ami, "answered"),
        outbound(click_to_call_ami_manager_busy, "busy", did=None),
        inbound(stasis_without_app, 9, "a answered", "answered", "a"),
        replace(inbound(ari_inbound, 1, TAKEN, "answered", "a"), name=IVAN),
        replace(inbound(ari_inbound_busy, 1, "a busy, b no_answer", "no_answer", "a"), name=IVAN),
        replace(inbound(ari_inbound_abandoned, 1, "a abandoned, b abandoned", "abandoned", "a"), name=IVAN),
        outbound(ari_click_to_call, "answered"),
    )
}
# Who is at the other end: in each play somebody else.
NUMBERS = {name: f"7910{index:07}" for index, name in enumerate(PLAYS, start=1)}
