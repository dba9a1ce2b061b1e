"""One user's part in a call, as webhooks and histories tell it. Pure.

`call_duration` is ringing and talking, `conversation_duration` is talking only; neither is ever null.
A call between users is outbound to the one who began it and inbound to the one who was called.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from switchhook.connectors.voipcloud.wire.number import HIDDEN, write_party
from switchhook.core.call import Call, Direction, Disposition, Leg, LegState


@dataclass(frozen=True, kw_only=True)
class Part:
    """What one user had of a call: one or several rings, one or several talks."""

    is_caller: bool  # the user began it: `outbound` words
    caller_id: str
    dest_number: str
    started_at: datetime
    connected_at: datetime | None
    ring_seconds: int
    talk_seconds: int

    @property
    def call_seconds(self) -> int:
        return self.ring_seconds + self.talk_seconds


def part_of(call: Call, extension: str, legs: Sequence[Leg], region: str) -> Part:
    """Put together what this extension had of the call; `legs` are its rings, all or one of them."""
    is_caller = began_by(call, extension)
    caller_id, dest_number = _numbers(call, extension, region, is_caller=is_caller)
    spans = [_span(leg, call) for leg in legs] or [_span_of_call(call)]
    return Part(
        is_caller=is_caller,
        caller_id=caller_id,
        dest_number=dest_number,
        started_at=min(span.started_at for span in spans),
        connected_at=min((span.connected_at for span in spans if span.connected_at), default=None),
        ring_seconds=sum(span.ring_seconds for span in spans),
        talk_seconds=sum(span.talk_seconds for span in spans),
    )


def began_by(call: Call, extension: str) -> bool:
    """Tell whether this user began the call: between users it is whoever did not have the number dialled."""
    if call.direction is Direction.INTERNAL:
        return extension != call.number
    return call.direction is Direction.OUTBOUND


def _numbers(call: Call, extension: str, region: str, *, is_caller: bool) -> tuple[str, str]:
    """Give the caller's and the dialled number. Where our own line is not known it is the extension."""
    if call.direction is Direction.INTERNAL and not is_caller:
        others = (leg.extension for leg in call.legs if leg.extension not in ("", extension))
        return next(others, HIDDEN), extension
    outside = write_party(call.number, region)
    ours = write_party(call.did, region) if call.did else extension
    return (ours, outside) if is_caller else (outside, ours)


@dataclass(frozen=True)
class _Span:
    started_at: datetime
    connected_at: datetime | None
    ring_seconds: int
    talk_seconds: int


def _span(leg: Leg, call: Call) -> _Span:
    """Measure one ring. A leg whose ring was never heard began with the call.

    When a PBX says by its own clock when a ring began, that is how all of its events know it; how long
    it rang is measured by one clock.
    """
    over_at = leg.answered_at or leg.ended_at or call.started_at
    rang_at = leg.ringing_at or min(call.started_at, over_at)
    started_at = leg.began_at or rang_at
    if not leg.has_talked:
        return _Span(started_at, None, _seconds(rang_at, leg.ended_at), 0)
    answered_at = max(leg.answered_at or rang_at, rang_at)
    talk_seconds = leg.talk_seconds
    if talk_seconds is None:
        talk_seconds = _seconds(answered_at, leg.ended_at) if leg.state is LegState.ENDED else 0
    connected_at = started_at + (answered_at - rang_at)
    return _Span(started_at, connected_at, _seconds(rang_at, answered_at), talk_seconds)


def _span_of_call(call: Call) -> _Span:
    """Measure a call of which no leg of the user is known."""
    has_talked = call.disposition is Disposition.ANSWERED
    connected_at = (call.answered_at or call.started_at) if has_talked else None
    return _Span(
        call.started_at, connected_at, call.ring_seconds or 0, (call.talk_seconds or 0) if has_talked else 0
    )


def _seconds(since: datetime, until: datetime | None) -> int:
    return max(0, round((until - since).total_seconds())) if until is not None else 0
