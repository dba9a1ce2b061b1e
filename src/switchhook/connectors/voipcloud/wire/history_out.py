"""Our calls as rows of the three histories. Pure."""

from collections.abc import Callable, Mapping

from switchhook.connectors.voipcloud.wire.group_out import stay_of
from switchhook.connectors.voipcloud.wire.part_out import part_of
from switchhook.connectors.voipcloud.wire.row import Row, user_type
from switchhook.core.api import HistoryKind, HistoryRow
from switchhook.core.text import clean_name


def row_of(kind: HistoryKind, row: HistoryRow, region: str) -> Row:
    """Make a row of an ended call. `region` reads numbers that came without a country code."""
    return MAKERS[kind](kind, row, region)


def _user_row(kind: HistoryKind, row: HistoryRow, region: str) -> Row:
    """Tell a call as one user had it. Clients refuse rows that do not name user and number."""
    legs = [leg for leg in row.call.legs if leg.extension == row.extension]
    part = part_of(row.call, row.extension, legs, region)
    is_answered = part.connected_at is not None
    return Row(
        kind=kind,
        unique_call_id=row.call_id,
        type=user_type(is_outbound=part.is_caller, is_answered=is_answered),
        caller_id=part.caller_id,
        # The name is of whoever calls: of ours when the call goes out.
        caller_name=None if part.is_caller else _caller_name(row),
        dest_number=part.dest_number,
        user_name=clean_name(row.user_name) or row.extension,
        user_number=row.extension,
        call_start_at=part.started_at,
        connected_at=part.connected_at,
        call_duration=part.call_seconds,
        conversation_duration=part.talk_seconds,
    )


def _group_row(kind: HistoryKind, row: HistoryRow, region: str) -> Row:
    """Tell a call as its group had it, with who answered or who rang last."""
    stay = stay_of(row.call, region)
    return Row(
        kind=kind,
        unique_call_id=row.call_id,
        status=stay.status,
        group_name=clean_name(row.group),
        caller_id=stay.caller_id,
        caller_name=_caller_name(row),
        dest_number=stay.dest_number,
        user_name=clean_name(row.user_name) or row.extension or None,
        user_number=row.extension or None,
        call_start_at=stay.started_at,
        connected_at=stay.connected_at,
        call_duration=stay.call_seconds,
        conversation_duration=stay.talk_seconds,
    )


def _caller_name(row: HistoryRow) -> str | None:
    return clean_name(row.call.contact_name or "") or None


MAKERS: Mapping[HistoryKind, Callable[[HistoryKind, HistoryRow, str], Row]] = {
    HistoryKind.USER: _user_row,
    HistoryKind.QUEUE: _group_row,
    HistoryKind.RING_GROUP: _group_row,
}
