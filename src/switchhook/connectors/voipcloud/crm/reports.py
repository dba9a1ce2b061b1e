"""Reports of finished calls: what events that end something and rows of the histories have in common. Pure.

A row of the users' history is the record of a leg, which nothing overwrites; one of a queue's or ring
group's history is a report of the group, as its summary among the events is.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime

from msgspec.structs import replace

from switchhook.connectors.voipcloud.crm.parties import Parties, Plan, read_parties
from switchhook.connectors.voipcloud.wire.notice import Notice
from switchhook.connectors.voipcloud.wire.row import Row
from switchhook.core.api import HistoryKind
from switchhook.core.call import CallReport, Direction, Disposition, ReportOf
from switchhook.core.directory import GroupKind

# The result of a queue's or ring group's call. The first two are seen, the rest would be understood.
STATUSES: Mapping[str, Disposition] = {
    "answered": Disposition.ANSWERED,
    "abandoned": Disposition.ABANDONED,
    "missed": Disposition.MISSED,
    "timeout": Disposition.MISSED,
    "voicemail": Disposition.MISSED,
    "busy": Disposition.BUSY,
}
GROUP_KINDS: Mapping[HistoryKind, GroupKind] = {
    HistoryKind.QUEUE: GroupKind.QUEUE,
    HistoryKind.RING_GROUP: GroupKind.RING,
}


def report_of_row(row: Row, plan: Plan) -> CallReport | None:
    """Give a row as a report; None where it does not tell when its call began, or a group's names no call.

    A user's row without an id is a call of its own, found again by its parties and its beginning.
    """
    is_group = row.kind is not HistoryKind.USER
    call_id = row.unique_call_id or (None if is_group else _made_up_id(row))
    if row.call_start_at is None or call_id is None:
        return None
    parties = read_parties(
        is_outbound=row.is_outbound,
        caller_id=row.caller_id,
        dest_number=row.dest_number,
        caller_name=row.caller_name,
        plan=plan,
    )
    disposition = STATUSES.get(row.status) if is_group else None
    if disposition is None:
        disposition = Disposition.ANSWERED if row.is_answered else unanswered(parties)
    of = ReportOf.GROUP if is_group else ReportOf.RECORD
    report = report_of(row, call_id, parties, of=of, started_at=row.call_start_at, disposition=disposition)
    return replace(
        report,
        disposition_as_sent=row.status or row.type or None,
        extension=row.user_number if is_group else row.user_number or "",
        group=row.group_name,
        group_kind=GROUP_KINDS.get(row.kind) if row.group_name else None,
    )


def report_of(
    told: Notice | Row,
    call_id: str,
    parties: Parties,
    *,
    of: ReportOf,
    started_at: datetime,
    disposition: Disposition,
) -> CallReport:
    """Give a report without what only some messages say: who, which group, in which words."""
    ring_seconds, talk_seconds = _lengths(told, is_answered=disposition is Disposition.ANSWERED)
    return CallReport(
        call_id=call_id,
        of=of,
        direction=parties.direction,
        number=parties.number,
        started_at=started_at,
        disposition=disposition,
        did=parties.did,
        caller_name=parties.caller_name,
        ring_seconds=ring_seconds,
        talk_seconds=talk_seconds,
        as_sent=told.as_sent,
    )


def unanswered(parties: Parties) -> Disposition:
    """Say what a user's call is that nobody answered: this family knows no reasons."""
    return Disposition.MISSED if parties.direction is Direction.INBOUND else Disposition.NO_ANSWER


def _lengths(told: Notice | Row, *, is_answered: bool) -> tuple[int, int]:
    """Give seconds of ringing and of talk: the ring from the times where both are told, else from lengths."""
    total, talk = told.call_duration or 0, told.conversation_duration
    if not is_answered:
        return total, 0
    if told.connected_at is not None and told.call_start_at is not None:
        ring = max(0, round((told.connected_at - told.call_start_at).total_seconds()))
    else:
        ring = max(0, total - (talk or 0))
    return ring, max(0, total - ring) if talk is None else talk


def _made_up_id(row: Row) -> str:
    parts = (row.caller_id, row.dest_number, row.call_start_at)
    return "row-" + hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()[:24]
