"""What an account asks of the PBX: start a call, note a user's status, a module switched off.

Nothing is signed: `clientId` is the only credential.
"""

from collections.abc import Mapping
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from msgspec import Struct

from switchhook.connectors.retailcrm.wire.answers import Missing
from switchhook.connectors.retailcrm.wire.fields import (
    LONGEST_CODE,
    as_object,
    boolean_of,
    integer_of,
    phone_of,
    text_of,
)
from switchhook.connectors.retailcrm.wire.parameters import Parameters, nested
from switchhook.connectors.retailcrm.wire.people import STATUS_NAMES, read_status
from switchhook.core.directory import Availability


class CallRequest(Struct, frozen=True, kw_only=True):
    """makeCallUrl: ring the employee, then the number."""

    phone: str
    code: str | None = None
    user_id: int | None = None
    external_phone: str | None = None


class StatusNotice(Struct, frozen=True, kw_only=True):
    """changeUserStatusUrl: a user's new status."""

    availability: Availability
    code: str | None = None
    user_id: int | None = None


class Activity(Struct, frozen=True, kw_only=True):
    """A user switched the module on or off, or billing froze it."""

    is_active: bool
    is_frozen: bool


def read_call_request(given: Parameters) -> CallRequest:
    """Read the query of makeCallUrl; the page's own example carries a bare `+`, which reads as a space.

    Raises:
        Missing: no phone, or neither code nor user.
    """
    phone = phone_of(given, "phone")
    if phone is None:
        raise Missing("phone")
    code, user_id = _who(given)
    return CallRequest(
        phone=phone, code=code, user_id=user_id, external_phone=phone_of(given, "externalPhone")
    )


def read_status_notice(given: Parameters) -> StatusNotice:
    code, user_id = _who(given)
    return StatusNotice(availability=read_status(given), code=code, user_id=user_id)


def read_activity(given: Parameters) -> Activity:
    """Read `activity`, JSON inside a form field; a member left out has not changed anything bad.

    Raises:
        Missing: it is not there.
        BadMessage: no JSON object.
    """
    value = nested(given, "activity")
    if value is None:
        raise Missing("activity")
    activity = as_object(value, field="activity")
    return Activity(is_active=boolean_of(activity, "active", True), is_frozen=boolean_of(activity, "freeze"))


def write_call_request(
    *, client_id: str, code: str, phone: str, user_id: int | None, external_phone: str | None = None
) -> dict[str, str]:
    members = {
        "clientId": client_id,
        "code": code,
        "phone": phone,
        "userId": str(user_id) if user_id is not None else None,
        "externalPhone": external_phone,
    }
    return {name: value for name, value in members.items() if value is not None}


def write_status_notice(
    *, client_id: str, code: str, user_id: int | None, availability: Availability
) -> dict[str, str] | None:
    """Give the query of changeUserStatusUrl; None for a status that the protocol has no word for."""
    if availability not in STATUS_NAMES:
        return None
    members = {
        "clientId": client_id,
        "code": code,
        "userId": str(user_id) if user_id is not None else None,
        "status": STATUS_NAMES[availability],
    }
    return {name: value for name, value in members.items() if value is not None}


def with_query(url: str, query: Mapping[str, str]) -> str:
    """Add parameters to an address that may have some already; `+` is written %2B and blanks %20."""
    parts = urlsplit(url)
    added = urlencode(query, quote_via=quote)
    return urlunsplit(parts._replace(query=f"{parts.query}&{added}" if parts.query else added, fragment=""))


def _who(given: Parameters) -> tuple[str | None, int | None]:
    code, user_id = text_of(given, "code", longest=LONGEST_CODE), integer_of(given, "userId")
    if code is None and user_id is None:
        raise Missing("code")
    return code, user_id
