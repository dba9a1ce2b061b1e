"""Taking in reports that speak of a part of a call: of one extension, or of a queue or ring group.

Their times are the peer's own, so that a call which nobody heard live stands where it was. What its
history has of an extension is the authority on that extension: no event and no other report changes
it, whichever comes first.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec.structs import replace

from switchhook.core.attempts import SAME_MOMENT, attempt_begun_at, first_beginning, next_attempt
from switchhook.core.call import (
    Call,
    CallReport,
    Direction,
    Disposition,
    Leg,
    LegState,
    Phase,
    ReportOf,
)
from switchhook.core.conclude import Draft
from switchhook.core.legs import measured_talk
from switchhook.core.timers import MISSED_HOLD


def take(draft: Draft, report: CallReport, at: datetime) -> None:
    """Take a report of a part in: anything but `ReportOf.CALL`."""
    before = draft.call.legs
    if report.of is ReportOf.GROUP:
        began_at = min(report.started_at, draft.call.group_began_at or report.started_at)
        draft.call = replace(draft.call, group_began_at=began_at)
        _take_group(draft, report, at)
    else:
        _take_leg(draft, report, at)
    draft.call = replace(draft.call, started_at=first_beginning(draft.call, at))
    if draft.call.legs != before:
        draft.call = replace(draft.call, settle_at=None)


def answered_after_all(leg: Leg) -> Leg | None:
    """Give a leg whose end was reported without saying how, now that its answer is heard; None for others."""
    if not leg.is_guess or leg.disposition is Disposition.ANSWERED:
        return None
    return replace(
        leg,
        disposition=Disposition.ANSWERED,
        answered_at=leg.ended_at,
        talk_seconds=0,
        is_guess=False,
        is_told=False,
    )


def name_the_nameless(draft: Draft, extension: str, at: datetime) -> None:
    """A group that named nobody left a leg without an extension: now it is known whose it was.

    A card that nobody's name was on is closed: what follows is told under the name.
    """
    if not extension or _of(draft.call, extension):
        return
    for leg in _of(draft.call, ""):
        if leg.told_by is not ReportOf.GROUP:
            continue
        if leg.has_card:
            draft.tell_end(leg, at, told_as=Disposition.CANCELLED)
        named = replace(leg, extension=extension, has_card=False)
        legs = [named if old.attempt == leg.attempt and not old.extension else old for old in draft.call.legs]
        draft.call = replace(draft.call, legs=tuple(legs))


def _take_leg(draft: Draft, report: CallReport, at: datetime) -> None:
    extension = report.extension or ""
    name_the_nameless(draft, extension, at)
    if report.of is ReportOf.RECORD:
        known, others = _recorded(draft.call, extension, report.started_at)
    else:
        known, others = attempt_begun_at(draft.call, extension, report.started_at), []
    if known is not None and known.told_by is not None and known.told_by > report.of:
        return
    was_told = any(leg.is_told for leg in (known, *others) if leg is not None)
    for leg in others:
        if leg.has_card:
            draft.tell_end(draft.end(leg, Disposition.CANCELLED, at), at)
    _drop(draft, others)
    leg = known or Leg(extension=extension, attempt=next_attempt(draft.call, extension))
    _put(draft, known, _reported(leg, report, at, was_told=was_told), at)


def _recorded(call: Call, extension: str, began_at: datetime) -> tuple[Leg | None, list[Leg]]:
    """Find what a record stands for: itself as read before, else all that was heard of its user until now.

    The history has one row for a call and user, however often the phone rang.
    """
    of_user = _of(call, extension)
    for leg in of_user:
        is_same = leg.began_at is not None and abs(leg.began_at - began_at) <= SAME_MOMENT
        if leg.told_by is ReportOf.RECORD and is_same:
            return leg, []
    heard = [leg for leg in of_user if leg.told_by is not ReportOf.RECORD]
    return next(iter(heard), None), heard[1:]


def _put(draft: Draft, known: Leg | None, leg: Leg, at: datetime) -> None:
    """Put a reported leg in place, and tell what of it is news."""
    is_over = draft.call.phase is not Phase.OPEN
    if is_over and leg.disposition is not Disposition.ANSWERED and not leg.has_card:
        # How the call ended has been told; a phone that nobody saw ring is none of it.
        leg = replace(leg, is_told=True)
    if known is None:
        draft.add_leg(leg)
    else:
        draft.put_leg(leg)
        if leg.is_told and not is_over and leg.talk_seconds != known.talk_seconds:
            draft.correct(at, f"length of the talk of {leg.extension}")
    if not leg.is_told:
        _tell(draft, leg, at)


def _reported(leg: Leg, report: CallReport, at: datetime, *, was_told: bool) -> Leg:
    """Give the leg as the report has it. A peer's clock that runs ahead does not lead into the future."""
    began_at = min(report.started_at, at)
    disposition, talk_seconds = report.disposition, report.talk_seconds
    if report.is_guess and leg.has_talked:
        disposition, talk_seconds = Disposition.ANSWERED, talk_seconds or 0
    is_answered = disposition is Disposition.ANSWERED
    over_at = min(began_at + timedelta(seconds=report.ring_seconds or 0), at)
    ended_at = min(over_at + timedelta(seconds=(talk_seconds or 0) if is_answered else 0), at)
    return replace(
        leg,
        state=LegState.ENDED,
        ringing_at=began_at,
        answered_at=over_at if is_answered else None,
        ended_at=ended_at,
        disposition=disposition,
        disposition_as_sent=report.disposition_as_sent,
        talk_seconds=(talk_seconds or 0) if is_answered else None,
        is_guess=report.is_guess and not is_answered,
        is_lost=False,
        is_told=was_told and leg.disposition is disposition,
        began_at=report.started_at,
        told_by=report.of,
    )


def _take_group(draft: Draft, report: CallReport, at: datetime) -> None:
    is_answered = report.disposition is Disposition.ANSWERED
    if is_answered:
        _give_talk(draft, report, at)
    elif not draft.call.legs:
        _put(draft, None, _of_group(Leg(extension=report.extension or ""), report, at), at)
    for leg in draft.call.legs:
        if leg.state is LegState.RINGING:
            _end(draft, leg, Disposition.CANCELLED if is_answered else report.disposition, at)
        elif leg.state is LegState.TALKING and is_answered:
            _end(draft, leg, Disposition.ANSWERED, at)


def _give_talk(draft: Draft, report: CallReport, at: datetime) -> None:
    """Give the talk to whom the group names, unless somebody's own words know better."""
    of_user = _of(draft.call, report.extension or "")
    known = next((leg for leg in of_user if leg.has_talked), None) or next(reversed(of_user), None)
    if known is None:
        if not draft.call.has_talked:
            _put(draft, None, _of_group(Leg(extension=report.extension or ""), report, at), at)
    elif known.told_by is None or known.told_by is ReportOf.GROUP:
        _put(draft, known, _of_group(known, report, at), at)


def _of_group(leg: Leg, report: CallReport, at: datetime) -> Leg:
    """Give a leg as its group has it: the group knows when the call came, not when this phone rang."""
    reported = _reported(leg, report, at, was_told=leg.is_told)
    return replace(reported, ringing_at=leg.ringing_at, began_at=leg.began_at)


def _end(draft: Draft, leg: Leg, disposition: Disposition, at: datetime) -> None:
    """End an open leg by the hub's own clock: nothing tells when its part was over."""
    ended = replace(draft.end(leg, disposition, at), told_by=ReportOf.GROUP)
    if disposition is Disposition.ANSWERED:
        ended = replace(ended, talk_seconds=measured_talk(leg, at), is_guess=True)
    draft.put_leg(ended)
    _tell(draft, ended, at)


def _tell(draft: Draft, leg: Leg, at: datetime) -> None:
    """Tell an end at once, or hold it while another phone's answer may still come.

    In a group a phone that was not answered is no missed call: the next one rings, or the call ends.
    """
    is_missed = leg.disposition not in (Disposition.ANSWERED, Disposition.CANCELLED)
    if is_missed and leg.told_by is ReportOf.LEG and draft.call.group and draft.call.group_began_at is None:
        draft.tell_end(leg, at, told_as=Disposition.CANCELLED)
    elif is_missed and draft.call.direction is not Direction.OUTBOUND:
        draft.hold(at + MISSED_HOLD)
    else:
        draft.tell_end(leg, at)


def _drop(draft: Draft, legs: Iterable[Leg]) -> None:
    gone = {(leg.extension, leg.attempt) for leg in legs}
    if gone:
        left = tuple(leg for leg in draft.call.legs if (leg.extension, leg.attempt) not in gone)
        draft.call = replace(draft.call, legs=left)


def _of(call: Call, extension: str) -> list[Leg]:
    return [leg for leg in call.legs if leg.extension == extension]
