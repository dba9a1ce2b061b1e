"""Recordings given out by their permanent links: ours in parts, or the way to the peer's."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType

import structlog

from switchhook.core.errors import Misconfigured
from switchhook.flow.clock import Clock, SystemClock
from switchhook.flow.media.ranges import Part, read_range
from switchhook.flow.media.shelf import Shelf
from switchhook.flow.media.sniff import BY_CONTENT_TYPE
from switchhook.net.target import read_target
from switchhook.store import Store
from switchhook.store.recordings import (
    FetchState,
    KeptRecording,
    StoredFile,
    find_by_token,
    is_recent_call,
)

log = structlog.get_logger(__name__)

LONGEST_TOKEN = 128
LARGEST_INDEX = 999
# A recording is expected this long after anything was heard of its call: decision 18 of
# docs/connectors/planfix.md.
EXPECTED = timedelta(hours=24)
RETRY_SECONDS = 30
LONGEST_RETRY_SECONDS = 3600

# Whatever the bytes are, a browser shall take them for sound and for nothing else.
ALWAYS: Mapping[str, str] = MappingProxyType(
    {
        "x-content-type-options": "nosniff",
        "content-security-policy": "default-src 'none'; media-src 'self'; style-src 'unsafe-inline'",
        "referrer-policy": "no-referrer",
    }
)
OF_FILES: Mapping[str, str] = MappingProxyType(
    {**ALWAYS, "accept-ranges": "bytes", "cache-control": "private, max-age=86400"}
)


@dataclass(frozen=True, kw_only=True)
class Opened:
    """An answer about a recording. `chunks` is None when the answer has no body."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    chunks: AsyncIterator[bytes] | None = None


class Playback:
    """Serves recordings to whoever has their link."""

    def __init__(self, store: Store, shelf: Shelf, *, clock: Clock | None = None) -> None:
        self._store = store
        self._shelf = shelf
        self._clock = clock or SystemClock()

    async def open_recording(
        self,
        token: str,
        index: int = 0,
        *,
        range_header: str | None = None,
        if_range: str | None = None,
        wants_body: bool = True,
    ) -> Opened:
        """Answer a GET of `/r/{token}` (index 0) or `/r/{token}/{index + 1}`; HEAD with `wants_body` false.

        200 or 206 with the file, 416 for a part outside of it, 302 to the peer when only the peer has it
        for good, else 404, with Retry-After while it may still come. What else is in the query of the
        link is no business of ours: vendors add to it.
        """
        if not token.isascii() or not token.isprintable() or len(token) > LONGEST_TOKEN:
            return Opened(status=404, headers=ALWAYS)
        if not 0 <= index <= LARGEST_INDEX:
            return Opened(status=404, headers=ALWAYS)
        found = await self._store.read(find_by_token, token, index)
        if found is None:
            return await self._not_heard_of(token)
        if found.file is not None:
            return await self._file(found, found.file, range_header, if_range, wants_body=wants_body)
        if found.state is FetchState.LINKED:
            return _to_the_peer(found.url)
        if found.state is FetchState.LOST:
            return Opened(status=404, headers=ALWAYS)
        return _later(found.next_at, self._clock.now())

    async def _not_heard_of(self, token: str) -> Opened:
        now = self._clock.now()
        if await self._store.read(is_recent_call, token, since=now - EXPECTED):
            return _later(None, now)
        return Opened(status=404, headers=ALWAYS)

    async def _file(
        self,
        found: KeptRecording,
        file: StoredFile,
        range_header: str | None,
        if_range: str | None,
        *,
        wants_body: bool,
    ) -> Opened:
        etag = f'"{file.sha256}"'
        headers = {
            **OF_FILES,
            "content-type": file.content_type,
            "content-disposition": f'inline; filename="{_file_name(found, file)}"',
            "etag": etag,
        }
        try:
            # Half of an old file and half of a new one make no sound (RFC 9110, 13.1.5).
            part = read_range(range_header, file.size_bytes) if if_range in (None, etag) else None
        except ValueError:
            return Opened(status=416, headers={**headers, "content-range": f"bytes */{file.size_bytes}"})
        status = 200 if part is None else 206
        if part is not None:
            headers["content-range"] = f"bytes {part.start}-{part.end - 1}/{file.size_bytes}"
        part = part or Part(0, file.size_bytes)
        headers["content-length"] = str(part.size_bytes)
        if not wants_body:
            return Opened(status=status, headers=headers)
        try:
            chunks = await self._shelf.open(file.key, part)
        except FileNotFoundError:
            log.error("recording is gone from the shelf", recording=found.id, key=file.key)
            return Opened(status=404, headers=ALWAYS)
        return Opened(status=status, headers=headers, chunks=chunks)


def _to_the_peer(url: str) -> Opened:
    """Send on to the peer's own link, written so that it is nothing but a web address."""
    try:
        location = str(read_target(url).url)
    except Misconfigured:
        return Opened(status=404, headers=ALWAYS)
    return Opened(status=302, headers={**ALWAYS, "location": location, "cache-control": "no-store"})


def _later(at: datetime | None, now: datetime) -> Opened:
    seconds = RETRY_SECONDS if at is None else (at - now).total_seconds() + 1
    wait = int(min(max(seconds, 1), LONGEST_RETRY_SECONDS))
    return Opened(status=404, headers={**ALWAYS, "retry-after": str(wait), "cache-control": "no-store"})


def _file_name(found: KeptRecording, file: StoredFile) -> str:
    kind = BY_CONTENT_TYPE.get(file.content_type)
    return f"{found.name}.{kind.suffix}" if kind else found.name
