"""Rows of the three call histories: of users, queues and ring groups. Pure."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from switchhook.connectors.voipcloud.wire import members
from switchhook.connectors.voipcloud.wire.members import Json, Object
from switchhook.core.api import HistoryKind
from switchhook.core.errors import BadMessage

# The path says `ringgroup`, the member `ring_group_name`.
PATHS: Mapping[HistoryKind, str] = {
    HistoryKind.USER: "get-user-calls",
    HistoryKind.QUEUE: "get-queue-calls",
    HistoryKind.RING_GROUP: "get-ringgroup-calls",
}
GROUP_MEMBER: Mapping[HistoryKind, str] = {
    HistoryKind.QUEUE: "queue_name",
    HistoryKind.RING_GROUP: "ring_group_name",
}

ANSWERED, ABANDONED = "answered", "abandoned"
WORDS = re.compile(r"[a-z]+")


class Row(Struct, frozen=True, kw_only=True):
    """One row in the vendor's words: a call as one user, or one group, had it. Times are UTC."""

    kind: HistoryKind
    unique_call_id: str | None
    type: str = ""  # of users: `user_inbound_answered` and the like
    status: str = ""  # of groups: `answered`, `abandoned`
    group_name: str | None = None
    caller_id: str | None = None
    caller_name: str | None = None
    dest_number: str | None = None
    user_name: str | None = None
    user_number: str | None = None
    call_start_at: datetime | None = None  # never None in a row that is written
    connected_at: datetime | None = None
    call_duration: int = 0  # seconds, ringing and talking
    conversation_duration: int = 0  # seconds, talking
    as_sent: dict[str, str] = {}

    @property
    def is_outbound(self) -> bool:
        """By the word inside `type`: the list of types is not complete."""
        return "outbound" in self.type.lower()

    @property
    def is_answered(self) -> bool:
        """`connected_at` is set, or the word `answered` occurs."""
        words = WORDS.findall(f"{self.type} {self.status}".lower())
        return self.connected_at is not None or (ANSWERED in words and "not" not in words)


def read_rows(data: Json, kind: HistoryKind) -> Sequence[Row]:
    """Read the `data` of a history's answer. Members that are no objects are left out.

    Raises:
        BadMessage: not an array.
    """
    if data is None or data == {}:
        return []
    if not isinstance(data, list):
        raise BadMessage("expected an array", field="data")
    return [read_row(one, kind) for one in data if isinstance(one, dict)]


def read_row(given: Object, kind: HistoryKind) -> Row:
    """Read one row; never raises: what it does not say as it should is missing."""
    group = GROUP_MEMBER.get(kind)
    return Row(
        kind=kind,
        unique_call_id=members.call_id(given),
        type=members.text(given, "type") or "",
        status=(members.text(given, "status") or "").lower(),
        group_name=members.label(given, *([group] if group else GROUP_MEMBER.values())),
        # Groups' rows spell it without the underscore.
        caller_id=members.number(given, "caller_id", "callerid"),
        caller_name=members.label(given, "caller_name"),
        dest_number=members.number(given, "dest_number"),
        user_name=members.label(given, "user_name"),
        user_number=members.number(given, "user_number"),
        call_start_at=members.moment(given, "call_start_at"),
        connected_at=members.moment(given, "connected_at"),
        call_duration=members.seconds(given, "call_duration") or 0,
        conversation_duration=members.seconds(given, "conversation_duration") or 0,
        as_sent=members.kept(given),
    )


def write_row(row: Row) -> dict[str, Json]:
    """Give a row as the known clients read it.

    Lengths are never null, since one client's type has no room for it; what a user's row must say is
    never null either. A group's row has its caller under both spellings, for clients with one type
    for all three histories.
    """
    times: dict[str, Json] = {
        "call_start_at": members.written(row.call_start_at),
        "connected_at": members.written(row.connected_at),
        "call_duration": row.call_duration,
        "conversation_duration": row.conversation_duration,
    }
    if row.kind is HistoryKind.USER:
        return {
            "unique_call_id": row.unique_call_id or "",
            "type": row.type,
            "caller_id": row.caller_id,
            "caller_name": row.caller_name,
            "dest_number": row.dest_number or "",
            "user_name": row.user_name or "",
            "user_number": row.user_number or "",
            **times,
        }
    return {
        "unique_call_id": row.unique_call_id,
        GROUP_MEMBER[row.kind]: row.group_name or "",
        "callerid": row.caller_id,
        "caller_id": row.caller_id,
        "caller_name": row.caller_name,
        "dest_number": row.dest_number,
        "user_name": row.user_name,
        "user_number": row.user_number,
        **times,
        "status": row.status,
    }


def user_type(*, is_outbound: bool, is_answered: bool) -> str:
    """Give the `type` of a user's row."""
    return f"user_{'outbound' if is_outbound else 'inbound'}_{ANSWERED if is_answered else 'missed'}"


def group_status(*, is_answered: bool) -> str:
    """Give the `status` of a group's row: whatever kept it from being answered, it was abandoned."""
    return ANSWERED if is_answered else ABANDONED
