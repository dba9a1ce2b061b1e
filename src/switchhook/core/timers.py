"""What the clock does to a call: how long each thing is waited for, and when it is next due."""

from datetime import datetime, timedelta

from switchhook.core.call import Call, Disposition, Leg, LegState, Phase

# Asked at every event. See core/call.py on why these have names of their own.
_LEG_ENDED = LegState.ENDED
_ENDED = Phase.ENDED


# A missed leg is told after this, so that "answered" on another one may overtake it.
MISSED_HOLD = timedelta(seconds=2)
# A talk ended; a transfer goes on within this under the same id.
TRANSFER_GRACE = timedelta(seconds=3)
# A peer that reports names who talked and how long; the card's end waits this long for it.
REPORT_GRACE = timedelta(seconds=10)
# All phones stopped ringing and none was answered: a hunt steps on within this.
SETTLE = timedelta(seconds=20)
# The history record waits this long for its recording; after that it carries the link in advance.
RECORDING_GRACE = timedelta(seconds=15)
# Nothing was heard: the phone rings no more; the talk is over.
RINGING_IS_STALE = timedelta(minutes=3)
TALKING_IS_STALE = timedelta(hours=6)
# A recording of a call that never appeared.
SHADOW_EXPIRES = timedelta(hours=24)


STALE_AFTER = {LegState.RINGING: RINGING_IS_STALE, LegState.TALKING: TALKING_IS_STALE}


def stale_at(call: Call, leg: Leg) -> datetime | None:
    """When this leg is taken as over though no end was heard; None when it has ended."""
    if leg.state is _LEG_ENDED:
        return None
    return (call.last_heard_at or leg.ringing_at or call.started_at) + STALE_AFTER[leg.state]


def final_at(call: Call) -> datetime:
    """When the record of an ended call is taken as complete."""
    ended_at = call.ended_at or call.started_at
    waits = [ended_at]
    if call.report_due_at is not None and not call.is_reported:
        waits.append(call.report_due_at)
    if call.disposition is Disposition.ANSWERED and awaits_recording(call):
        waits.append(ended_at + RECORDING_GRACE)
    return max(waits)


def awaits_recording(call: Call) -> bool:
    if not call.recordings:
        return call.is_recorded
    return any(not recording.is_ready and not recording.is_lost for recording in call.recordings)


def due_at(call: Call) -> datetime | None:
    """When time alone will next change this call; None when it never will."""
    if call.is_shadow:
        return None if call.phase is Phase.FINAL else call.started_at + SHADOW_EXPIRES
    due = _sooner(call.hold_until, call.settle_at)
    if call.phase is _ENDED:
        due = _sooner(due, final_at(call))
    for leg in call.legs:
        due = _sooner(due, stale_at(call, leg))
    return due


def _sooner(a: datetime | None, b: datetime | None) -> datetime | None:
    if a is None or b is None:
        return a or b
    return min(a, b)
