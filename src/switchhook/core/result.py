"""The outcome of a call, read from all of its legs and never from whichever message came last."""

from datetime import datetime

from switchhook.core.call import Call, Direction, Disposition, Leg
from switchhook.core.legs import RANK

# Of several ends of an unanswered inbound call, the one that says most about the caller.
MISSED_FIRST = (
    Disposition.MISSED,
    Disposition.NO_ANSWER,
    Disposition.ABANDONED,
    Disposition.BUSY,
    Disposition.UNREACHABLE,
    Disposition.FAILED,
    Disposition.FORBIDDEN,
)

# Asked at every event. See core/call.py on why these have names of their own.
_ANSWERED = Disposition.ANSWERED
_INTERNAL = Direction.INTERNAL
_OUTBOUND = Direction.OUTBOUND


def talked(call: Call) -> tuple[Leg, ...]:
    """Legs that talk or have talked, in the order of their answers."""
    legs = [leg for leg in call.legs if leg.has_talked]
    if len(legs) < 2:
        return tuple(legs)
    return tuple(sorted(legs, key=lambda leg: leg.answered_at or leg.ended_at or call.started_at))


def last_talk(call: Call) -> Leg | None:
    """The talk of the employee that the call is shown with: who answered last.

    Between employees both answer at one moment, and peers that count whole seconds tell it a second apart.
    Who called counts only when nobody else talked.
    """
    talks = talked(call)
    if len(talks) > 1 and call.direction is _INTERNAL:
        caller = min(call.legs, key=lambda leg: (leg.extension == call.number, leg.ringing_at or _ended(leg)))
        talks = tuple(leg for leg in talks if leg is not caller)
    return talks[-1] if talks else None


def disposition_of(call: Call) -> Disposition:
    """Give the disposition of a call with no open leg.

    Any leg answered makes it answered. Otherwise an outbound or internal call ends as its last leg
    did; an inbound one is missed, however many phones said so; all rings cancelled is missed too.
    """
    if call.has_talked:
        return _ANSWERED
    if not call.legs:
        return Disposition.UNKNOWN
    if call.direction in (_OUTBOUND, _INTERNAL):
        last = max(call.legs, key=_ended)
        return last.disposition or Disposition.UNKNOWN
    told = {leg.disposition for leg in call.legs if not leg.is_lost}
    for disposition in MISSED_FIRST:
        if disposition in told:
            return disposition
    return Disposition.MISSED if Disposition.CANCELLED in told else Disposition.UNKNOWN


def blamed_leg(call: Call) -> Leg | None:
    """Pick the leg that stands for a missed call: one missed group is one missed call.

    When phones rang one after another it is the last one; when they rang together, the first.
    """
    rang = [leg for leg in call.legs if leg.extension] or list(call.legs)
    if not rang:
        return None
    first_end = min(_ended(leg) for leg in rang)
    starts = [leg.ringing_at for leg in rang if leg.ringing_at is not None]
    if starts and max(starts) >= first_end:
        return max(rang, key=lambda leg: (leg.ringing_at or _ended(leg), leg.attempt))
    ranks = [RANK[leg.disposition] for leg in rang if leg.disposition is not None]
    return next(
        (leg for leg in rang if leg.disposition is not None and RANK[leg.disposition] == max(ranks)), rang[0]
    )


def talk_seconds_of(call: Call) -> int | None:
    """Sum the talks; None while none has a length. Between employees both ends of one talk are legs."""
    lengths = [leg.talk_seconds for leg in call.legs if leg.talk_seconds is not None]
    if not lengths:
        return None
    return max(lengths) if call.direction is _INTERNAL else sum(lengths)


def ring_seconds_of(call: Call, ended_at: datetime) -> int:
    """Seconds until the first answer, or until the end when nobody answered."""
    answers = [leg.answered_at for leg in call.legs if leg.has_talked and leg.answered_at is not None]
    until = min(answers, default=ended_at)
    return max(0, round((until - call.started_at).total_seconds()))


def _ended(leg: Leg) -> datetime:
    when = leg.ended_at or leg.answered_at or leg.ringing_at
    assert when is not None
    return when
