"""What the PBX posts by itself: one JSON object for each event.

Field by field as the webhook articles and the readers of existing clients have it. Pure.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum

import msgspec
from msgspec import Struct

from switchhook.connectors.voipcloud.wire import members
from switchhook.connectors.voipcloud.wire.members import Json, Object
from switchhook.core.errors import BadMessage

MAX_BODY_BYTES = 256 * 1024
SECRET_HEADER = "x-pbx-token"


class Kind(StrEnum):
    """The `type` of an event; each has a tick box of its own at the PBX."""

    USER_INBOUND = "user_inbound"
    USER_INBOUND_ANSWERED = "user_inbound_answered"
    USER_INBOUND_COMPLETED = "user_inbound_completed"
    USER_OUTBOUND = "user_outbound"
    USER_OUTBOUND_ANSWERED = "user_outbound_answered"
    USER_OUTBOUND_COMPLETED = "user_outbound_completed"
    QUEUE_CALL = "queue_call"
    RING_GROUP_CALL = "ring_group_call"
    VOICEMAIL = "voicemail"
    RECORDING_INBOUND = "recording_inbound"
    RECORDING_OUTBOUND = "recording_outbound"
    OTHER = ""  # the call flow's own webhook object, and what is not known yet


# Of the spelling before 2021 only this one was readable (webhook article, UK site).
KINDS: Mapping[str, Kind] = {
    **{kind.value: kind for kind in Kind if kind is not Kind.OTHER},
    "inbound_call_to_user": Kind.USER_INBOUND,
}

# The vendor's name first, then the older one of the same article.
CALLER_ID = ("caller_id", "callerid", "from_number")
CALLER_NAME = ("caller_name", "from_name")
USER_NAME = ("user_name", "to_name")
USER_NUMBER = ("user_number", "exten")
DEST_NUMBER = ("dest_number", "to_number")
CALL_START_AT = ("call_start_at", "start_at")

LONGEST_LINK = 2000


class Notice(Struct, frozen=True, kw_only=True):
    """One event in the vendor's words. None and "" are what it did not say. Times are UTC."""

    kind: Kind
    unique_call_id: str | None
    type: str = ""  # as sent
    caller_id: str | None = None
    caller_name: str | None = None
    user_name: str | None = None
    user_number: str | None = None
    dest_number: str | None = None
    call_start_at: datetime | None = None
    connected_at: datetime | None = None
    call_duration: int | None = None  # seconds, ringing and talking
    conversation_duration: int | None = None  # seconds, talking
    queue_name: str | None = None
    ring_group_name: str | None = None
    status: str | None = None
    recorded_at: datetime | None = None
    emails: str | None = None
    email_subject: str | None = None
    email_message: str | None = None
    audio_file: tuple[str, ...] = ()
    call_recording_link: str | None = None
    as_sent: dict[str, str] = {}


def read_notices(body: bytes) -> Sequence[Notice]:
    """Read a body: one object, or an array of them. Array members that are no objects are left out.

    Raises:
        BadMessage: not JSON, or neither an object nor an array.
    """
    value = members.read_json(body)
    match value:
        case dict():
            return [read_notice(value)]
        case list():
            return [read_notice(one) for one in value if isinstance(one, dict)]
        case _:
            raise BadMessage("expected an object or an array of objects", field="body")


def read_notice(given: Object) -> Notice:
    """Read one object; never raises: what it does not say as it should is missing."""
    written = members.text(given, "type") or ""
    return Notice(
        kind=KINDS.get(written.lower(), Kind.OTHER),
        type=written,
        unique_call_id=members.call_id(given),
        caller_id=members.number(given, *CALLER_ID),
        caller_name=members.label(given, *CALLER_NAME),
        user_name=members.label(given, *USER_NAME),
        user_number=members.number(given, *USER_NUMBER),
        dest_number=members.number(given, *DEST_NUMBER),
        call_start_at=members.moment(given, *CALL_START_AT),
        connected_at=members.moment(given, "connected_at"),
        call_duration=members.seconds(given, "call_duration"),
        conversation_duration=members.seconds(given, "conversation_duration"),
        queue_name=members.label(given, "queue_name"),
        ring_group_name=members.label(given, "ring_group_name"),
        status=members.text(given, "status"),
        recorded_at=members.moment(given, "recorded_at"),
        emails=members.text(given, "emails"),
        email_subject=members.text(given, "email_subject"),
        email_message=members.text(given, "email_message", longest=members.LONGEST_KEPT),
        audio_file=_links(given.get("audio_file")),
        call_recording_link=members.text(given, "call_recording_link", longest=LONGEST_LINK),
        as_sent=members.kept(given),
    )


def _links(value: Json) -> tuple[str, ...]:
    """Read `audio_file`: an array of texts; a single text is one of them."""
    listed = value if isinstance(value, list) else [value]
    links = (members.text({"": one}, "", longest=LONGEST_LINK) for one in listed[:20])
    return tuple(link for link in links if link is not None)


_PARTIES = ("type", "unique_call_id", "caller_id")
_USER = (*_PARTIES, "caller_name", "user_name", "user_number", "dest_number", "call_start_at")
_LENGTHS = ("call_duration", "conversation_duration")
_GROUPS = ("queue_name", "ring_group_name")
_MAIL = ("recorded_at", "emails", "email_subject", "email_message")

# What each event carries, in the order of the samples.
CARRIES: Mapping[Kind, tuple[str, ...]] = {
    Kind.USER_INBOUND: (*_USER, *_GROUPS),
    Kind.USER_INBOUND_ANSWERED: (*_USER, "connected_at", *_GROUPS),
    Kind.USER_INBOUND_COMPLETED: (*_USER, "connected_at", *_LENGTHS, *_GROUPS),
    Kind.USER_OUTBOUND: _USER,
    Kind.USER_OUTBOUND_ANSWERED: (*_USER, "connected_at"),
    Kind.USER_OUTBOUND_COMPLETED: (*_USER, "connected_at", *_LENGTHS),
    Kind.QUEUE_CALL: (*_USER, "connected_at", *_LENGTHS, "queue_name", "status"),
    Kind.RING_GROUP_CALL: (*_USER, "connected_at", *_LENGTHS, "ring_group_name", "status"),
    Kind.VOICEMAIL: (*_PARTIES, "dest_number", *_MAIL, "audio_file"),
    Kind.RECORDING_INBOUND: (*_PARTIES, "dest_number", *_MAIL, "call_recording_link"),
    Kind.RECORDING_OUTBOUND: (
        *_PARTIES,
        "user_name",
        "user_number",
        "dest_number",
        *_MAIL,
        "call_recording_link",
    ),
}
MOMENTS = frozenset({"call_start_at", "connected_at", "recorded_at"})


def write_notice(notice: Notice) -> bytes:
    """Write an event so that the known receivers take it.

    Missing dates are null, missing lengths 0, all other missing members "": a .NET receiver fails on
    null in them. `unique_call_id` is written as it is: give `core.numeric_id`, which that receiver
    stores as a number.
    """
    return msgspec.json.encode({name: _member(notice, name) for name in CARRIES[notice.kind]})


def _member(notice: Notice, name: str) -> Json:
    if name == "type":
        return notice.kind.value
    value = getattr(notice, name)
    if name in MOMENTS:
        return members.written(value)
    if name in _LENGTHS:
        return value or 0
    if name == "audio_file":
        return list(value)
    return value or ""
