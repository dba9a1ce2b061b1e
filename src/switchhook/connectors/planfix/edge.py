"""What both sides share at the door: who may come in, and how the vendor says no."""

import math
from collections.abc import Awaitable, Callable, Mapping

import structlog

from switchhook.connectors.planfix import wire
from switchhook.core.connector import Hub, Link
from switchhook.core.edge import Reply, Request
from switchhook.core.errors import (
    BadMessage,
    HubError,
    Misconfigured,
    NotFound,
    PeerDown,
    Refused,
    StoreDown,
    TooLarge,
    TooMany,
    Unsupported,
)

log = structlog.get_logger(__name__)

Command = Callable[[Mapping[str, str], Link, Hub], Awaitable[Reply]]

INVALID_PARAMETERS = "Invalid parameters"
INVALID_TOKEN = "Invalid token"

# The vendor documents 400 and 401 only. The first class that fits speaks, so narrow ones come first.
ANSWERS: tuple[tuple[type[Exception], int, str], ...] = (
    (TooLarge, 413, INVALID_PARAMETERS),
    (BadMessage, 400, INVALID_PARAMETERS),
    (Refused, 401, INVALID_TOKEN),
    (NotFound, 404, INVALID_PARAMETERS),
    (TooMany, 429, "Too many requests"),
    (Unsupported, 400, INVALID_PARAMETERS),
    (StoreDown, 503, "Temporarily unavailable"),
    (PeerDown, 503, "Temporarily unavailable"),
    (Misconfigured, 503, "Temporarily unavailable"),
)


def sorry(error: Exception) -> Reply:
    """Turn our errors into the vendor's words; nothing of the error's own text goes out."""
    for kind, status, text in ANSWERS:
        if isinstance(error, kind):
            return Reply(status=status, body=wire.render_error(text), headers=_retry_after(error))
    return Reply(status=500, body=wire.render_error("Internal error"))


async def serve_commands(
    request: Request,
    link: Link,
    hub: Hub,
    *,
    path: str,
    fields: tuple[str, ...],
    key_name: str,
    commands: Mapping[str, Command],
) -> Reply:
    """Answer a request to `path`: the key first (from one of `fields`), then the command, then its fields."""
    refused = turn_away(request, path)
    if refused is not None:
        return refused
    command = None
    try:
        form = read_trusted(request, fields, link, key_name)
        command = form.get("cmd", "")
        if command not in commands:
            raise BadMessage(f"expected one of {', '.join(commands)}", field="cmd")
        return await commands[command](form, link, hub)
    except (BadMessage, Refused) as error:
        return told_off(error, command)


def turn_away(request: Request, path: str) -> Reply | None:
    """Answer what is not addressed to `path` by POST.

    All commands are POST (VoIP API, list of commands); a makeCall by GET would let a mere link
    start a call.
    """
    if request.path.rstrip("/") != path:
        return sorry(NotFound("no such path"))
    if request.method != "POST":
        return Reply(status=405, body=wire.render_error(INVALID_PARAMETERS), headers={"Allow": "POST"})
    return None


def read_trusted(request: Request, fields: tuple[str, ...], link: Link, key_name: str) -> dict[str, str]:
    """Read the body of somebody who holds the key. The key is judged before anything else.

    It is taken from the body only: queries end up in access logs.

    Raises:
        Refused: no key or a wrong one.
        BadMessage: the body cannot be read, or holds what no field may hold.
    """
    form = wire.read_form(request.body, request.headers.get("content-type", ""))
    check_key(key_in(form, fields), link, key_name)
    wire.refuse_unclean(form)
    return form


def key_in(form: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    """Give the key from the first of these fields that is there."""
    for name in names:
        if name in form:
            return form[name]
    return None


def check_key(presented: str | None, link: Link, key_name: str) -> None:
    """Compare in constant time.

    Raises:
        Refused: missing or wrong.
    """
    if not link.accepts(key_name, presented):
        raise Refused("the key is missing or wrong", is_missing=not presented)


def told_off(error: HubError, command: str | None) -> Reply:
    """Refuse, and let the log say why: the vendor's words do not."""
    field = error.field if isinstance(error, BadMessage) else None
    log.info("planfix: message refused", command=(command or "")[:40], field=field, reason=error.reason)
    return sorry(error)


def _retry_after(error: Exception) -> dict[str, str]:
    seconds = error.retry_after_seconds if isinstance(error, TooMany) else None
    return {"Retry-After": str(math.ceil(seconds))} if seconds else {}
