"""Sights told in a word each, for calls that nobody recorded. Channels are named by their endpoint."""

from typing import Any

from switchhook.connectors.asterisk.listen.sight import (
    Bridged,
    Dialled,
    Glimpse,
    Gone,
    HangupAsked,
    LiveChannel,
    Queued,
    Seen,
    Sight,
    State,
)

CALL = "1700000000.1"  # the caller's channel, and so the call
CALLER = "79101234567"
DID = "74950000006"
STATES = {"down": State.DOWN, "ring": State.RING, "ringing": State.RINGING, "up": State.UP}


def glimpse(channel: str, *, call: str = CALL, state: str = "", **more: Any) -> Glimpse:
    """`channel` is `trunk`, `101`, `101b` (a second one of it), or `Local/…;1`."""
    endpoint = channel.rstrip("abcdefgh") if channel[:1].isdigit() else channel
    name = channel if "/" in channel else f"PJSIP/{endpoint}-0000000{len(channel)}"
    channel_id = more.pop("id", CALL if channel == "trunk" else f"id-{channel}")
    return Glimpse(id=channel_id, name=name, linkedid=call, state=STATES.get(state), **more)


def born(channel: str, state: str = "down", **more: Any) -> Seen:
    return Seen(channel=glimpse(channel, state=state, **more), is_birth=True)


def comes_in(number: str = CALLER, did: str = DID) -> Seen:
    return born("trunk", "ring", number=number, exten=did)


def seen(channel: str, state: str = "", **more: Any) -> Seen:
    return Seen(channel=glimpse(channel, state=state, **more))


def rings(channel: str) -> Seen:
    return seen(channel, "ringing")


def dials(dest: str, caller: str | None = "trunk", *, string: str = "", call: str = CALL) -> Dialled:
    return Dialled(
        dest=glimpse(dest, call=call),
        caller=glimpse(caller, call=call) if caller else None,
        dial_string=string,
    )


def dial_ends(dest: str, status: str, caller: str | None = "trunk") -> Dialled:
    return Dialled(dest=glimpse(dest), caller=glimpse(caller) if caller else None, status=status)


def enters(channel: str, bridge: str = "b-1", *, is_holding: bool = False, call: str = CALL) -> Bridged:
    up = glimpse(channel, state="up", call=call)
    return Bridged(channel=up, bridge=bridge, is_in=True, is_holding=is_holding)


def leaves(channel: str, bridge: str = "b-1") -> Bridged:
    return Bridged(channel=glimpse(channel), bridge=bridge, is_in=False)


def hangs_up(channel: str) -> HangupAsked:
    return HangupAsked(channel=glimpse(channel))


def gone(channel: str, cause: int = 16, *, call: str = CALL) -> Gone:
    return Gone(channel=glimpse(channel, call=call), cause=cause)


def refused(channel: str, status: int) -> Gone:
    """SIP said no; 21 is the cause that Asterisk makes of several of its answers."""
    return Gone(channel=glimpse(channel), cause=21, tech_cause=status)


def waits(queue: str = "sales") -> Queued:
    return Queued(channel=glimpse("trunk", state="up"), queue=queue)


def live(channel: str, state: str, bridge: str = "", *, is_called: bool = False, age: int = 0) -> LiveChannel:
    number = CALLER if channel == "trunk" else channel
    row = glimpse(channel, state=state, number=number)
    return LiveChannel(channel=row, bridge=bridge, is_called=is_called, age_seconds=age)


TALK: tuple[Sight, ...] = (comes_in(), dials("101"), rings("101"), enters("101"), enters("trunk"))


def at_once(*sights: Sight, seconds: float = 0) -> list[tuple[float, Sight]]:
    return [(seconds + index / 1000, sight) for index, sight in enumerate(sights)]
