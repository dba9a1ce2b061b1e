"""Every kind of call, driven by SIP on a real PBX, and what it is to come to.

Phones are told by letter: a is the office's first, 101 in office 1. Each takes as little time as it can:
talks are told in whole seconds.
"""

import asyncio
from dataclasses import dataclass, replace

from tests.asterisk.actors import OUTSIDE
from tests.asterisk.scene import Act, Scene

IVAN = "Ivan Petrov"


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
    talk_seconds: int = 0
    is_at_home: bool = False  # needs what only office 1 has: the queue, the way out
    further: str = ""  # legs of a second call that it makes between phones
    lasts_seconds: int = 3  # about, and more than its talk


async def inbound_answered(s: Scene) -> None:
    await s.sip.answers(s.a)
    await s.sip.calls(s.did(6), caller=s.outside, talk_seconds=2)


async def inbound_agent_hangs_up(s: Scene) -> None:
    await s.sip.answers(s.a, talk_seconds=2)
    await s.sip.calls(s.did(6), caller=s.outside, talk_seconds=20)


async def inbound_abandoned(s: Scene) -> None:
    await s.sip.only_rings(s.a)
    await s.sip.gives_up(s.did(6), caller=s.outside)


async def inbound_no_answer(s: Scene) -> None:
    await s.sip.only_rings(s.a)
    await s.sip.calls(s.did(6), caller=s.outside)


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


async def ring_group(s: Scene) -> None:
    await s.sip.answers(s.a, ring_seconds=0.8)
    await s.sip.only_rings(s.b)
    await s.sip.calls(s.did(2), caller=s.outside, talk_seconds=2)


async def hunt(s: Scene) -> None:
    await s.sip.only_rings(s.a)
    await s.sip.answers(s.b)
    await s.sip.calls(s.did(3), caller=s.outside, talk_seconds=2)


async def queue_answered(s: Scene) -> None:
    await s.sip.answers(s.a, ring_seconds=0.8)
    await s.sip.only_rings(s.b)
    await s.sip.calls(s.did(4), caller=s.outside, talk_seconds=3)


async def queue_abandoned(s: Scene) -> None:
    await s.sip.only_rings(s.a)
    await s.sip.only_rings(s.b)
    await s.sip.calls(s.did(4), caller=s.outside, talk_seconds=1.5)


async def curl_routing(s: Scene) -> None:
    """The dialplan asks who is calling, and is told a name and the third phone."""
    called = await s.sip.answers(s.c)
    await s.sip.calls(s.did(5), caller=s.outside, talk_seconds=2)
    await called.until_said(IVAN)


async def curl_unknown_caller(s: Scene) -> None:
    """The answer is 404, and the dialplan does what it does without one."""
    called = await s.sip.answers(s.a)
    await s.sip.calls(s.did(5), caller=s.outside, talk_seconds=2)
    await called.until_said("ANSWERED")
    assert IVAN not in called.said


async def blind_transfer_refer(s: Scene) -> None:
    await s.sip.passes_on(s.a, s.c)
    await s.sip.answers(s.c)
    await s.sip.calls(s.did(6), caller=s.outside, talk_seconds=4)


async def blind_transfer_ami(s: Scene) -> None:
    await s.sip.answers(s.a)
    await s.sip.answers(s.c)
    await s.sip.calls(s.did(6), caller=s.outside, talk_seconds=4)
    channel = await s.talks(s.a)
    await asyncio.sleep(1)
    await s.act("BlindTransfer", Channel=channel, Context="transfers", Exten=s.c)


async def blind_transfer_twice(s: Scene) -> None:
    await s.sip.answers(s.a)
    await s.sip.answers(s.c)
    await s.sip.answers(s.b)
    await s.sip.calls(s.did(6), caller=s.outside, talk_seconds=5)
    for one, to in ((s.a, s.c), (s.c, s.b)):
        channel = await s.talks(one)
        await asyncio.sleep(0.8)
        await s.act("BlindTransfer", Channel=channel, Context="transfers", Exten=to)


async def attended_transfer_ami(s: Scene) -> None:
    await s.sip.answers(s.a, talk_seconds=4)
    await s.sip.answers(s.c)
    await s.sip.calls(s.did(6), caller=s.outside, talk_seconds=7)
    channel = await s.talks(s.a)
    await asyncio.sleep(0.5)
    await s.act("Atxfer", Channel=channel, Context="transfers", Exten=s.c)


async def pickup_group(s: Scene) -> None:
    await s.sip.only_rings(s.a)
    await s.sip.calls(s.did(6), caller=s.outside, talk_seconds=3)
    await s.rings(s.a)
    await s.sip.dials(s.b, "*8", talk_seconds=20)


async def pickup_named(s: Scene) -> None:
    await s.sip.only_rings(s.a)
    await s.sip.calls(s.did(6), caller=s.outside, talk_seconds=3)
    await s.rings(s.a)
    await s.sip.dials(s.b, f"*8{s.a}", talk_seconds=20)


async def pickup_of_group(s: Scene) -> None:
    await s.sip.only_rings(s.a)
    await s.sip.only_rings(s.b)
    await s.sip.calls(s.did(2), caller=s.outside, talk_seconds=3)
    await s.rings(s.b)
    await s.sip.dials(s.c, "*8", talk_seconds=20)


async def local_members(s: Scene) -> None:
    await s.sip.answers(s.a, ring_seconds=0.8)
    await s.sip.only_rings(s.b)
    await s.sip.calls(s.did(8), caller=s.outside, talk_seconds=2)


async def two_calls_joined(s: Scene) -> None:
    """Somebody outside talks to a, b talks to c; then who is outside is put together with b."""
    await s.sip.answers(s.a)
    await s.sip.calls(s.did(6), caller=s.outside, talk_seconds=6)
    await s.talks(s.a)
    await s.sip.answers(s.c)
    await s.sip.dials(s.b, s.c, talk_seconds=20)
    phone = await s.talks(s.b)
    entered = await s.heard("BridgeEnter", Channel="PJSIP/trunk-", CallerIDNum=s.outside)
    await asyncio.sleep(1.2)
    await s.act("Bridge", Channel1=entered.raw("Channel"), Channel2=phone)


async def outbound_from_phone(s: Scene) -> None:
    await s.sip.answers(OUTSIDE)
    await s.sip.dials(s.a, s.outside, talk_seconds=2)


async def outbound_busy(s: Scene) -> None:
    await s.sip.refuses(OUTSIDE)
    await s.sip.dials(s.a, s.outside)


async def internal_call(s: Scene) -> None:
    await s.sip.answers(s.b)
    await s.sip.dials(s.a, s.b, talk_seconds=2)


async def click_to_call_ami(s: Scene) -> None:
    await s.sip.answers(s.a)
    await s.sip.answers(OUTSIDE, talk_seconds=2)
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
    await s.sip.calls(s.did(9), caller=s.outside, talk_seconds=2)


async def ari_inbound(s: Scene) -> None:
    await s.sip.answers(s.a, ring_seconds=0.8)
    await s.sip.only_rings(s.b)
    await s.sip.calls(s.did(1), caller=s.outside, talk_seconds=2)


async def ari_inbound_busy(s: Scene) -> None:
    await s.sip.refuses(s.a)
    await s.sip.refuses(s.b, code=480, reason="Temporarily Unavailable", after_seconds=1)
    await s.sip.calls(s.did(1), caller=s.outside)


async def ari_inbound_abandoned(s: Scene) -> None:
    await s.sip.only_rings(s.a)
    await s.sip.only_rings(s.b)
    await s.sip.gives_up(s.did(1), caller=s.outside)


async def ari_click_to_call(s: Scene) -> None:
    await s.sip.answers(s.a)
    await s.sip.answers(OUTSIDE, talk_seconds=2)
    await s.hub.click(s.a, s.outside)


def inbound(
    act: Act, last_digit: int, legs: str, disposition: str, extension: str, talk_seconds: int = 0
) -> Play:
    return Play(
        act=act,
        legs=legs,
        disposition=disposition,
        did=last_digit,
        extension=extension,
        talk_seconds=talk_seconds,
    )


def outbound(act: Act, disposition: str, talk_seconds: int = 0, did: int | None = 1) -> Play:
    return Play(
        act=act,
        legs=f"a {disposition}",
        disposition=disposition,
        direction="outbound",
        did=did,
        extension="a",
        talk_seconds=talk_seconds,
        is_at_home=True,
    )


TAKEN, PASSED_ON = "a answered, b cancelled", "a answered > c answered"
PLAYS = {
    play.act.__name__: play
    for play in (
        inbound(inbound_answered, 6, "a answered", "answered", "a", 2),
        inbound(inbound_agent_hangs_up, 6, "a answered", "answered", "a", 2),
        inbound(inbound_abandoned, 6, "a abandoned", "abandoned", "a"),
        replace(inbound(inbound_no_answer, 6, "a no_answer", "no_answer", "a"), lasts_seconds=7),
        inbound(inbound_busy, 6, "a busy", "busy", "a"),
        inbound(inbound_unregistered, 6, "- unreachable", "unreachable", ""),
        inbound(ring_group, 2, TAKEN, "answered", "a", 2),
        replace(inbound(hunt, 3, "a no_answer > b answered", "answered", "b", 2), lasts_seconds=5),
        replace(inbound(queue_answered, 4, TAKEN, "answered", "a", 2), group="sales", is_at_home=True),
        replace(
            inbound(queue_abandoned, 4, "a abandoned, b abandoned", "abandoned", "a"),
            group="sales",
            is_at_home=True,
        ),
        replace(inbound(curl_routing, 5, "c answered", "answered", "c", 2), name=IVAN),
        inbound(curl_unknown_caller, 5, "a answered", "answered", "a", 2),
        inbound(blind_transfer_refer, 6, PASSED_ON, "answered", "c", 4),
        inbound(blind_transfer_ami, 6, PASSED_ON, "answered", "c", 4),
        inbound(blind_transfer_twice, 6, "a answered > c answered > b answered", "answered", "b", 5),
        inbound(attended_transfer_ami, 6, PASSED_ON, "answered", "c", 7),
        inbound(pickup_group, 6, "a cancelled > b answered", "answered", "b", 3),
        inbound(pickup_named, 6, "a cancelled > b answered", "answered", "b", 3),
        inbound(pickup_of_group, 2, "a cancelled, b cancelled > c answered", "answered", "c", 3),
        inbound(local_members, 8, TAKEN, "answered", "a", 2),
        replace(
            inbound(two_calls_joined, 6, "a answered > b answered", "answered", "b", 6),
            further="b answered > c answered",
        ),
        outbound(outbound_from_phone, "answered", 2),
        outbound(outbound_busy, "busy"),
        Play(
            act=internal_call,
            legs="a answered > b answered",
            disposition="answered",
            direction="internal",
            extension="b",
            talk_seconds=2,
        ),
        outbound(click_to_call_ami, "answered", 2),
        outbound(click_to_call_ami_manager_busy, "busy", did=None),
        inbound(stasis_without_app, 9, "a answered", "answered", "a", 2),
        replace(inbound(ari_inbound, 1, TAKEN, "answered", "a", 2), name=IVAN),
        replace(inbound(ari_inbound_busy, 1, "a busy, b no_answer", "no_answer", "a"), name=IVAN),
        replace(inbound(ari_inbound_abandoned, 1, "a abandoned, b abandoned", "abandoned", "a"), name=IVAN),
        outbound(ari_click_to_call, "answered", 2),
    )
}
