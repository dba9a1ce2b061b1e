"""The hub plays a PBX towards a retailCRM account: registers, sends calls, starts the calls it asks for."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from switchhook.connectors.retailcrm.pbx import callbacks
from switchhook.connectors.retailcrm.pbx.batches import Batches
from switchhook.connectors.retailcrm.pbx.delivery import deliver as deliver_with
from switchhook.connectors.retailcrm.pbx.logo import logo
from switchhook.connectors.retailcrm.pbx.page import account_page
from switchhook.connectors.retailcrm.wire.answers import (
    ACCESS_DENIED,
    METHOD_NOT_ALLOWED,
    NO_METHOD,
    failure,
)
from switchhook.connectors.retailcrm.wire.parameters import Parameters, parameters
from switchhook.core.connector import Hub, Link
from switchhook.core.edge import Reply, Request
from switchhook.core.errors import (
    BadMessage,
    HubError,
    Misconfigured,
    NotFound,
    Refused,
    StoreDown,
    TooMany,
    Unsupported,
)

Duty = Callable[[Parameters, Link, Hub], Awaitable[Reply]]

MAKE_CALL = "/make-call"
CHANGE_USER_STATUS = "/change-user-status"
ACCOUNT = "/account"
ACTIVITY = "/activity"
LOGO = "/logo.svg"

# Documented as GETs; a POST with the same parameters means the same.
DUTIES: Mapping[str, tuple[frozenset[str], Duty]] = {
    MAKE_CALL: (frozenset({"GET", "POST"}), callbacks.make_call),
    CHANGE_USER_STATUS: (frozenset({"GET", "POST"}), callbacks.change_user_status),
    ACTIVITY: (frozenset({"POST"}), callbacks.activity),
}
# Any status but 200 tells the user that the call was not started; never one that means success.
STATUSES: tuple[tuple[type[HubError], int], ...] = (
    (Refused, 403),
    (BadMessage, 400),
    (NotFound, 404),
    (TooMany, 429),
    (Unsupported, 409),
    (Misconfigured, 409),
    (StoreDown, 503),
)
PEER_IS_DOWN = 424


async def serve(request: Request, link: Link, hub: Hub) -> Reply:
    """Answer one request of the account."""
    path = request.path.rstrip("/")
    if path == LOGO and request.method == "GET":
        return logo()
    try:
        given = parameters(request)
        check_client_id(given, link)
        if path == ACCOUNT and request.method in ("GET", "POST"):
            return account_page(request, link)
        methods, duty = DUTIES.get(path, (frozenset(), None))
        if duty is None:
            return failure(404, NO_METHOD)
        if request.method not in methods:
            return failure(405, METHOD_NOT_ALLOWED, headers={"Allow": ", ".join(sorted(methods))})
        return await duty(given, link, hub)
    except HubError as error:
        status = next((status for kind, status in STATUSES if isinstance(error, kind)), PEER_IS_DOWN)
        return failure(status, ACCESS_DENIED if status == 403 else error.reason)


def check_client_id(given: Parameters, link: Link) -> None:
    """Compare the only credential of this direction in constant time.

    Raises:
        Refused: it is missing or another one.
    """
    presented = given.get("clientId")
    text = presented if isinstance(presented, str) else ""
    if not link.accepts("client_id", text):
        raise Refused("the clientId does not match", is_missing=not text)


deliver = partial(deliver_with, batches=Batches())
