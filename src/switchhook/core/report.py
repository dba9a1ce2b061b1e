"""Taking a report in: a whole call after the fact, the authority on who talked and how long."""

from datetime import datetime, timedelta

from msgspec.structs import replace

from switchhook.core import leg_report
from switchhook.core.call import (
    Call,
    CallReport,
    ChangeKind,
    Direction,
    Disposition,
    Leg,
    LegState,
    ReportOf,
)
from switchhook.core.conclude import Draft

# What every unanswered call is; an end that was heard live may have known why.
SAYS_NOTHING_NEW = frozenset(
    {Disposition.MISSED, Disposition.NO_ANSWER, Disposition.CANCELLED, Disposition.UNKNOWN}
)


def take(draft: Draft, report: CallReport, at: datetime) -> None:
    """Take a report in. One thing it cannot do: undo an answer that was heard."""
    was_live = bool(draft.call.legs)
    draft.call = _with_facts(draft.call, report)
    if report.of is not ReportOf.CALL:
        leg_report.take(draft, report, at)
        return
    if report.ring_seconds is not None:
        draft.call = replace(draft.call, ring_seconds=report.ring_seconds)
    if report.disposition is Disposition.ANSWERED:
        _answered(draft, report, at, was_live=was_live)
    else:
        _not_answered(draft, report, at)
    if any(leg.is_told is False and not leg.is_open for leg in draft.call.legs):
        draft.call = replace(draft.call, hold_until=at)
    draft.call = replace(draft.call, is_reported=True, hangup=None, settle_at=None)


def _with_facts(call: Call, report: CallReport) -> Call:
    known = call.direction is not Direction.UNKNOWN
    return replace(
        call,
        direction=call.direction if known else report.direction,
        number=call.number or report.number,
        did=call.did or report.did,
        site=call.site or report.site,
        contact_name=call.contact_name or report.caller_name,
        group=call.group or report.group,
        group_kind=call.group_kind if call.group else report.group_kind,
        custom={**report.custom, **call.custom},
        is_recorded=call.is_recorded or report.recording_url is not None,
        started_at=min(call.started_at, report.started_at) if call.legs else report.started_at,
    )


def _answered(draft: Draft, report: CallReport, at: datetime, *, was_live: bool) -> None:
    extension = _who(draft.call, report)
    leg = draft.call.leg(extension)
    for other in draft.call.legs:
        if other.is_open and other.extension != extension:
            talked = other.state is LegState.TALKING
            draft.end(other, Disposition.ANSWERED if talked else Disposition.CANCELLED, at)
    answered_at, ended_at = _times(report)
    if leg is None:
        # Nobody saw it ring: a pick-up by another phone, or a call from the past.
        picked_up = Leg(extension=extension, ringing_at=at if was_live else None)
        draft.add_leg(picked_up)
        if was_live:
            draft.say(ChangeKind.LEG_RINGING, at, picked_up)
        leg = picked_up
    draft.call = replace(draft.call, reported_extension=extension, reported_talk_seconds=report.talk_seconds)
    is_news = leg.disposition is not Disposition.ANSWERED
    talk_seconds = report.talk_seconds if report.talk_seconds is not None else leg.talk_seconds
    draft.put_leg(
        replace(
            leg,
            state=LegState.ENDED,
            disposition=Disposition.ANSWERED,
            disposition_as_sent=report.disposition_as_sent,
            answered_at=leg.answered_at or answered_at,
            ended_at=leg.ended_at or (at if was_live else ended_at),
            talk_seconds=talk_seconds if talk_seconds is not None else 0,
            is_guess=False,
            is_lost=False,
            is_told=leg.is_told and not is_news,
        )
    )


def _not_answered(draft: Draft, report: CallReport, at: datetime) -> None:
    for leg in draft.call.legs:
        if not leg.is_open and _is_better_said(leg, report):
            draft.put_leg(
                replace(leg, disposition=report.disposition, disposition_as_sent=report.disposition_as_sent)
            )
        if leg.is_open:
            talking = leg.state is LegState.TALKING
            draft.end(leg, Disposition.ANSWERED if talking else report.disposition, at)
    if not draft.call.legs:
        _, ended_at = _times(report)
        draft.add_leg(
            Leg(
                extension=report.extension or "",
                state=LegState.ENDED,
                disposition=report.disposition,
                disposition_as_sent=report.disposition_as_sent,
                ended_at=ended_at,
            )
        )


def _is_better_said(leg: Leg, report: CallReport) -> bool:
    """Tell whether the report names a reason where the leg's own end had another, or none."""
    is_meant = report.extension is None or leg.extension in ("", report.extension)
    is_lost = leg.disposition in (Disposition.ANSWERED, Disposition.CANCELLED)
    return is_meant and not is_lost and report.disposition not in SAYS_NOTHING_NEW


def _who(call: Call, report: CallReport) -> str:
    """Whom the report means: named, else the one who is known to have talked, else who rang first."""
    if report.extension is not None:
        return report.extension
    talking = [leg.extension for leg in call.legs if leg.has_talked]
    rung = [leg.extension for leg in call.legs]
    return (talking or rung or [""])[0]


def _times(report: CallReport) -> tuple[datetime, datetime]:
    answered_at = report.started_at + timedelta(seconds=report.ring_seconds or 0)
    return answered_at, answered_at + timedelta(seconds=report.talk_seconds or 0)
