"""The frame of every answer of the API: `status`, `code`, `message`, `data`. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from switchhook.connectors.voipcloud.wire import members
from switchhook.connectors.voipcloud.wire.members import Json
from switchhook.core.errors import BadMessage

SUCCESS = "success"
NOT_AUTHORISED = "Not authorised"
TOO_MANY_REQUESTS = "Too many requests"

# A known client reads these words in any error as a missing licence.
LICENCE_WORDS = ("licence", "license", "subscription")


class Envelope(Struct, frozen=True, kw_only=True):
    """An answer as read. `code` is None where it said none."""

    is_success: bool
    code: int | None
    message: str
    data: Json


def read_envelope(body: bytes) -> Envelope:
    """Read an answer; `message` may be a text, an object with a `status`, or not there.

    Raises:
        BadMessage: not a JSON object.
    """
    given = members.read_json(body)
    if not isinstance(given, dict):
        raise BadMessage("expected an object", field="body")
    status = (members.text(given, "status") or SUCCESS).lower()
    code = members.seconds(given, "code")
    message = given.get("message")
    said = members.text(message, "message", "status") if isinstance(message, dict) else None
    return Envelope(
        is_success=status == SUCCESS and (code is None or 200 <= code < 300),
        code=code,
        message=said or members.text(given, "message") or "",
        data=given.get("data"),
    )


def write_success(data: Sequence[Mapping[str, Any]] | Mapping[str, Any]) -> bytes:
    """Write an answer: a list of rows for the GETs, an object for the POST.

    `message` is a text and `code` the number 200: one known client fails on anything else.
    """
    return msgspec.json.encode({"status": SUCCESS, "code": 200, "message": SUCCESS, "data": data})


def speaks_of_licence(body: bytes) -> bool:
    """Tell whether an error means that the account may not use the API."""
    said = body[:4000].decode("utf-8", "replace").lower()
    return any(word in said for word in LICENCE_WORDS)
