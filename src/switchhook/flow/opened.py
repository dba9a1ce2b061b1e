"""Answers about files: whole, in parts, or that the asker has it already (RFC 9110). Pure."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from switchhook.flow.media.ranges import Part, read_range

# Whatever the bytes are, a browser shall take them for sound and for nothing else.
ALWAYS: Mapping[str, str] = MappingProxyType(
    {
        "x-content-type-options": "nosniff",
        "content-security-policy": "default-src 'none'; media-src 'self'; style-src 'unsafe-inline'",
        "referrer-policy": "no-referrer",
    }
)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What somebody who asks for a file says of it; headers as they came."""

    range_header: str | None = None
    if_range: str | None = None
    if_none_match: str | None = None
    wants_body: bool = True


@dataclass(frozen=True, kw_only=True)
class Opened:
    """An answer about a recording. `chunks` is None when the answer has no body."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    chunks: AsyncIterator[bytes] | None = None


@dataclass(frozen=True, kw_only=True)
class Head:
    """All of an answer but its bytes. `part` is None when none are to follow."""

    status: int
    headers: Mapping[str, str]
    part: Part | None


def head_of(wanted: Wanted, *, size_bytes: int, etag: str, headers: Mapping[str, str]) -> Head:
    """Decide what to answer about a file. `etag` is quoted and of these very bytes; `headers` are added."""
    headers = {**ALWAYS, **headers, "etag": etag}
    if _has_it(wanted.if_none_match, etag):
        return Head(status=304, headers=headers, part=None)
    try:
        # Half of an old file and half of a new one make no sound (RFC 9110, 13.1.5).
        is_same = wanted.if_range in (None, etag)
        part = read_range(wanted.range_header, size_bytes) if is_same else None
    except ValueError:
        return Head(status=416, headers={**headers, "content-range": f"bytes */{size_bytes}"}, part=None)
    status = 200 if part is None else 206
    if part is not None:
        headers["content-range"] = f"bytes {part.start}-{part.end - 1}/{size_bytes}"
    part = part or Part(0, size_bytes)
    headers["content-length"] = str(part.size_bytes)
    return Head(status=status, headers=headers, part=part if wanted.wants_body else None)


def _has_it(if_none_match: str | None, etag: str) -> bool:
    if if_none_match is None:
        return False
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return etag in tags or tags == ["*"]
