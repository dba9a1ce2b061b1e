"""`event`: one step of one extension's part in a call, to news and from changes.

Strict on what the vendor lists, lenient on what PBXes were seen to send: they never repeat a
message, so a refused COMPLETED is a lost call (docs/connectors/planfix.md, decisions 4 to 8).
"""

from collections.abc import Mapping
from typing import TypeVar

from msgspec.structs import replace

from switchhook.connectors.planfix.wire.form import (
    is_set,
    is_web_link,
    optional,
    required,
    without_keys,
)
from switchhook.core.call import Call, CallEvent, Change, ChangeKind, Direction, Disposition, Happening
from switchhook.core.errors import BadMessage, Unsupported

T = TypeVar("T")

HAPPENINGS = {
    "INCOMING": Happening.RINGING,
    "OUTGOING": Happening.RINGING,
    "ACCEPTED": Happening.ANSWERED,
    "COMPLETED": Happening.ENDED,
}
DIRECTIONS = {"in": Direction.INBOUND, "out": Direction.OUTBOUND}
DATA = "data_"

# What may be reported differs by direction; the rest degrades to the nearest true word.
STATUSES = {
    Direction.INBOUND: {
        Disposition.ANSWERED: "Success",
        Disposition.MISSED: "Missed",
        Disposition.CANCELLED: "Cancelled",
    },
    Direction.OUTBOUND: {
        Disposition.ANSWERED: "Success",
        Disposition.BUSY: "Busy",
        Disposition.NO_ANSWER: "NoAnswer",
        Disposition.UNREACHABLE: "NotAvailable",
        Disposition.FORBIDDEN: "NotAllowed",
    },
}
NEAREST_STATUS = {Direction.INBOUND: "Missed", Direction.OUTBOUND: "NoAnswer"}

# A status as written, letters only and in small ones, to its meaning on a call in and on a call out.
# Beside the vendor's words: misspellings that a connector really sends, words of the sister
# dialect, and each direction's words on calls of the other.
MEANINGS = {
    "success": (Disposition.ANSWERED, Disposition.ANSWERED),
    "missed": (Disposition.MISSED, Disposition.NO_ANSWER),
    "cancelled": (Disposition.CANCELLED, Disposition.NO_ANSWER),
    "canceled": (Disposition.CANCELLED, Disposition.NO_ANSWER),
    "cancel": (Disposition.CANCELLED, Disposition.NO_ANSWER),
    "busy": (Disposition.MISSED, Disposition.BUSY),
    "noanswer": (Disposition.MISSED, Disposition.NO_ANSWER),
    "notavailable": (Disposition.MISSED, Disposition.UNREACHABLE),
    "notavaliable": (Disposition.MISSED, Disposition.UNREACHABLE),
    "notfound": (Disposition.MISSED, Disposition.UNREACHABLE),
    "notallowed": (Disposition.MISSED, Disposition.FORBIDDEN),
}
NOT_SAID = (Disposition.UNKNOWN, Disposition.UNKNOWN)

# The length of anything else was seen to be the ring time. After a talk, a cancelled leg with a
# length was a talk all the same, and an unknown status tells nothing: those two are left to the fold.
LENGTH_IS_TALK = frozenset({Disposition.ANSWERED, Disposition.CANCELLED, Disposition.UNKNOWN})
LONGEST_DURATION_DIGITS = 6


def parse_event(form: Mapping[str, str]) -> CallEvent:
    """Read an `event`.

    Raises:
        BadMessage: `type`, `event`, `phone` or `callid` missing or outside its list; names it.
    """
    happening = _one_of(HAPPENINGS, form, "event")
    direction = _one_of(DIRECTIONS, form, "type")
    event = CallEvent(
        call_id=required(form, "callid"),
        happening=happening,
        direction=direction,
        number=required(form, "phone"),
        extension=optional(form, "ext") or "",
        did=optional(form, "diversion"),
        custom={
            name[len(DATA) :]: value
            for name, value in form.items()
            if name.startswith(DATA) and name != DATA and value
        },
        as_sent=without_keys(form),
    )
    return _with_end(event, form) if happening is Happening.ENDED else event


def _with_end(event: CallEvent, form: Mapping[str, str]) -> CallEvent:
    status = form.get("status", "").strip()
    disposition = meaning_of(status, event.direction)
    link = form.get("record_link", "").strip()
    return replace(
        event,
        disposition=disposition,
        disposition_as_sent=status if status and status not in STATUSES[event.direction].values() else None,
        talk_seconds=_seconds(form) if disposition in LENGTH_IS_TALK else None,
        is_recorded=is_set(form, "is_recorded") if form.get("is_recorded") else bool(link),
        # A link of another kind is not worth the call it came with.
        recording_url=link if link and is_web_link(link) else None,
    )


def meaning_of(status: str, direction: Direction) -> Disposition:
    """Read a status; UNKNOWN when it is absent or nothing that we know."""
    word = status.lower()
    if word not in MEANINGS:
        word = "".join(filter(str.isalpha, word))
    inbound, outbound = MEANINGS.get(word, NOT_SAID)
    return outbound if direction is Direction.OUTBOUND else inbound


def _seconds(form: Mapping[str, str]) -> int | None:
    text = form.get("duration", "").strip()
    is_number = text.isascii() and text.isdecimal() and len(text) <= LONGEST_DURATION_DIGITS
    return int(text) if is_number else None


def render_event(
    change: Change,
    call: Call,
    *,
    phone: str,
    extension: str,
    diversion: str | None = None,
    record_link: str | None = None,
) -> dict[str, str]:
    """Write the step of a leg, or a call's end for the extension that is to call back.

    `phone` and `diversion` are written as given: the caller knows the account's country.

    Raises:
        Unsupported: the change or the direction of the call has no words in this API.
    """
    direction = call.direction
    if direction not in STATUSES:
        raise Unsupported(f"Planfix knows calls in and out, not {direction.value} ones")
    is_inbound = direction is Direction.INBOUND
    names = {
        ChangeKind.LEG_RINGING: "INCOMING" if is_inbound else "OUTGOING",
        ChangeKind.LEG_ANSWERED: "ACCEPTED",
        ChangeKind.LEG_ENDED: "COMPLETED",
        ChangeKind.CALL_ENDED: "COMPLETED",
    }
    if change.kind not in names:
        raise Unsupported(f"Planfix has no words for {change.kind.value}")
    form = {
        "cmd": "event",
        "type": "in" if is_inbound else "out",
        "event": names[change.kind],
        "phone": phone,
    }
    if diversion:
        form["diversion"] = diversion
    form |= {"ext": extension, "callid": call.shared_id}
    return form | _end_of(change, call, record_link) if form["event"] == "COMPLETED" else form


def _end_of(change: Change, call: Call, record_link: str | None) -> dict[str, str]:
    disposition = change.disposition or Disposition.UNKNOWN
    is_answered = disposition is Disposition.ANSWERED
    promised = [recording for recording in call.recordings if not recording.is_lost]
    # PBXes say "recorded" of missed calls too; only a talk is worth waiting for an announced file.
    is_recorded = bool(promised) or (is_answered and call.is_recorded and not call.recordings)
    is_loser = disposition is Disposition.CANCELLED
    form = {
        "duration": str(change.talk_seconds or 0) if is_answered else "0",
        "is_recorded": "1" if is_recorded and not is_loser else "0",
        "status": status_of(disposition, call.direction),
    }
    if record_link:
        form["record_link"] = record_link
    if not is_loser:  # nothing is written for a loser's leg, so there is nothing to fill in
        form |= {DATA + name: value for name, value in call.custom.items() if name and value}
    return form


def status_of(disposition: Disposition, direction: Direction) -> str:
    """Give the vendor's word, or the nearest true one."""
    return STATUSES[direction].get(disposition, NEAREST_STATUS[direction])


def _one_of(table: Mapping[str, T], form: Mapping[str, str], name: str) -> T:
    found = table.get(form.get(name, ""))
    if found is None:
        word = required(form, name)
        raise BadMessage(f"expected one of {', '.join(table)}, got {word[:40]!r}", field=name)
    return found
