"""How the API answers, and our errors in its words."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from switchhook.connectors.voipcloud.wire.envelope import (
    NOT_AUTHORISED,
    TOO_MANY_REQUESTS,
    speaks_of_licence,
    write_success,
)
from switchhook.core.edge import Reply
from switchhook.core.errors import BadMessage, HubError, NotFound, Refused, TooLarge, TooMany

INVALID = "Invalid request"
NO_METHOD = "No such method"
METHOD_NOT_ALLOWED = "Method not allowed"
TOO_LARGE = "Request too large"
UNAVAILABLE = "Temporarily unavailable"
INTERNAL = "Internal error"

CONTENT_TYPE = "application/json; charset=utf-8"
LONGEST_TEXT = 200
# What failed has data too, empty of the kind that the method gives: typed clients read it.
NO_ROWS: object = ()
NOTHING: object = {}


def success(data: Mapping[str, Any]) -> Reply:
    """Answer with an object."""
    return Reply(body=write_success(data), content_type=CONTENT_TYPE)


def success_rows(rows: Iterable[bytes], headers: Mapping[str, str]) -> Reply:
    """Answer with a list of rows that are JSON already: the same frame, made without a copy of each row."""
    empty = write_success([])
    head, tail = empty[: empty.rindex(b"]")], empty[empty.rindex(b"]") :]
    body = head + b",".join(rows) + tail
    return Reply(body=body, content_type=CONTENT_TYPE, headers=headers)


def failure(
    status: int, text: str, *, data: object = NO_ROWS, headers: Mapping[str, str] | None = None
) -> Reply:
    body = {"status": "error", "code": status, "message": text, "data": data}
    return Reply(status=status, body=msgspec.json.encode(body), headers=headers or {})


def failure_of(error: Exception, *, data: object = NO_ROWS) -> Reply:
    """Turn an error of ours into this family's words; the one place where that happens.

    A refusal never tells whether the key or the address was wrong.
    """
    match error:
        case Refused():
            return failure(401, NOT_AUTHORISED)
        case TooLarge():
            return failure(413, TOO_LARGE, data=data)
        case BadMessage():
            return failure(400, _what_is_wrong(error), data=data)
        case NotFound():
            return failure(404, NO_METHOD, data=data)
        case TooMany():
            return failure(429, TOO_MANY_REQUESTS, data=data, headers=_retry_after(error))
        case HubError():
            # The store or a PBX is away, or something of ours is set up wrong: try later.
            return failure(503, UNAVAILABLE, data=data)
        case _:
            return failure(500, INTERNAL, data=data)


def sorry(error: Exception) -> Reply:
    """Answer where nobody else can: as `failure_of`, with a list as every history has."""
    return failure_of(error)


def _what_is_wrong(error: BadMessage) -> str:
    """Say which field; clients look for words of a missing licence in errors, so none may come back."""
    named = f"{error.field}: " if error.field and error.field not in error.reason else ""
    text = f"{named}{error.reason}"[:LONGEST_TEXT]
    return INVALID if speaks_of_licence(text.encode()) else text


def _retry_after(error: TooMany) -> dict[str, str]:
    """Whole seconds: clients read nothing else."""
    return {"Retry-After": str(max(1, math.ceil(error.retry_after_seconds or 1)))}
