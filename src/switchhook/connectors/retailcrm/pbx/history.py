"""A finished call as one row of the upload."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from switchhook.connectors.retailcrm.pbx.roster import Roster
from switchhook.connectors.retailcrm.wire.event import TYPES
from switchhook.connectors.retailcrm.wire.json_text import Json
from switchhook.connectors.retailcrm.wire.upload import RESULT_NAMES, write_call
from switchhook.core.call import Call, Disposition
from switchhook.core.connector import Link
from switchhook.core.directory import Employee
from switchhook.core.number import Number, read_number, same_caller


def row_of(call: Call, link: Link, roster: Roster, zone: ZoneInfo, *, phone: str) -> dict[str, Json]:
    """Give the row. Sent once and never changed by the account, so the call has to be final."""
    disposition = call.disposition or Disposition.UNKNOWN
    has_talked = disposition is Disposition.ANSWERED
    extension = call.extension or None
    # A user that only we could match has no code in the account: their id is what it knows.
    by_id = extension is not None and not roster.has_code(extension) and roster.user_of(extension) is not None
    return write_call(
        date=call.started_at,
        zone=zone,
        type=TYPES[call.direction],
        phone=phone,
        result=RESULT_NAMES[disposition],
        external_id=call.shared_id,
        code=None if by_id else extension,
        user_id=roster.user_of(extension) if by_id and extension is not None else None,
        duration=(call.talk_seconds or 0) if has_talked else 0,
        duration_waiting=call.ring_seconds,
        record_url=record_url(call, link),
        external_phone=call.did,
        site=call.site or link.settings.get("site") or None,
        custom=call.custom,
    )


def record_url(call: Call, link: Link) -> str | None:
    """Give our permanent link. It is good before the file is here, so a late recording is heard too."""
    has_talked = call.disposition is Disposition.ANSWERED
    return link.recording_url(call) if call.recordings or (call.is_recorded and has_talked) else None


def phone_for(call: Call, link: Link) -> str | None:
    """Give the number in E.164 with its plus, or as it came; None for a withheld one."""
    return sendable(call.number, link)


def sendable(raw: str, link: Link) -> str | None:
    number = read_number(raw, region_of(link))
    return None if number.is_withheld else number.e164 or raw.strip() or None


def region_of(link: Link) -> str:
    return link.settings.get("region") or "RU"


def own_number(call: Call, employees: Sequence[Employee], link: Link) -> Employee | None:
    """Find the employee whose own outside number this is."""
    region = region_of(link)
    number: Number = read_number(call.number, region)
    if number.is_withheld:
        return None
    return next(
        (
            each
            for each in employees
            if any(same_caller(number, read_number(own, region)) for own in each.numbers)
        ),
        None,
    )
