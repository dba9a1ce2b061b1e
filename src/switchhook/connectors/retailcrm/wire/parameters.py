"""Any of the bodies that retailCRM's clients send, as one map of parameters.

PHP 3.x to 5.x post multipart (a PHP array handed to curl), Python, Go, .NET, Ruby and PHP 6.x
urlencoded, the community client for Node JSON whose members are still JSON texts.
"""

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError

from switchhook.connectors.retailcrm.wire.json_text import Json, check_json, read_json, refuse_unkeepable
from switchhook.core.edge import Request
from switchhook.core.errors import BadMessage, TooLarge

MAX_PARAMETERS = 256
API_KEY = "apiKey"

Parameters = Mapping[str, Json]

BOUNDARY = re.compile(r'boundary=(?:"([^"]{1,70})"|([^\s;,"]{1,70}))', re.IGNORECASE)
PART_NAME = re.compile(r'[;\s]name=(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))', re.IGNORECASE)


def parameters(request: Request) -> Parameters:
    """Give all parameters but the key; the body wins over the query for the same name.

    Raises:
        BadMessage, TooLarge: the body cannot be read, or names a parameter twice.
    """
    merged = {**query_parameters(request), **body_parameters(request)}
    merged.pop(API_KEY, None)
    return merged


def presented_key(request: Request) -> str | None:
    """Find the key where any client may have put it: header, then query, then body.

    An empty value is as good as none: clients built without a key send one. A body that cannot be
    read has none either; whoever reads it next will say so.
    """
    key = request.headers.get("x-api-key", "").strip() or request.query.get(API_KEY, "").strip()
    if key or not request.body:
        return key or None
    try:
        given = body_parameters(request).get(API_KEY)
    except BadMessage:
        return None
    return given.strip() or None if isinstance(given, str) else None


def query_parameters(request: Request) -> dict[str, Json]:
    for name, value in request.query.items():
        refuse_unkeepable(name + value, field="query")
    return dict(request.query)


def body_parameters(request: Request) -> dict[str, Json]:
    """Read the body by its type; hand-written clients mislabel JSON, which never starts a form."""
    if not request.body.strip():
        return {}
    if request.content_type == "multipart/form-data":
        return _once(_multipart(request))
    if request.content_type == "application/json" or request.body.lstrip()[:1] == b"{":
        value = read_json(_utf8(request.body), field="body")
        if not isinstance(value, dict):
            raise BadMessage("expected a JSON object", field="body")
        return value
    return _once(_urlencoded(request))


def nested(given: Parameters, name: str) -> Json:
    """Give a parameter that holds a JSON text; in a JSON body it may stand there as it is.

    None when it is not there or empty.

    Raises:
        BadMessage: no JSON.
    """
    value = given.get(name)
    if isinstance(value, str):
        return read_json(value, field=name) if value.strip() else None
    check_json(value, field=name)
    return value


def _urlencoded(request: Request) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            _utf8(request.body), keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS
        )
    except UnicodeDecodeError:
        raise BadMessage("expected UTF-8", field="body") from None
    except ValueError:
        raise TooLarge(f"expected at most {MAX_PARAMETERS} parameters", field="body") from None


def _multipart(request: Request) -> list[tuple[str, str]]:
    boundary = BOUNDARY.search(request.headers.get("content-type", ""))
    if boundary is None:
        raise BadMessage("expected a boundary in the content type", field="body")
    parts = _Parts()
    try:
        parser = MultipartParser(
            (boundary[1] or boundary[2]).encode(),
            {
                "on_part_begin": parts.begin,
                "on_header_field": parts.header_name,
                "on_header_value": parts.header_value,
                "on_header_end": parts.header_end,
                "on_part_data": parts.content,
                "on_part_end": parts.end,
            },
        )
        parser.write(request.body)
        parser.finalize()
    except FormParserError:
        raise BadMessage("expected a multipart body", field="body") from None
    return parts.found


class _Parts:
    """What the multipart parser calls back; `found` holds the parts in order."""

    def __init__(self) -> None:
        self.found: list[tuple[str, str]] = []
        self._name, self._field, self._value, self._content = "", b"", b"", b""

    def begin(self) -> None:
        if len(self.found) >= MAX_PARAMETERS:
            raise TooLarge(f"expected at most {MAX_PARAMETERS} parameters", field="body")
        self._name, self._content = "", b""

    def header_name(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def header_end(self) -> None:
        if self._field.strip().lower() == b"content-disposition":
            name = PART_NAME.search(_utf8(self._value))
            self._name = (name[1] or name[2] or "") if name else ""
        self._field, self._value = b"", b""

    def content(self, data: bytes, start: int, end: int) -> None:
        self._content += data[start:end]

    def end(self) -> None:
        self.found.append((self._name, _utf8(self._content)))


def _once(pairs: list[tuple[str, str]]) -> dict[str, Json]:
    """Refuse a parameter given twice: a proxy and we could take different ones. `x[]` may repeat."""
    found: dict[str, Json] = {}
    for name, value in pairs:
        if name in found and not name.endswith("[]"):
            raise BadMessage("expected each parameter once", field=name[:40])
        refuse_unkeepable(name + value, field=name[:40].replace("\0", ""))
        found[name] = value
    return found


def _utf8(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise BadMessage("expected UTF-8", field="body") from None
