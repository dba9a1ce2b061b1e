"""retailCRM's answers: success with members, refusals with texts that clients compare letter by letter."""

from collections.abc import Mapping

from switchhook.connectors.retailcrm.wire.json_text import Json
from switchhook.core.edge import Reply, reply_json
from switchhook.core.errors import (
    BadMessage,
    HubError,
    NotFound,
    Refused,
    TooMany,
)

KEY_MISSING = '"apiKey" is missing.'
KEY_WRONG = 'Wrong "apiKey" value.'
ACCESS_DENIED = "Access denied."
NO_ACCOUNT = "Account does not exist."
BAD_ENTITY = "Errors in the entity format"
NOT_FOUND = "Not found"
NO_METHOD = "API method not found"
METHOD_NOT_ALLOWED = "Method Not Allowed"
NOT_ENABLED = "Telephony not enabled"
NO_UPLOADS = "Telephony not enabled or not supports calls upload"
RATE_LIMIT = "Rate limit exceeded"
WRONG_PREFIX = "Code prefix must match integrationCode"
# The wording below is ours: no source tells the original's.
NOT_A_CHOICE = "Selected value is not available"
INTERNAL = "Internal server error"
UNAVAILABLE = "Service is temporarily unavailable"


class Missing(BadMessage):
    """A parameter, or a field inside one, is not there; clients match this text with a pattern."""

    def __init__(self, name: str, *, within: str | None = None) -> None:
        place = f" in '{within}'" if within else ""
        super().__init__(f"Parameter '{name}'{place} is missing", field=name)


class NotEnabled(BadMessage):
    """No active telephony module is registered."""


class BadRows(BadMessage):
    """Rows of an upload that cannot be taken: index of the row to what is wrong with it."""

    def __init__(self, rows: Mapping[int, str]) -> None:
        super().__init__(BAD_ENTITY)
        self.rows = rows


def success(status: int = 200, /, **members: Json) -> Reply:
    return reply_json(status, {"success": True, **members})


def failure(
    status: int,
    text: str,
    errors: Mapping[str, str] | None = None,
    *,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Refuse. `errors` stay one level deep and texts: typed clients cannot read anything else."""
    body: dict[str, Json] = {"success": False, "errorMsg": text}
    if errors:
        body["errors"] = dict(errors)
    return reply_json(status, body, headers)


def refusal(error: Exception) -> Reply:
    """Turn an error of ours into retailCRM's words; the one place where that happens.

    Never 405 with HTML: clients take that for an account that does not exist.
    """
    match error:
        case Refused():
            return failure(403, KEY_MISSING if error.is_missing else KEY_WRONG)
        case Missing() | NotEnabled():
            return failure(400, error.reason)
        case BadRows():
            return failure(400, BAD_ENTITY, {str(index): text for index, text in error.rows.items()})
        case BadMessage():
            return failure(400, BAD_ENTITY, {error.field or "request": error.reason})
        case NotFound():
            return failure(404, NOT_FOUND)
        case TooMany():
            return failure(503, RATE_LIMIT, headers=_retry_after(error))
        case HubError():
            # The store is away, or something of ours is set up wrong: neither is the peer's business.
            return failure(503, UNAVAILABLE)
        case _:
            return failure(500, INTERNAL)


def sorry(error: Exception) -> Reply:
    """Answer where no connection was found, or something failed: as `refusal`, in an account's words."""
    return failure(404, NO_ACCOUNT) if isinstance(error, NotFound) else refusal(error)


def _retry_after(error: TooMany) -> dict[str, str]:
    return {"Retry-After": str(max(1, round(error.retry_after_seconds or 1)))}
