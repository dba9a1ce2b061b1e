"""Which ring of an extension news mean, when their peer tells by its own clock when each began.

Peers that tell it not are followed by the order of arrival: see `legs`.
"""

from datetime import datetime, timedelta

from msgspec.structs import replace

from switchhook.core.call import Call, CallEvent, Leg, ReportOf

# One moment, as two messages of one peer write it: one may cut the fraction off, the other round it.
SAME_MOMENT = timedelta(seconds=2)


def leg_meant(call: Call, event: CallEvent) -> Leg | None:
    """Give the attempt that an event is about; None for one that was not heard of before."""
    extension = event.extension or ""
    if event.leg_began_at is None:
        return call.leg(extension)
    return attempt_begun_at(call, extension, event.leg_began_at)


def attempt_begun_at(call: Call, extension: str, began_at: datetime) -> Leg | None:
    """Find an attempt by when it began; one of unknown beginning is taken for it.

    What the peer's history has of an extension holds all of its rings until then.
    """
    unknown = None
    for leg in call.legs:
        if leg.extension != extension:
            continue
        if leg.began_at is None:
            unknown = leg
        elif abs(leg.began_at - began_at) <= SAME_MOMENT or _holds(leg, began_at):
            return leg
    return unknown


def _holds(leg: Leg, began_at: datetime) -> bool:
    return leg.told_by is ReportOf.RECORD and leg.ended_at is not None and began_at <= leg.ended_at


def next_attempt(call: Call, extension: str) -> int:
    """Number a further ring of an extension."""
    last = 0
    for leg in call.legs:
        if leg.extension == extension and leg.attempt > last:
            last = leg.attempt
    return last + 1


def with_began_at(leg: Leg, began_at: datetime, at: datetime, *, is_new: bool) -> Leg:
    """Note when a leg began, by the peer's clock; a ring heard now began then, and not in the future."""
    if leg.began_at is not None:
        return leg
    if is_new and leg.ringing_at is not None:
        return replace(leg, began_at=began_at, ringing_at=min(began_at, at))
    return replace(leg, began_at=began_at)


def first_beginning(call: Call, at: datetime) -> datetime:
    """Say when the call began, by the peer's clock: its first ring, or when it came to the group."""
    known = [leg.began_at for leg in call.legs if leg.began_at is not None]
    if call.group_began_at is not None:
        known.append(call.group_began_at)
    return min(*known, at) if known else call.started_at
