"""ASGI on one side, `Request` and `Reply` on the other: the hot path, without a framework."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from itertools import chain
from typing import Any, Protocol
from urllib.parse import unquote_to_bytes

from switchhook.core.edge import Reply, Request
from switchhook.core.errors import BadMessage, TooLarge
from switchhook.core.text import has_control

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

MAX_BODY_BYTES = 64 * 1024
MAX_HEADERS = 100
MAX_HEADER_BYTES = 16 * 1024
MAX_QUERY_FIELDS = 200
# A PBX sends its 64 KiB in one piece; who needs longer than this only holds a socket.
BODY_SECONDS = 15.0
# So much of a refused body is still read, so that its sender gets to read the refusal.
DRAIN_BYTES = 1024 * 1024
DRAIN_SECONDS = 2.0

# A body is not allowed with these (RFC 9110, 6.4.1), so neither is its length.
BODILESS = frozenset({204, 304})

SHORT_CUT = "switchhook.short_cut"
"""An ASGI extension of our own server: the `ShortCut` of this request."""


class ShortCut(Protocol):
    """A whole request and a whole reply at once, without the messages and the waiting of ASGI."""

    def headers(self) -> Mapping[str, str]:
        """Give the headers as `read_headers` reads them; other requests may have the same."""

    def body(self) -> bytes:
        """Give the whole body."""

    def reply(self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> bool:
        """Send the reply; False when it has to be sent with `send`, since nothing can be written now."""


class ClientGone(Exception):
    """The other end hung up before its request was whole: there is nobody to answer."""


async def read_request(
    scope: Scope,
    receive: Receive,
    *,
    path: str,
    client: str,
    max_body_bytes: int = MAX_BODY_BYTES,
    body_seconds: float = BODY_SECONDS,
) -> Request:
    """Read one whole request. `path` and `client` are for the caller to judge and are passed on.

    Of repeated headers the last wins, as of repeated names in the query. Bytes that are not UTF-8
    become U+FFFD: what is broken stays visible, and the rest of the message is not lost.

    Raises:
        TooLarge: over a cap; what was left of the body has been read away as far as is reasonable.
        BadMessage: control characters in the path, a length that is no number, or a body that is too slow.
        ClientGone: the connection ended first.
    """
    if has_control(path):
        raise BadMessage("expected a path without control characters", field="path")
    query = scope["query_string"]
    # The whole body has nearly always come with the headers, and a timer costs more than to read it.
    short_cut = short_cut_of(scope)
    if short_cut is None:
        headers: Mapping[str, str] = read_headers(scope["headers"])
        body = await read_body(receive, headers, max_body_bytes, body_seconds)
    else:
        headers, body = short_cut.headers(), short_cut.body()
        if len(body) > max_body_bytes:
            raise TooLarge(f"expected up to {max_body_bytes} bytes, got {len(body)}", field="body")
    return Request(
        method=scope["method"],
        path=path,
        query=read_query(query) if query else {},
        headers=headers,
        body=body,
        client=client,
        raw_query=query.decode("latin-1") if query else "",
    )


def short_cut_of(scope: Scope) -> ShortCut | None:
    """Give the short cut, which servers other than ours do not have."""
    extensions: Mapping[str, ShortCut] = scope.get("extensions", {})
    return extensions.get(SHORT_CUT)


def read_headers(pairs: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Read the headers, names in lower case.

    Raises:
        TooLarge: too many, or too long together.
    """
    if len(pairs) > MAX_HEADERS or sum(map(len, chain.from_iterable(pairs))) > MAX_HEADER_BYTES:
        raise TooLarge(f"expected up to {MAX_HEADERS} headers of {MAX_HEADER_BYTES} bytes", field="headers")
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in pairs}


def read_query(query: bytes) -> dict[str, str]:
    """Read a query string as forms are read: `+` is a space, a broken escape stays as written.

    Raises:
        TooLarge: too many fields.
    """
    parts = query.split(b"&", MAX_QUERY_FIELDS)
    if len(parts) > MAX_QUERY_FIELDS:
        raise TooLarge(f"expected up to {MAX_QUERY_FIELDS} fields", field="query")
    fields: dict[str, str] = {}
    for part in parts:
        if part:
            name, _, value = part.partition(b"=")
            fields[_decoded(name)] = _decoded(value)
    return fields


async def read_body(
    receive: Receive, headers: Mapping[str, str], max_bytes: int, body_seconds: float = BODY_SECONDS
) -> bytes:
    """Read the whole body; promises and errors as `read_request`."""
    length = headers.get("content-length")
    if length is not None and not (length.isascii() and length.isdigit()):
        raise BadMessage("expected a number", field="content-length")
    if length is not None and int(length) > max_bytes:
        if int(length) <= DRAIN_BYTES:
            await _drain(receive)
        raise TooLarge(f"expected up to {max_bytes} bytes, got {length}", field="body")
    message = await _next(receive, body_seconds)
    if not message.get("more_body"):
        body: bytes = message.get("body", b"")
        if len(body) > max_bytes:
            raise TooLarge(f"expected up to {max_bytes} bytes, got {len(body)}", field="body")
        return body
    return await _read_pieces(receive, message.get("body", b""), max_bytes, body_seconds)


async def _next(receive: Receive, seconds: float) -> Message:
    try:
        async with asyncio.timeout(seconds):
            message = await receive()
    except TimeoutError as error:
        raise BadMessage(f"expected the body within {seconds:g} seconds", field="body") from error
    if message["type"] == "http.disconnect":
        raise ClientGone
    return message


async def _read_pieces(receive: Receive, first: bytes, max_bytes: int, seconds: float) -> bytes:
    body = bytearray(first)
    until = asyncio.get_running_loop().time() + seconds
    while True:
        message = await _next(receive, max(until - asyncio.get_running_loop().time(), 0))
        body += message.get("body", b"")
        if len(body) > max_bytes:
            if message.get("more_body"):
                await _drain(receive)
            raise TooLarge(f"expected up to {max_bytes} bytes", field="body")
        if not message.get("more_body"):
            return bytes(body)


async def _drain(receive: Receive) -> None:
    left = DRAIN_BYTES
    try:
        async with asyncio.timeout(DRAIN_SECONDS):
            while left > 0:
                message = await receive()
                left -= len(message.get("body", b""))
                if not message.get("more_body"):
                    return
    except TimeoutError:
        return


def _decoded(text: bytes) -> str:
    return unquote_to_bytes(text.replace(b"+", b" ")).decode("utf-8", "replace")


async def send_reply(
    send: Send,
    reply: Reply,
    *,
    is_head: bool = False,
    is_last: bool = False,
    extra: tuple[tuple[bytes, bytes], ...] = (),
    short_cut: ShortCut | None = None,
) -> None:
    """Send one reply, always with its length: clients of HTTP/1.0 read no chunks.

    `is_last` closes the connection after it, for a request that was not read to its end.
    """
    status, body = reply.status, reply.body
    headers = [*extra]
    if status not in BODILESS:
        headers.append((b"content-length", b"%d" % len(body)))
        if body:
            headers.append((b"content-type", reply.content_type.encode("latin-1")))
    if reply.headers:
        headers += [
            (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers.items()
        ]
    if is_last:
        headers.append((b"connection", b"close"))
    if is_head or status in BODILESS:
        body = b""
    if short_cut is None or not short_cut.reply(status, headers, body):
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
