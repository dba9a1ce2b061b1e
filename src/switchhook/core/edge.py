"""HTTP as plain values, so that connectors need no web framework.

msgspec structs rather than dataclasses: one of each is made for every event.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec
from msgspec import Struct, field


class Request(Struct, frozen=True, kw_only=True, gc=False):
    """One request from a peer. `path` is the rest after the connection's own prefix and starts with `/`.

    Header names are lower case. `body` is whole and within the size limit of the connector.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)  # decoded; of repeated names the last wins
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    client: str = ""  # address of the peer, behind trusted proxies too
    raw_query: str = ""  # as it came, a character a byte: for the few who read repeated names

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


class Reply(Struct, frozen=True, kw_only=True, gc=False):
    """One answer to a peer."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


def reply_json(status: int, value: Any, headers: Mapping[str, str] | None = None) -> Reply:
    """Answer with compact UTF-8 JSON, raw and not in escapes: dialplan scripts cut names out of it."""
    return Reply(status=status, body=msgspec.json.encode(value), headers=headers or {})


def every_value(raw_query: str) -> dict[str, list[str]]:
    """Give all values of each name in `Request.raw_query`, in the order they came.

    Read like `Request.query`: `+` is a space, a broken escape stays as written, bytes that are not UTF-8
    become U+FFFD. How many fields there may be is the edge's to judge.
    """
    fields: dict[str, list[str]] = {}
    for part in filter(None, raw_query.split("&")):
        name, _, value = part.partition("=")
        fields.setdefault(_decoded(name), []).append(_decoded(value))
    return fields


def _decoded(text: str) -> str:
    as_sent = text.replace("+", " ").encode("latin-1", "replace")
    return unquote_to_bytes(as_sent).decode("utf-8", "replace")
