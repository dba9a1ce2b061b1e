"""HTTP as plain values, so that connectors need no web framework.

msgspec structs rather than dataclasses: one of each is made for every event.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct, field


class Request(Struct, frozen=True, kw_only=True):
    """One request from a peer. `path` is the rest after the connection's own prefix and starts with `/`.

    Header names are lower case. `body` is whole and within the size limit of the connector.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)  # decoded; of repeated names the last wins
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    client: str = ""  # address of the peer, behind trusted proxies too

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


class Reply(Struct, frozen=True, kw_only=True):
    """One answer to a peer."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


def reply_json(status: int, value: Any, headers: Mapping[str, str] | None = None) -> Reply:
    """Answer with compact UTF-8 JSON, raw and not in escapes: dialplan scripts cut names out of it."""
    return Reply(status=status, body=msgspec.json.encode(value), headers=headers or {})
