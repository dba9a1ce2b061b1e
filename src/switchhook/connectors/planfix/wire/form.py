"""Bodies of the API: from bytes to named texts, and the checks that every command shares."""

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import unquote

import msgspec
from python_multipart import FormParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from switchhook.core.errors import BadMessage, TooLarge

if TYPE_CHECKING:
    from python_multipart.multipart import Field

MAX_BODY_BYTES = 64 * 1024
MAX_FIELDS = 200

KEY_FIELDS = frozenset({"planfix_token", "token"})

# Longer than any of these is no identifier but an attempt at something.
LONGEST = {"callid": 200, "phone": 200, "ext": 64, "diversion": 200, "planfix_url": 2000, "record_link": 8000}
LONGEST_OTHERS = 1000

# Control characters and line separators, and the surrogates that stand for bytes outside UTF-8.
UNCLEAN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

_JSON_FIELDS = msgspec.json.Decoder(dict[str, str | int | float | bool | None])


def read_form(body: bytes, content_type: str = "") -> dict[str, str]:
    """Read the fields of a body; of repeated names the last wins.

    The API promises `application/x-www-form-urlencoded`. PHP's curl makes multipart of an array,
    some send no content type at all, others a flat JSON object: all are read. Bytes that are not
    UTF-8 stay in as surrogates, so that the key can be judged before the rest: `refuse_unclean`.

    Raises:
        TooLarge: over 64 KiB or 200 fields.
        BadMessage: no fields can be made out.
    """
    if len(body) > MAX_BODY_BYTES:
        raise TooLarge(f"expected at most {MAX_BODY_BYTES} bytes, got {len(body)}")
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        return _read_multipart(body, content_type)
    if kind == "application/json" or body.lstrip()[:1] == b"{":
        return _read_json(body)
    return _read_urlencoded(body)


def is_clean(text: str) -> bool:
    """Tell whether a text is free of what no field of this API holds, and may be encoded again."""
    return UNCLEAN.search(text) is None


def refuse_unclean(form: Mapping[str, str]) -> None:
    """Make sure that no name and no value could break a log line, a header or a manager interface.

    Raises:
        BadMessage: control characters or bytes outside UTF-8; names the field, never the value.
    """
    # All at once: whatever is printable is clean, and few are not.
    if "".join((*form, *form.values())).isprintable():
        return
    for name, value in form.items():
        if not is_clean(name):
            raise BadMessage("expected field names without control characters, in UTF-8")
        if not is_clean(value):
            raise BadMessage("expected a text without control characters, in UTF-8", field=name)


def required(form: Mapping[str, str], name: str) -> str:
    """Give a field that has to be there and not empty.

    Raises:
        BadMessage: missing, empty or too long; names the field.
    """
    value = optional(form, name)
    if value is None:
        raise BadMessage(f"expected a value for {name}, got none", field=name)
    return value


def optional(form: Mapping[str, str], name: str) -> str | None:
    """Give a field, or None when it is missing or empty.

    Raises:
        BadMessage: too long; names the field.
    """
    value = form.get(name, "")
    longest = LONGEST.get(name, LONGEST_OTHERS)
    if len(value) > longest:
        raise BadMessage(f"expected at most {longest} characters, got {len(value)}", field=name)
    return value or None


def is_set(form: Mapping[str, str], name: str) -> bool:
    """Read a `0/1` field."""
    return form.get(name, "").strip().lower() in ("1", "true", "yes")


def without_keys(form: Mapping[str, str]) -> dict[str, str]:
    """Give the fields as they were sent, less what would let a reader act as the peer."""
    fields = dict(form)
    for name in KEY_FIELDS:
        fields.pop(name, None)
    return fields


def is_web_link(url: str) -> bool:
    """Tell whether this is a link that may be fetched or shown at all: http or https, to some host.

    A space in its path stays: PBXs forget to escape those of file names.
    """
    scheme, separator, rest = url.partition("://")
    host = re.split(r"[/?#]", rest, maxsplit=1)[0]
    return bool(separator) and scheme.lower() in ("http", "https") and bool(host) and " " not in host


def _read_urlencoded(body: bytes) -> dict[str, str]:
    # A line break typed after the last field is none of its value.
    text = body.decode("utf-8", "surrogateescape").rstrip("\r\n").replace("+", " ")
    pairs = text.split("&")
    if len(pairs) > MAX_FIELDS:
        raise TooLarge(f"expected at most {MAX_FIELDS} fields")
    fields = [pair.partition("=") for pair in pairs]
    if "%" in text:
        return {_unquote(name): _unquote(value) for name, _, value in fields if name or value}
    return {name: value for name, _, value in fields if name or value}


def _unquote(text: str) -> str:
    return unquote(text, errors="surrogateescape") if "%" in text else text


def _read_json(body: bytes) -> dict[str, str]:
    try:
        fields = _JSON_FIELDS.decode(body)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise BadMessage("expected a flat JSON object") from error
    return _within_cap((name, _text(value)) for name, value in fields.items() if value is not None)


def _text(value: str | float | bool) -> str:
    match value:
        case str():
            return value
        case bool():
            return "1" if value else "0"
        case float() if value.is_integer():
            return str(int(value))
        case _:
            return str(value)


def _read_multipart(body: bytes, content_type: str) -> dict[str, str]:
    pairs: list[tuple[str, str]] = []

    def keep(field: "Field") -> None:
        name, value = field.field_name or b"", field.value or b""
        pairs.append((name.decode("utf-8", "surrogateescape"), value.decode("utf-8", "surrogateescape")))

    try:
        boundary = parse_options_header(content_type)[1].get(b"boundary")
        # Files are no part of this API: they are read over.
        parser = FormParser("multipart/form-data", keep, lambda file: None, boundary=boundary)
        parser.write(body)
        parser.finalize()
    except (FormParserError, ValueError) as error:
        raise BadMessage("expected multipart/form-data, got something that cannot be taken apart") from error
    return _within_cap(pairs)


def _within_cap(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    form: dict[str, str] = {}
    for count, (name, value) in enumerate(pairs, start=1):
        if count > MAX_FIELDS:
            raise TooLarge(f"expected at most {MAX_FIELDS} fields")
        form[name] = value
    return form
