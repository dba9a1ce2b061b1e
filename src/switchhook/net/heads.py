"""Heads of short whole messages, in and out: those that are alike are read and written once.

A peer's messages differ in what they say; the headers before it are the same each time but for the length.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache

import httptools
from msgspec import Struct
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from switchhook.core.errors import TooLarge
from switchhook.net.asgi import read_headers

# Heads that are remembered of each kind, and how long one may be: half a megabyte at most.
REMEMBERED, LONGEST_REMEMBERED = 512, 1024
# With these in its head a message is not as simple as it has to be.
NOT_PLAIN = frozenset({b"transfer-encoding", b"expect", b"upgrade"})
LONGEST_LENGTH = 9  # digits

Pairs = Sequence[tuple[bytes, bytes]]


class Head(Struct, frozen=True, kw_only=True, gc=False):
    """The head of one message. All messages that begin with the same bytes share it: nobody may change it."""

    method: str
    path: str
    raw_path: bytes
    query: bytes
    pairs: list[tuple[bytes, bytes]]  # headers as they came, names in lower case
    headers: Mapping[str, str]
    length: int  # of the body, bytes
    is_kept: bool  # whether the connection stays open afterwards, as far as the sender is concerned


def read_head(data: bytes) -> Head | None:
    """Read a head to its empty line; None when it is malformed, or of no plain short message."""
    return _read_and_remember(data) if len(data) <= LONGEST_REMEMBERED else _read(data)


def write_head(status: int, pairs: Pairs, *, is_kept: bool) -> tuple[bytes, bool]:
    """Write the head of an answer; tell whether the connection stays open after it.

    Raises:
        ValueError: control characters.
    """
    return _write(status, tuple(pairs), is_kept)


class _Callbacks:
    """What the parser is to tell."""

    __slots__ = ("is_kept", "is_plain", "is_whole", "length", "pairs")

    def __init__(self) -> None:
        self.pairs: list[tuple[bytes, bytes]] = []
        self.length = b"0"
        self.is_plain = True
        self.is_kept = True  # unless it is said otherwise
        self.is_whole = False

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        self.pairs.append((name, value))
        if name == b"content-length":
            self.length = value
        elif name == b"connection":
            self.is_kept = b"close" not in value.lower()
        elif name in NOT_PLAIN:
            self.is_plain = False

    def on_headers_complete(self) -> None:
        self.is_whole = True


def _read(data: bytes) -> Head | None:
    method, _, rest = data.partition(b" ")
    path, _, query = rest.partition(b" ")[0].partition(b"?")
    if not path.startswith(b"/") or path.startswith(b"//") or b"%" in path:
        return None
    told = _Callbacks()
    parser = httptools.HttpRequestParser(told)
    try:
        parser.feed_data(data)
        headers = read_headers(told.pairs)
    except (httptools.HttpParserError, httptools.HttpParserUpgrade, TooLarge):
        return None
    length = told.length
    if not told.is_whole or not told.is_plain or not length.isdigit() or len(length) > LONGEST_LENGTH:
        return None
    return Head(
        method=method.decode("latin-1"),
        path=path.decode("latin-1"),
        raw_path=path,
        query=query,
        pairs=told.pairs,
        headers=headers,
        length=int(length),
        is_kept=told.is_kept and parser.get_http_version() != "1.0",
    )


_read_and_remember = lru_cache(maxsize=REMEMBERED)(_read)


@lru_cache(maxsize=REMEMBERED)
def _write(status: int, pairs: tuple[tuple[bytes, bytes], ...], is_kept: bool) -> tuple[bytes, bool]:
    lines = [STATUS_LINE[status], *[b"%b: %b\r\n" % pair for pair in pairs]]
    is_said = any(name == b"connection" and value.lower() == b"close" for name, value in pairs)
    if not is_kept and not is_said:
        lines.append(b"connection: close\r\n")
    head = b"".join(lines)
    if head.count(b"\n") != len(lines) or head.count(b"\r") != len(lines) or b"\0" in head:
        raise ValueError("expected no control characters in the headers of a reply")
    return head + b"\r\n", is_kept and not is_said
