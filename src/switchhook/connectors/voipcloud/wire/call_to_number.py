"""`POST call-to-number`: ring a user's phones, then the number; what is asked and what is answered. Pure."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from msgspec import Struct
from python_multipart import FormParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from switchhook.connectors.voipcloud.wire import members
from switchhook.connectors.voipcloud.wire.members import Object
from switchhook.core.errors import BadMessage, TooLarge

if TYPE_CHECKING:
    from python_multipart.multipart import Field

PATH = "call-to-number"
MAX_FIELDS = 50
LONGEST_USER = 200

JSON = "application/json"
MULTIPART = "multipart/form-data"
URLENCODED = "application/x-www-form-urlencoded"
# What the 415 of our server is about. A body without a type is judged by how it begins.
TAKEN = frozenset({"", JSON, MULTIPART, URLENCODED})

DIGITS = re.compile(r"[0-9]{1,32}")


class Click(Struct, frozen=True, kw_only=True):
    """Whom to ring and whom to call then, as sent."""

    number_to_call: str
    user_number: str | None = None
    user_name: str | None = None  # only when no number of the user was sent
    caller_id: str | None = None  # presented to the destination


class Taken(Struct, frozen=True, kw_only=True):
    """What the PBX answers once it has taken the click."""

    user_name: str = ""
    user_number: str = ""
    caller_id: str = ""
    dest_number: str = ""
    unique_call_id: str | None = None


def write_click(click: Click) -> dict[str, str]:
    """Give the members that the documents name, without those that are not known."""
    given = {
        "user_number": click.user_number,
        "number_to_call": click.number_to_call,
        "caller_id": click.caller_id,
    }
    return {name: value for name, value in given.items() if value}


def write_multipart(fields: Mapping[str, str], boundary: str) -> bytes:
    """Write fields as multipart/form-data; the boundary is the caller's, since chance is not pure.

    Raises:
        BadMessage: a value that holds the boundary or a control character; names its field.
    """
    parts: list[str] = []
    for name, value in fields.items():
        if boundary in value or members.CONTROL.search(value):
            raise BadMessage("expected a text that can be a field of a form", field=name)
        parts.append(f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n')
    return ("".join(parts) + f"--{boundary}--\r\n").encode()


def read_click(body: bytes, content_type: str) -> Click:
    """Read a click from JSON, multipart or a form, with equal names in all of them.

    `user` and `user_name` stand in for a missing `user_number`: digits are an extension, all else a name.

    Raises:
        BadMessage: the body cannot be read, or misses the user or the number; names the field.
        TooLarge: too many fields.
    """
    given = _read_body(body, content_type)
    number = members.number(given, "number_to_call")
    if number is None:
        raise BadMessage("expected number_to_call", field="number_to_call")
    user_number = members.text(given, "user_number", longest=LONGEST_USER)
    if user_number is not None and not DIGITS.fullmatch(user_number):
        raise BadMessage("expected user_number as 1 to 32 digits", field="user_number")
    names = [members.text(given, name, longest=LONGEST_USER) for name in ("user", "user_name")]
    fallback = next((name for name in names if name is not None), None)
    if user_number is None and fallback is None:
        raise BadMessage("expected user_number", field="user_number")
    if user_number is None and fallback is not None and DIGITS.fullmatch(fallback):
        user_number = fallback
    return Click(
        number_to_call=number,
        user_number=user_number,
        user_name=fallback if user_number is None else None,
        caller_id=members.number(given, "caller_id"),
    )


def write_taken(taken: Taken) -> dict[str, Any]:
    """Give the `data` of the answer; the call's id under both names that clients look for."""
    return {
        "user_name": taken.user_name,
        "user_number": taken.user_number,
        "caller_id": taken.caller_id,
        "dest_number": taken.dest_number,
        "unique_call_id": taken.unique_call_id,
        "call_id": taken.unique_call_id,
    }


def read_taken(data: members.Json) -> Taken:
    """Read the `data` of an answer: an object, or an array of one; never raises."""
    given = data[0] if isinstance(data, list) and data else data
    if not isinstance(given, dict):
        return Taken()
    return Taken(
        user_name=members.label(given, "user_name") or "",
        user_number=members.number(given, "user_number") or "",
        caller_id=members.number(given, "caller_id") or "",
        dest_number=members.number(given, "dest_number") or "",
        unique_call_id=members.call_id(given) or members.call_id(given, "call_id"),
    )


def _read_body(body: bytes, content_type: str) -> Object:
    kind = content_type.partition(";")[0].strip().lower()
    if kind == MULTIPART:
        return _read_multipart(body, content_type)
    if kind == JSON or body.lstrip()[:1] == b"{":
        value = members.read_json(body)
        if not isinstance(value, dict):
            raise BadMessage("expected a JSON object", field="body")
        return value
    return _read_urlencoded(body)


def _read_urlencoded(body: bytes) -> Object:
    pairs = [part.partition(b"=") for part in body.strip().split(b"&") if part]
    if len(pairs) > MAX_FIELDS:
        raise TooLarge(f"expected at most {MAX_FIELDS} fields", field="body")
    return {_decoded(name): _form_value(_decoded(name), value) for name, _, value in pairs}


def _form_value(name: str, value: bytes) -> str:
    # Clients forget to escape the plus of a number: it arrives as a space.
    if name in ("number_to_call", "caller_id") and re.match(rb"[+ ][0-9]", value):
        return "+" + _decoded(value[1:])
    return _decoded(value)


def _decoded(raw: bytes) -> str:
    return unquote_to_bytes(raw.replace(b"+", b" ")).decode("utf-8", "replace")


def _read_multipart(body: bytes, content_type: str) -> Object:
    fields: dict[str, members.Json] = {}

    def keep(field: "Field") -> None:
        if len(fields) >= MAX_FIELDS:
            raise TooLarge(f"expected at most {MAX_FIELDS} fields", field="body")
        name, value = field.field_name or b"", field.value or b""
        fields[name.decode("utf-8", "replace")] = value.decode("utf-8", "replace")

    try:
        boundary = parse_options_header(content_type)[1].get(b"boundary")
        # Files are no part of this request: they are read over.
        parser = FormParser("multipart/form-data", keep, lambda file: None, boundary=boundary)
        parser.write(body)
        parser.finalize()
    except (FormParserError, ValueError) as error:
        raise BadMessage("expected multipart/form-data that can be taken apart", field="body") from error
    return fields
