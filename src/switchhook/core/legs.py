"""The state machine of one leg: a table of what each happening does in each state.

Peers repeat themselves, reorder and lose; nothing here refuses. The rules come from the group
scenarios of Planfix's VoIP API and from what real PBXs were seen to send (docs/calls.md).
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from switchhook.core.call import CallEvent, Direction, Disposition, Happening, Leg, LegState

# A start that comes this soon after the end of a leg was overtaken on the way; later the phone rings again.
OVERTAKEN = timedelta(seconds=10)

# A later word may only raise what was known: a cancelled ring may turn out missed, or answered.
RANK = {
    Disposition.UNKNOWN: 0,
    Disposition.CANCELLED: 1,
    Disposition.MISSED: 2,
    Disposition.ABANDONED: 2,
    Disposition.BUSY: 2,
    Disposition.NO_ANSWER: 2,
    Disposition.UNREACHABLE: 2,
    Disposition.FORBIDDEN: 2,
    Disposition.FAILED: 2,
    Disposition.ANSWERED: 3,
}

# Asked at every event. See core/call.py on why these have names of their own.
_ANSWERED = Disposition.ANSWERED
_UNKNOWN = Disposition.UNKNOWN
_TALKING = LegState.TALKING
_ENDED = LegState.ENDED


class Step(Struct, frozen=True, kw_only=True):
    """A leg after an event, and what became true of it."""

    leg: Leg
    has_begun_to_ring: bool = False
    was_answered: bool = False
    has_ended: bool = False
    is_new_attempt: bool = False


def step(leg: Leg | None, event: CallEvent, direction: Direction, at: datetime) -> Step:
    """Move a leg by one event. `direction` is the call's, once any event has told it."""
    if leg is None:
        leg = Leg(extension=event.extension or "")
        return FIRST[event.happening](leg, event, direction, at)
    return NEXT[leg.state, event.happening](leg, event, direction, at)


def _ring(leg: Leg, event: CallEvent, direction: Direction, at: datetime) -> Step:
    return Step(leg=replace(leg, ringing_at=at), has_begun_to_ring=True)


def _answer_unheard(leg: Leg, event: CallEvent, direction: Direction, at: datetime) -> Step:
    """Its start was lost or overtaken: the card opens straight in talk."""
    leg = replace(leg, state=_TALKING, ringing_at=at, answered_at=at)
    return Step(leg=leg, was_answered=True)


def _answer(leg: Leg, event: CallEvent, direction: Direction, at: datetime) -> Step:
    return Step(leg=replace(leg, state=_TALKING, answered_at=at), was_answered=True)


def _stay(leg: Leg, event: CallEvent, direction: Direction, at: datetime) -> Step:
    return Step(leg=leg)


def _end(leg: Leg, event: CallEvent, direction: Direction, at: datetime) -> Step:
    disposition, is_guess = _resolve(leg, event, direction)
    talk_seconds = None
    if disposition is _ANSWERED:
        talk_seconds = event.talk_seconds
        if talk_seconds is None and event.report_within_seconds is None:
            talk_seconds, is_guess = measured_talk(leg, at), True
    ended = replace(
        leg,
        state=_ENDED,
        ended_at=at,
        disposition=disposition,
        disposition_as_sent=event.disposition_as_sent,
        talk_seconds=talk_seconds,
        is_guess=is_guess,
        is_told=False,
    )
    if talk_seconds is not None and leg.answered_at is None:
        # Nothing told when it was answered: the talk is counted back from its end.
        ended = replace(ended, answered_at=at - timedelta(seconds=talk_seconds))
    return Step(leg=ended, has_ended=True)


def measured_talk(leg: Leg, at: datetime) -> int:
    """Length of the talk by our own clock: from the answer, else from the first ring, else 0."""
    since = leg.answered_at or leg.ringing_at
    return max(0, round((at - since).total_seconds())) if since else 0


def _resolve(leg: Leg, event: CallEvent, direction: Direction) -> tuple[Disposition, bool]:
    """Give the disposition that counts, and whether it is a guess of ours."""
    told = event.disposition or _UNKNOWN
    if leg.state is _TALKING:
        # A ring that was cancelled without a talk is the one end that undoes an answer.
        if told is Disposition.CANCELLED and not event.talk_seconds:
            return told, False
        return _ANSWERED, told is _UNKNOWN
    if told is _UNKNOWN:
        return (Disposition.NO_ANSWER if direction is Direction.OUTBOUND else Disposition.MISSED), True
    return told, False


def _start_after_end(leg: Leg, event: CallEvent, direction: Direction, at: datetime) -> Step:
    assert leg.ended_at is not None
    is_soon = at - leg.ended_at <= OVERTAKEN
    if is_soon and (leg.ringing_at is None or leg.disposition is _ANSWERED):
        return Step(leg=leg)
    again = Leg(extension=leg.extension, attempt=leg.attempt + 1, ringing_at=at)
    return Step(leg=again, has_begun_to_ring=True, is_new_attempt=True)


def _answer_after_end(leg: Leg, event: CallEvent, direction: Direction, at: datetime) -> Step:
    if leg.disposition is _ANSWERED:
        return Step(leg=leg)
    if leg.is_guess and not leg.is_lost:
        # Its end came first and did not say how: now we know.
        known = replace(leg, disposition=_ANSWERED, answered_at=at, is_told=False)
        return Step(leg=known, has_ended=True)
    talking = replace(
        leg,
        state=_TALKING,
        ringing_at=leg.ringing_at or at,
        answered_at=at,
        ended_at=None,
        disposition=None,
        is_told=False,
        is_lost=False,
    )
    return Step(leg=talking, was_answered=True)


def _end_again(leg: Leg, event: CallEvent, direction: Direction, at: datetime) -> Step:
    """Merge a repeated end: empty fields are filled, the disposition only rises."""
    assert leg.disposition is not None
    told = event.disposition or _UNKNOWN
    # Missed after cancelled is how this leg was told, but guesses and losses yield to any word.
    is_higher = RANK[told] > RANK[leg.disposition] or (
        (leg.is_lost or leg.is_guess) and RANK[told] >= RANK[leg.disposition] and told is not leg.disposition
    )
    if is_higher:
        talk_seconds = event.talk_seconds if told is _ANSWERED else None
        risen = replace(
            leg,
            disposition=told,
            disposition_as_sent=event.disposition_as_sent,
            talk_seconds=talk_seconds,
            is_guess=False,
            is_lost=False,
            is_told=False,
        )
        if told is _ANSWERED and leg.answered_at is None:
            risen = replace(risen, answered_at=at)
        return Step(leg=risen, has_ended=True)
    has_length = leg.disposition is _ANSWERED and event.talk_seconds
    is_better = (leg.is_guess or not leg.talk_seconds) and event.talk_seconds != leg.talk_seconds
    if has_length and is_better:
        return Step(leg=replace(leg, talk_seconds=event.talk_seconds, is_guess=False), has_ended=True)
    return Step(leg=leg)


_Move = Callable[[Leg, CallEvent, Direction, datetime], Step]

FIRST: dict[Happening, _Move] = {
    Happening.RINGING: _ring,
    Happening.ANSWERED: _answer_unheard,
    Happening.ENDED: _end,
}

NEXT: dict[tuple[LegState, Happening], _Move] = {
    (LegState.RINGING, Happening.RINGING): _stay,
    (LegState.RINGING, Happening.ANSWERED): _answer,
    (LegState.RINGING, Happening.ENDED): _end,
    (LegState.TALKING, Happening.RINGING): _stay,
    (LegState.TALKING, Happening.ANSWERED): _stay,
    (LegState.TALKING, Happening.ENDED): _end,
    (LegState.ENDED, Happening.RINGING): _start_after_end,
    (LegState.ENDED, Happening.ANSWERED): _answer_after_end,
    (LegState.ENDED, Happening.ENDED): _end_again,
}
