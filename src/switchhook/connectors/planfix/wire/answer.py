"""Bodies of answers: the vendor's error object, and JSON as peers really write it."""

import re

import msgspec

from switchhook.core.errors import BadMessage
from switchhook.core.text import clean_name

BOM = b"\xef\xbb\xbf"
# The pattern below may look at a text many times over; real answers are far shorter than this.
LONGEST_LOOSE_BYTES = 2048
NAME_OR_TEXT = re.compile(
    rb'"(?:\\.|[^"\\])*"|(?P<before>[{,]\s*)(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<after>\s*:)'
)
LONGEST_ERROR = 200

_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])


def render_error(text: str) -> bytes:
    """Write the vendor's error object, as strict JSON."""
    return msgspec.json.encode({"error": text})


def read_object(body: bytes) -> dict[str, msgspec.Raw]:
    """Read a JSON object; nothing at all is an empty one.

    The vendor's own pages write names without quotes and some servers send just that, so a body
    that is not JSON is tried once more with its names quoted.

    Raises:
        BadMessage: not an object, however read.
    """
    body = body.removeprefix(BOM).strip()
    if not body:
        return {}
    try:
        return _OBJECT.decode(body)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        pass
    try:
        return _OBJECT.decode(_with_names_quoted(body[:LONGEST_LOOSE_BYTES]))
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise BadMessage("expected a JSON object") from error


def text_in(answer: dict[str, msgspec.Raw], name: str) -> str | None:
    """Give a text or a whole number as a text; None when it is neither, missing or empty."""
    raw = answer.get(name)
    if raw is None:
        return None
    try:
        return str(msgspec.json.decode(raw, type=str | int)) or None
    except (msgspec.MsgspecError, ValueError):
        return None


def error_text(body: bytes) -> str:
    """Give what an answer says to a person: its `error`, else the text itself, cleaned and cut."""
    try:
        said = text_in(read_object(body), "error")
    except BadMessage:
        said = None
    return clean_name(said or body.decode("utf-8", "replace"), longest=LONGEST_ERROR)


def _with_names_quoted(body: bytes) -> bytes:
    return NAME_OR_TEXT.sub(
        lambda m: m[0] if m["name"] is None else m["before"] + b'"' + m["name"] + b'"' + m["after"], body
    )
