"""Which call is meant by news that give no id, or another one. Pure choices among candidates.

retailCRM's events may come without an id, and those of older clients carry another one than the
later report of the same call (protocol of its telephony module, call ids).
"""

from collections.abc import Iterable
from datetime import timedelta

from switchhook.core.call import Call, CallEvent, CallReport, Direction, Happening, Phase

# A report and the events of its call differ in when they say it began.
STARTS_WITHIN = timedelta(minutes=10)


def call_of_event(event: CallEvent, calls: Iterable[Call]) -> Call | None:
    """Choose among calls of the same number: the newest open one of this direction."""
    fitting = [
        call
        for call in calls
        if call.phase is Phase.OPEN
        and _goes_with(call.direction, event.direction)
        # The same person calls again while the end of the first call is still being settled.
        and (event.happening is not Happening.RINGING or _may_ring(call))
    ]
    return max(fitting, key=lambda call: (call.started_at, call.id), default=None)


def call_of_report(report: CallReport, calls: Iterable[Call]) -> Call | None:
    """Choose among calls of the same number: unreported, nearest in time, begun near it or still open."""
    fitting = [
        call
        for call in calls
        if not call.is_reported
        and _goes_with(call.direction, report.direction)
        and (call.phase is Phase.OPEN or _distance(call, report) <= STARTS_WITHIN)
    ]
    return min(fitting, key=lambda call: (_distance(call, report), call.id), default=None)


def _distance(call: Call, report: CallReport) -> timedelta:
    return abs(call.started_at - report.started_at)


def _goes_with(a: Direction, b: Direction) -> bool:
    return a is b or Direction.UNKNOWN in (a, b)


def _may_ring(call: Call) -> bool:
    return call.hangup is None and (call.is_shadow or any(leg.is_open for leg in call.legs))
