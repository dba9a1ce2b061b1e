"""Click to call: `POST call-to-number`."""

from switchhook.connectors.voipcloud.api.answers import NOTHING, failure, success
from switchhook.connectors.voipcloud.wire.call_to_number import TAKEN, Click, Taken, read_click, write_taken
from switchhook.core.api import ApiHub
from switchhook.core.directory import Employee
from switchhook.core.edge import Reply, Request
from switchhook.core.errors import (
    BadMessage,
    Misconfigured,
    NotFound,
    PeerDown,
    StoreDown,
    TooMany,
    Unsupported,
)
from switchhook.core.number import dialable, read_number
from switchhook.core.numeric_id import digits_of

BODY_TYPE = "Expected application/json, multipart/form-data or application/x-www-form-urlencoded"
SAME_CLICK = "The same call was asked for less than two seconds ago"
PBX_IS_DOWN = "The PBX takes no calls now"
LONGEST_KEY = 255


async def serve_order(request: Request, hub: ApiHub) -> Reply:
    """Hand the call to the PBX and name it: its webhooks and its history row carry the same id.

    Raises:
        BadMessage: a field is missing or wrong, or there is no such user; names the field.
        TooLarge: more fields than any client sends.
    """
    if request.content_type not in TAKEN:
        return failure(415, BODY_TYPE, data=NOTHING)
    click = read_click(request.body, request.headers.get("content-type", ""))
    number = _dialable(click.number_to_call, "number_to_call", hub.region)
    presented = _dialable(click.caller_id, "caller_id", hub.region) if click.caller_id else None
    key = _idempotency_key(request)
    try:
        extension, employee = await _user(click, hub)
        order_id = await hub.dial(extension, number, did=presented, idempotency_key=key)
    except NotFound:
        raise BadMessage("expected a user of this account", field="user_number") from None
    except TooMany:
        return failure(409, SAME_CLICK, data=NOTHING)
    except (PeerDown, Unsupported, Misconfigured, StoreDown):
        return failure(503, PBX_IS_DOWN, data=NOTHING)
    taken = Taken(
        user_name=employee.name if employee else extension,
        user_number=extension,
        caller_id=presented or "",
        dest_number=number,
        unique_call_id=digits_of(order_id),
    )
    return success(write_taken(taken))


async def _user(click: Click, hub: ApiHub) -> tuple[str, Employee | None]:
    """Find who is to be rung. Who is named has to be known, and to be the only one of that name.

    Where neither the address book nor a PBX knows of anybody, any extension may be somebody's.

    Raises:
        NotFound: nobody has the extension; nobody, or several, have the name.
    """
    staff = await hub.book.employees()
    if click.user_number:
        employee = next((one for one in staff if one.extension == click.user_number), None)
        named_by_pbx = hub.extensions()
        if employee is None and click.user_number not in named_by_pbx and (staff or named_by_pbx):
            raise NotFound("no such user")
        return click.user_number, employee
    wanted = (click.user_name or "").casefold()
    named = [one for one in staff if one.name.casefold() == wanted]
    if len(named) != 1:
        raise NotFound("no such user")
    return named[0].extension, named[0]


def _dialable(text: str, field: str, region: str) -> str:
    """Give E.164 with its plus, which some clients leave out; a short number stays as dialled.

    Raises:
        BadMessage: it holds what nobody can dial; the text does not repeat it.
    """
    try:
        number = dialable(text, field=field)
    except BadMessage:
        raise BadMessage("expected digits, with or without a plus", field=field) from None
    return read_number(number, region).e164 or number


def _idempotency_key(request: Request) -> str | None:
    """Raises: BadMessage: the header holds what no client makes."""
    key = request.headers.get("idempotency-key", "").strip()
    if len(key) > LONGEST_KEY or not (key.isascii() and key.isprintable()):
        raise BadMessage(f"expected up to {LONGEST_KEY} visible characters", field="Idempotency-Key")
    return key or None
