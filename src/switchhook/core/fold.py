"""What is known of a call, after one more piece of news: (call', changes) = fold(call, news).

Pure and deterministic. Anything may come at any time: late, twice, before its cause or not at
all. Nothing is refused, and what was told before is not told again. The rules in words, and
where each comes from: docs/calls.md.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from switchhook.core import report
from switchhook.core.attempts import first_beginning, leg_meant, next_attempt, with_began_at
from switchhook.core.call import (
    Call,
    CallerNamed,
    CallEvent,
    CallReport,
    Change,
    ChangeKind,
    Direction,
    Disposition,
    Happening,
    Leg,
    LegState,
    News,
    Phase,
    Recording,
    RecordingKept,
    ReportOf,
    Tick,
)
from switchhook.core.conclude import Draft, close_stale, conclude, give_up_waiting
from switchhook.core.leg_report import answered_after_all, name_the_nameless
from switchhook.core.legs import Step, step
from switchhook.core.timers import MISSED_HOLD, REPORT_GRACE

# The same id this long after its call ended is a new call: PBXs start counting again.
ID_IS_REUSED_AFTER = timedelta(hours=6)


# What a peer that reports later says when it hangs up, and explains only then: who, how long, why.
HALF_SAID = frozenset({Disposition.ANSWERED, Disposition.FAILED, Disposition.UNKNOWN})

# Asked at every event. See core/call.py on why these have names of their own.
_ANSWERED = Disposition.ANSWERED
_CANCELLED = Disposition.CANCELLED
_FAILED = Disposition.FAILED
_RECORDED = Happening.RECORDED
_NOTED = Happening.NOTED
_END = Happening.ENDED
_NO_DIRECTION = Direction.UNKNOWN
_OUTBOUND = Direction.OUTBOUND
_LEG_RINGS = ChangeKind.LEG_RINGING
_LEG_ANSWERS = ChangeKind.LEG_ANSWERED


class Birth(Struct, frozen=True, kw_only=True):
    """What a new call is given, since a pure function cannot make it up."""

    id: str
    connection_id: str
    shared_id: str
    recording_token: str
    call_id: str


def fold(call: Call | None, news: News, *, at: datetime, birth: Birth) -> tuple[Call, tuple[Change, ...]]:
    """Take one piece of news in, heard at `at`.

    Gives the call as it then is, and what became true, in the order it should be told. News that
    say nothing new give the same call and no changes.
    """
    if call is None:
        call = Call(
            id=birth.id,
            connection_id=birth.connection_id,
            call_id=birth.call_id,
            shared_id=birth.shared_id,
            recording_token=birth.recording_token,
            started_at=news.started_at if isinstance(news, CallReport) else at,
        )
    draft = Draft(call)
    _TAKE[type(news)](draft, news, at)
    conclude(draft, at)
    return draft.call, tuple(draft.changes)


def is_over(call: Call, news: News, at: datetime) -> bool:
    """Say whether news with this call's id belong to a new call instead."""
    if call.phase is Phase.OPEN or call.ended_at is None:
        return False
    match news:
        case CallEvent(happening=Happening.RECORDED | Happening.NOTED):
            return False
        case CallEvent():
            return (news.leg_began_at or at) - call.ended_at > ID_IS_REUSED_AFTER
        case CallReport():
            return news.started_at - call.ended_at > ID_IS_REUSED_AFTER
        case _:
            return False


def _take_event(draft: Draft, event: CallEvent, at: datetime) -> None:
    is_of_leg = event.happening is not _RECORDED and event.happening is not _NOTED
    draft.call = _with_facts(draft.call, event, at, begins=is_of_leg and draft.call.is_shadow)
    if is_of_leg:
        if event.report_within_seconds is not None and not draft.call.is_reported:
            draft.call = replace(
                draft.call, report_due_at=at + timedelta(seconds=event.report_within_seconds)
            )
        if event.happening is _END and event.extension is None:
            _hang_up(draft, event, at)
        else:
            _move_leg(draft, event, at)
    add_recording(draft, event.recording_url, at, is_temp=event.recording_is_temp)


def _with_facts(call: Call, event: CallEvent, at: datetime, *, begins: bool) -> Call:
    """Fill what was empty; what is known stays, since peers write one number in several ways."""
    known = call.direction is not _NO_DIRECTION
    return replace(
        call,
        direction=call.direction if known else event.direction,
        number=call.number or event.number,
        did=call.did or event.did,
        site=call.site or event.site,
        contact_name=call.contact_name or event.caller_name,
        group=call.group or event.group,
        group_kind=call.group_kind if call.group else event.group_kind,
        custom={**event.custom, **call.custom} if event.custom else call.custom,
        is_recorded=call.is_recorded or event.is_recorded or event.recording_url is not None,
        last_heard_at=at,
        started_at=at if begins else call.started_at,
    )


def _move_leg(draft: Draft, event: CallEvent, at: datetime) -> None:
    if draft.call.group_began_at is not None:
        name_the_nameless(draft, event.extension or "", at)
    old = leg_meant(draft.call, event)
    moved = _step(old, event, draft.call, at)
    if moved.has_begun_to_ring and _awaits_report(draft.call):
        give_up_waiting(draft, at)
    leg = _place(draft, old, moved, event, at)
    if leg is old:
        return
    if moved.has_begun_to_ring:
        draft.say(_LEG_RINGS, at, leg)
    if moved.was_answered:
        draft.say(_LEG_ANSWERS, at, leg)
    if not moved.has_ended:
        return
    if leg.is_told:
        draft.correct(at, f"length of the talk of {leg.extension}")
        return
    is_half_said = leg.disposition is _ANSWERED and leg.talk_seconds is None
    waits_for_report = is_half_said or (
        leg.disposition is _FAILED and event.report_within_seconds is not None
    )
    is_missed = draft.call.direction is not _OUTBOUND and leg.disposition not in (
        _ANSWERED,
        _CANCELLED,
    )
    if waits_for_report:
        draft.hold(at + REPORT_GRACE)
    elif is_missed:
        draft.hold(at + MISSED_HOLD)
    else:
        draft.tell_end(leg, at)


def _place(draft: Draft, old: Leg | None, moved: Step, event: CallEvent, at: datetime) -> Leg:
    """Put the leg where it belongs in the call; gives it as it then is."""
    leg, is_new = moved.leg, old is None or moved.is_new_attempt
    if event.leg_began_at is not None:
        leg = with_began_at(leg, event.leg_began_at, at, is_new=is_new)
    if leg is old:
        return leg
    if is_new:
        attempt = next_attempt(draft.call, leg.extension)
        if attempt != leg.attempt:
            leg = replace(leg, attempt=attempt)
        draft.add_leg(leg)
    else:
        draft.put_leg(leg)
    if event.leg_began_at is not None:
        draft.call = replace(draft.call, started_at=first_beginning(draft.call, at))
    if draft.call.settle_at is not None:
        draft.call = replace(draft.call, settle_at=None)
    return leg


def _step(old: Leg | None, event: CallEvent, call: Call, at: datetime) -> Step:
    """Move a leg by an event, unless a report has told its end: then only an answer may still be news."""
    if old is None or old.is_open:
        return step(old, event, call.direction, at)
    if event.leg_began_at is not None and event.happening is Happening.RINGING and old.began_at is not None:
        return Step(leg=old)  # this very ring, overtaken by its end
    yields = old.told_by is ReportOf.GROUP and event.happening is _END
    if old.told_by is None or yields:
        return step(old, event, call.direction, at)
    answered = answered_after_all(old) if event.happening is Happening.ANSWERED else None
    return Step(leg=old) if answered is None else Step(leg=answered, has_ended=True)


def _awaits_report(call: Call) -> bool:
    """Tell whether an end is held back because only a report can say what it was."""
    if call.hangup is not None:
        return True
    return call.hold_until is not None and any(
        leg.disposition is _ANSWERED and not leg.is_told for leg in call.legs
    )


def _hang_up(draft: Draft, event: CallEvent, at: datetime) -> None:
    """The peer ended the whole call, perhaps without naming who talked."""
    told = event.disposition or Disposition.UNKNOWN
    talking = [leg for leg in draft.call.legs if leg.state is LegState.TALKING]
    ringing = [leg for leg in draft.call.legs if leg.state is LegState.RINGING]
    if talking:
        for leg in talking:
            _move_leg(draft, replace(event, extension=leg.extension, disposition=_ANSWERED), at)
        for leg in ringing:
            _move_leg(draft, replace(event, extension=leg.extension, disposition=_CANCELLED), at)
        return
    if any(leg.has_talked for leg in draft.call.legs) and not ringing:
        return
    if told is _ANSWERED and len(ringing) <= 1:
        extension = ringing[0].extension if ringing else ""
        _move_leg(draft, replace(event, extension=extension), at)
        return
    waits = told in HALF_SAID and event.report_within_seconds is not None
    if waits:
        if not draft.call.legs:
            draft.add_leg(Leg(extension=""))
        draft.call = replace(draft.call, hangup=told)
        draft.hold(at + REPORT_GRACE)
        return
    for leg in ringing:
        draft.end(leg, told, at)
    if not draft.call.legs:
        draft.add_leg(Leg(extension="", state=LegState.ENDED, ended_at=at, disposition=told))
    draft.call = replace(draft.call, hold_until=at)


def add_recording(draft: Draft, url: str | None, at: datetime, *, is_temp: bool = False) -> None:
    """Note a link; the same link again changes nothing, another one is a second recording."""
    if not url:
        return
    if any(recording.url == url for recording in draft.call.recordings):
        return
    recordings = (*draft.call.recordings, Recording(url=url, is_temp=is_temp))
    draft.call = replace(draft.call, recordings=recordings)
    draft.changes.append(Change(kind=ChangeKind.RECORDING_HEARD, at=at, recording=len(recordings) - 1))


def _take_report(draft: Draft, news: CallReport, at: datetime) -> None:
    report.take(draft, news, at)
    add_recording(draft, news.recording_url, at)


def _take_kept(draft: Draft, news: RecordingKept, at: datetime) -> None:
    draft.call = replace(
        draft.call,
        recordings=tuple(
            replace(
                recording,
                is_ready=news.is_kept or not recording.is_temp,
                is_kept=news.is_kept,
                is_lost=recording.is_temp and not news.is_kept,
                content_type=news.content_type,
                size_bytes=news.size_bytes,
                seconds=news.seconds,
            )
            if recording.url == news.url and not recording.is_ready
            else recording
            for recording in draft.call.recordings
        ),
    )


def _take_tick(draft: Draft, news: Tick, at: datetime) -> None:
    close_stale(draft, at)


def _take_name(draft: Draft, news: CallerNamed, at: datetime) -> None:
    draft.call = replace(draft.call, contact_name=news.name)


_TAKE: dict[type, Callable[[Draft, News, datetime], None]] = {
    CallEvent: _take_event,  # type: ignore[dict-item]
    CallReport: _take_report,  # type: ignore[dict-item]
    RecordingKept: _take_kept,  # type: ignore[dict-item]
    CallerNamed: _take_name,  # type: ignore[dict-item]
    Tick: _take_tick,  # type: ignore[dict-item]
}
