"""`telephony/call/event`: what happens to a call while it happens.

There is no "answered" in this protocol, and a hang-up says neither the direction nor, in a ring
group, who talked. Spelling trap: it is `no answered` here and `no answer` in uploads.
"""

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct, field

from switchhook.connectors.retailcrm.wire.answers import NOT_A_CHOICE, Missing
from switchhook.connectors.retailcrm.wire.campaign import read_analytics, write_analytics
from switchhook.connectors.retailcrm.wire.fields import (
    Object,
    choice_of,
    codes_of,
    integers_of,
    phone_of,
    required_of,
    text_of,
)
from switchhook.connectors.retailcrm.wire.json_text import Json, present, write_json
from switchhook.core.call import Call, CallEvent, Direction, Disposition, Happening
from switchhook.core.errors import BadMessage
from switchhook.core.number import read_number

DIRECTIONS = {"in": Direction.INBOUND, "out": Direction.OUTBOUND}
TYPES = {Direction.INBOUND: "in", Direction.OUTBOUND: "out"}
HANGUP = "hangup"
# `no answered` depends on who called: see `unanswered`.
STATUSES: Mapping[str, Disposition | None] = {
    "answered": Disposition.ANSWERED,
    "busy": Disposition.BUSY,
    "cancel": Disposition.ABANDONED,
    "failed": Disposition.FAILED,
    "no answered": None,
}
# A disposition that is missing here is sent without a status.
HANGUP_STATUSES = {
    Disposition.ANSWERED: "answered",
    Disposition.MISSED: "no answered",
    Disposition.NO_ANSWER: "no answered",
    Disposition.ABANDONED: "cancel",
    Disposition.BUSY: "busy",
    Disposition.FAILED: "failed",
    Disposition.UNREACHABLE: "failed",
    Disposition.FORBIDDEN: "failed",
}
# An upload may follow: at once from most PBXs, every ten minutes from those that collect.
REPORT_WITHIN_SECONDS = 900
MAX_CODES = 100
LONGEST_AS_SENT = 500


class EventMessage(Struct, frozen=True, kw_only=True):
    """One event as sent; nothing is decided yet."""

    type: str  # in, out, hangup
    phone: str
    codes: tuple[str, ...] = ()
    user_ids: tuple[int, ...] = ()
    hangup_status: str | None = None
    external_phone: str | None = None
    external_id: str = ""
    site: str | None = None
    custom: dict[str, str] = field(default_factory=dict)
    as_sent: dict[str, str] = field(default_factory=dict)


def read_event(given: Object, *, our_phones: Sequence[str] = (), site: str | None = None) -> EventMessage:
    """Read the object inside the `event` parameter; `site` is the one beside it.

    An empty phone is a caller who withheld it, good enough while an id names the call.

    Raises:
        Missing: `phone` or `type`.
        BadMessage: a value that its field cannot have.
    """
    kind = required_of(given, "type", within="event")
    if kind != HANGUP and kind not in DIRECTIONS:
        raise BadMessage(NOT_A_CHOICE, field="type")
    phone, external_phone = phone_of(given, "phone"), phone_of(given, "externalPhone")
    external_id = text_of(given, "callExternalId") or ""
    if external_id and is_phone_in_place_of_id(external_id, external_phone, our_phones):
        external_phone, external_id = external_phone or external_id, ""
    if given.get("phone") is None or not (phone or external_id):
        raise Missing("phone", within="event")
    codes = codes_of(given, "codes")
    if len(codes) > MAX_CODES:
        raise BadMessage(f"expected at most {MAX_CODES} codes", field="codes")
    return EventMessage(
        type=kind,
        phone=phone or "",
        codes=codes or codes_of(given, "code"),  # v3 has one flat `code`
        user_ids=integers_of(given, "userIds")[:MAX_CODES],
        hangup_status=choice_of(given, "hangupStatus", frozenset(STATUSES)),
        external_phone=external_phone,
        external_id=external_id,
        site=text_of(given, "site") or site,
        custom=read_analytics(given),
        as_sent=as_sent(given),
    )


def is_phone_in_place_of_id(text: str, external_phone: str | None, our_phones: Sequence[str]) -> bool:
    """Tell the fault of older PHP clients: they put our external number where the call's id belongs.

    Taken as an id it would join all calls of that line into one.
    """
    if text == external_phone:
        return True
    number = read_number(text)
    if number.e164 is None:
        return False
    ours = {read_number(phone).e164 for phone in (*our_phones, external_phone or "")}
    return text.startswith("+") or number.e164 in ours


def to_news(
    event: EventMessage, *, extension_of: Callable[[int], str | None], call: Call | None = None
) -> list[CallEvent]:
    """Give the news of one event; `call` is what is known of it so far, if anything."""
    named = [extension for user in event.user_ids if (extension := extension_of(user)) is not None]
    extensions = tuple(dict.fromkeys((*event.codes, *named)))
    if event.type != HANGUP:
        direction = DIRECTIONS[event.type]
        return [_news(event, Happening.RINGING, each, direction) for each in extensions or ("",)]
    return [
        _news(event, Happening.ENDED, extension, Direction.UNKNOWN, disposition)
        for extension, disposition in _ends(event, extensions, call)
    ]


def unanswered(direction: Direction) -> Disposition:
    return Disposition.MISSED if direction is Direction.INBOUND else Disposition.NO_ANSWER


def _ends(
    event: EventMessage, extensions: tuple[str, ...], call: Call | None
) -> list[tuple[str | None, Disposition]]:
    """Say whose part ended and how; extension None is the whole call."""
    whole: tuple[str | None, ...] = extensions or (None,)
    match event.hangup_status:
        case "answered":
            # Several codes: one of them talked, and nothing here says which.
            return [(extensions[0] if len(extensions) == 1 else None, Disposition.ANSWERED)]
        case None:
            if extensions and _goes_on_without(extensions, call):
                return [(extension, Disposition.CANCELLED) for extension in extensions]
            return [(None, Disposition.UNKNOWN)]
        case status:
            known = call.direction if call is not None else Direction.UNKNOWN
            disposition = STATUSES[status] or unanswered(known)
            return [(extension, disposition) for extension in whole]


def _goes_on_without(extensions: tuple[str, ...], call: Call | None) -> bool:
    """Without a status a hang-up closes cards; it ends the call only if nobody else is left in it."""
    return call is not None and any(leg.is_open and leg.extension not in extensions for leg in call.legs)


def _news(
    event: EventMessage,
    happening: Happening,
    extension: str | None,
    direction: Direction,
    disposition: Disposition | None = None,
) -> CallEvent:
    has_ended = happening is Happening.ENDED
    return CallEvent(
        call_id=event.external_id,
        happening=happening,
        direction=direction,
        number=event.phone,
        extension=extension,
        did=event.external_phone,
        site=event.site,
        disposition=disposition,
        disposition_as_sent=event.hangup_status if has_ended else None,
        custom=event.custom,
        report_within_seconds=REPORT_WITHIN_SECONDS if has_ended else None,
        as_sent=event.as_sent,
    )


def as_sent(given: Object) -> dict[str, str]:
    """Keep the members as they came, for people to look at; long ones are cut."""
    return {
        name[:40]: (value if isinstance(value, str) else write_json(value))[:LONGEST_AS_SENT]
        for name, value in list(given.items())[:30]
        if value is not None
    }


def write_event(
    *,
    type: str,
    phone: str,
    codes: Sequence[str],
    external_id: str,
    hangup_status: str | None = None,
    external_phone: str | None = None,
    site: str | None = None,
    custom: Mapping[str, str] | None = None,
) -> dict[str, Json]:
    """Give the object for the `event` parameter. Codes are sent with all three types."""
    members: dict[str, Json] = {
        "phone": phone,
        "type": type,
        "codes": list(codes),
        "hangupStatus": hangup_status,
        "externalPhone": external_phone,
        "callExternalId": external_id,
        "site": site,
    }
    return present(members) | write_analytics(custom or {})
