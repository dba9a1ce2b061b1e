"""The events that the PBX posts, as news of the hub. Pure.

An event of a user's phone is a step of that user's leg; its end, which has all the times, a report of
the leg. A summary is a report of the group. What is not known is only noted.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from switchhook.connectors.voipcloud.crm.parties import Parties, Plan, read_parties
from switchhook.connectors.voipcloud.crm.reports import STATUSES, report_of, unanswered
from switchhook.connectors.voipcloud.wire.notice import Kind, Notice
from switchhook.core.call import CallEvent, Disposition, Happening, News, ReportOf
from switchhook.core.directory import GroupKind

OUTBOUND = frozenset(
    {
        Kind.USER_OUTBOUND,
        Kind.USER_OUTBOUND_ANSWERED,
        Kind.USER_OUTBOUND_COMPLETED,
        Kind.RECORDING_OUTBOUND,
    }
)


def news_of_notice(notice: Notice, plan: Plan, *, at: datetime) -> Sequence[News]:
    """Give what an event says; nothing where it names no call.

    `at` is when it came: it stands in for a beginning that the event does not tell.
    """
    if notice.unique_call_id is None:
        return ()
    parties = read_parties(
        is_outbound=notice.kind in OUTBOUND,
        caller_id=notice.caller_id,
        dest_number=notice.dest_number,
        caller_name=notice.caller_name,
        plan=plan,
    )
    return _NEWS[notice.kind](notice, notice.unique_call_id, parties, at)


def _rings(notice: Notice, call_id: str, parties: Parties, at: datetime) -> Sequence[News]:
    return (_step(Happening.RINGING, notice, call_id, parties),)


def _answers(notice: Notice, call_id: str, parties: Parties, at: datetime) -> Sequence[News]:
    return (_step(Happening.ANSWERED, notice, call_id, parties),)


def _is_over(notice: Notice, call_id: str, parties: Parties, at: datetime) -> Sequence[News]:
    """Read the end of a user's part; without a time of connection only an answer told before makes it one."""
    talk = notice.conversation_duration
    is_answered = notice.connected_at is not None or bool(talk)
    if notice.call_start_at is None:
        disposition = Disposition.ANSWERED if is_answered else None
        over = _step(Happening.ENDED, notice, call_id, parties, disposition, talk if is_answered else None)
        return (over,)
    disposition = Disposition.ANSWERED if is_answered else unanswered(parties)
    report = report_of(
        notice, call_id, parties, of=ReportOf.LEG, started_at=notice.call_start_at, disposition=disposition
    )
    group, kind = _group(notice)
    extension = notice.user_number or ""
    return (replace(report, is_guess=not is_answered, extension=extension, group=group, group_kind=kind),)


def _went_through_a_group(notice: Notice, call_id: str, parties: Parties, at: datetime) -> Sequence[News]:
    disposition = STATUSES.get((notice.status or "").lower())
    if disposition is None:
        is_answered = notice.connected_at is not None or bool(notice.conversation_duration)
        disposition = Disposition.ANSWERED if is_answered else Disposition.MISSED
    began_at = notice.call_start_at or notice.connected_at
    report = report_of(
        notice,
        call_id,
        parties,
        of=ReportOf.GROUP,
        started_at=began_at or at - timedelta(seconds=notice.call_duration or 0),
        disposition=disposition,
    )
    group, kind = _group(notice)
    as_sent = notice.status
    return (
        replace(
            report,
            disposition_as_sent=as_sent,
            extension=notice.user_number,
            group=group,
            group_kind=kind,
        ),
    )


def _left_a_message(notice: Notice, call_id: str, parties: Parties, at: datetime) -> Sequence[News]:
    """Read a voice message: nobody answered, and here is what was said instead."""
    began_at = notice.recorded_at or at
    missed = report_of(
        notice, call_id, parties, of=ReportOf.GROUP, started_at=began_at, disposition=Disposition.MISSED
    )
    return (missed, *(_recording(call_id, parties, link) for link in notice.audio_file if is_link(link)))


def _was_recorded(notice: Notice, call_id: str, parties: Parties, at: datetime) -> Sequence[News]:
    link = notice.call_recording_link
    return (_recording(call_id, parties, link if is_link(link or "") else None, notice.as_sent),)


def _is_noted(notice: Notice, call_id: str, parties: Parties, at: datetime) -> Sequence[News]:
    return (CallEvent(call_id=call_id, happening=Happening.NOTED, extension=None, as_sent=notice.as_sent),)


_NEWS: Mapping[Kind, Callable[[Notice, str, Parties, datetime], Sequence[News]]] = {
    Kind.USER_INBOUND: _rings,
    Kind.USER_INBOUND_ANSWERED: _answers,
    Kind.USER_INBOUND_COMPLETED: _is_over,
    Kind.USER_OUTBOUND: _rings,
    Kind.USER_OUTBOUND_ANSWERED: _answers,
    Kind.USER_OUTBOUND_COMPLETED: _is_over,
    Kind.QUEUE_CALL: _went_through_a_group,
    Kind.RING_GROUP_CALL: _went_through_a_group,
    Kind.VOICEMAIL: _left_a_message,
    Kind.RECORDING_INBOUND: _was_recorded,
    Kind.RECORDING_OUTBOUND: _was_recorded,
    Kind.OTHER: _is_noted,
}


def is_link(text: str) -> bool:
    """Tell whether this may be fetched: some PBX may name a file instead."""
    scheme, separator, rest = text.partition("://")
    return bool(separator) and scheme.lower() in ("http", "https") and bool(rest.partition("/")[0].strip())


def _step(
    happening: Happening,
    notice: Notice,
    call_id: str,
    parties: Parties,
    disposition: Disposition | None = None,
    talk_seconds: int | None = None,
) -> CallEvent:
    group, kind = _group(notice)
    return CallEvent(
        call_id=call_id,
        happening=happening,
        direction=parties.direction,
        number=parties.number,
        extension=notice.user_number or "",
        leg_began_at=notice.call_start_at,
        did=parties.did,
        caller_name=parties.caller_name,
        group=group,
        group_kind=kind,
        disposition=disposition,
        talk_seconds=talk_seconds,
        as_sent=notice.as_sent,
    )


def _recording(
    call_id: str, parties: Parties, link: str | None, as_sent: Mapping[str, str] | None = None
) -> CallEvent:
    return CallEvent(
        call_id=call_id,
        happening=Happening.RECORDED,
        direction=parties.direction,
        number=parties.number,
        did=parties.did,
        extension=None,
        is_recorded=True,
        recording_url=link,
        as_sent=dict(as_sent or {}),
    )


def _group(notice: Notice) -> tuple[str | None, GroupKind | None]:
    """Give the queue or ring group that brought the call; the queue when both are named."""
    if notice.queue_name:
        return notice.queue_name, GroupKind.QUEUE
    return notice.ring_group_name, GroupKind.RING if notice.ring_group_name else None
