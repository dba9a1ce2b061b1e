"""Recordings given out by their permanent links: ours in parts, also as mp3, or the way to the peer's.

Waveforms too.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from enum import Enum
from types import MappingProxyType

import msgspec
import structlog

from switchhook.core.errors import Misconfigured
from switchhook.flow.clock import Clock, SystemClock
from switchhook.flow.media.jobs import Job
from switchhook.flow.media.making import SUFFIXES, Maker, key_of_made
from switchhook.flow.media.shelf import Shelf
from switchhook.flow.media.sniff import BY_CONTENT_TYPE, MP3
from switchhook.flow.media.waveform import BUCKETS, peaks_of
from switchhook.flow.opened import ALWAYS, Opened, Wanted, head_of
from switchhook.net.target import read_target
from switchhook.store import Store
from switchhook.store.recordings import (
    FetchState,
    KeptRecording,
    StoredFile,
    find_by_token,
    is_recent_call,
)

__all__ = ["Form", "Opened", "Playback"]

log = structlog.get_logger(__name__)

LONGEST_TOKEN = 128
LARGEST_INDEX = 999
# A recording is expected this long after anything was heard of its call: decision 18 of
# docs/connectors/planfix.md.
EXPECTED = timedelta(hours=24)
RETRY_SECONDS = 30
LONGEST_RETRY_SECONDS = 3600

OF_FILES: Mapping[str, str] = MappingProxyType(
    {"accept-ranges": "bytes", "cache-control": "private, max-age=86400"}
)
# A waveform is of one content and never another's.
OF_PEAKS: Mapping[str, str] = MappingProxyType(
    {"content-type": "application/json", "cache-control": "private, max-age=86400, immutable"}
)


class Form(Enum):
    """How a recording is wanted."""

    AS_KEPT = "as kept"
    MP3 = "mp3"


class Playback:
    """Serves recordings to whoever has their link."""

    def __init__(
        self, store: Store, shelf: Shelf, *, maker: Maker | None = None, clock: Clock | None = None
    ) -> None:
        self._store = store
        self._shelf = shelf
        self._clock = clock or SystemClock()
        self._maker = maker or Maker(shelf, clock=self._clock)

    async def open_recording(
        self,
        token: str,
        index: int = 0,
        *,
        form: Form = Form.AS_KEPT,
        range_header: str | None = None,
        if_range: str | None = None,
        if_none_match: str | None = None,
        wants_body: bool = True,
    ) -> Opened:
        """Answer a GET of `/r/{token}` (index 0) or `/r/{token}/{index + 1}`; HEAD with `wants_body` false.

        200 or 206 with the file, 304, 416 for a part outside of it, 302 to the peer when only the peer has
        it for good, else 404, with Retry-After while it may still come. What else is in the query of the
        link is no business of ours: vendors add to it.

        Raises:
            Unplayable: no mp3 can be made of it.
            Busy: too many mp3 are being made.
            StoreDown: the store or the shelf does not answer, or has no room.
        """
        found = await self._find(token, index)
        if isinstance(found, Opened):
            return found
        if found.file is None:
            return _to_the_peer(found.url)
        wanted = Wanted(
            range_header=range_header,
            if_range=if_range,
            if_none_match=if_none_match,
            wants_body=wants_body,
        )
        try:
            if form is Form.MP3 and found.file.content_type != MP3.content_type:
                return await self._as_mp3(found, found.file, wanted)
            return await self._as_kept(found, found.file, wanted)
        except FileNotFoundError:
            return _gone(found)

    async def open_peaks(
        self,
        token: str,
        index: int = 0,
        *,
        buckets: int = BUCKETS,
        if_none_match: str | None = None,
        wants_body: bool = True,
    ) -> Opened:
        """Answer with the waveform as JSON (`waveform.Peaks`), of so many buckets for each channel.

        200, 304, or 404 as `open_recording`; what only the peer has is a 404 too.

        Raises: as `open_recording`.
        """
        found = await self._find(token, index)
        if isinstance(found, Opened):
            return found
        if found.file is None:
            return Opened(status=404, headers=ALWAYS)
        try:
            waveform = await self._maker.waveform(found.file)
        except FileNotFoundError:
            return _gone(found)
        # Up to 20 ms of work, which others do not wait for.
        peaks = await asyncio.to_thread(peaks_of, waveform, buckets)
        body = msgspec.json.encode(peaks)
        wanted = Wanted(if_none_match=if_none_match, wants_body=wants_body)
        etag = f'"{found.file.sha256}{SUFFIXES[Job.PEAKS]}.{buckets}"'
        head = head_of(wanted, size_bytes=len(body), etag=etag, headers=OF_PEAKS)
        return Opened(status=head.status, headers=head.headers, chunks=_one(body) if head.part else None)

    async def _find(self, token: str, index: int) -> KeptRecording | Opened:
        """Give a recording that we or the peer have for good, or the answer that there is none."""
        if not token.isascii() or not token.isprintable() or len(token) > LONGEST_TOKEN:
            return Opened(status=404, headers=ALWAYS)
        if not 0 <= index <= LARGEST_INDEX:
            return Opened(status=404, headers=ALWAYS)
        found = await self._store.read(find_by_token, token, index)
        if found is None:
            return await self._not_heard_of(token)
        if found.file is not None or found.state is FetchState.LINKED:
            return found
        if found.state is FetchState.LOST:
            return Opened(status=404, headers=ALWAYS)
        return _later(found.next_at, self._clock.now())

    async def _not_heard_of(self, token: str) -> Opened:
        now = self._clock.now()
        if await self._store.read(is_recent_call, token, since=now - EXPECTED):
            return _later(None, now)
        return Opened(status=404, headers=ALWAYS)

    async def _as_kept(self, found: KeptRecording, file: StoredFile, wanted: Wanted) -> Opened:
        kind = BY_CONTENT_TYPE.get(file.content_type)
        name = f"{found.name}.{kind.suffix}" if kind else found.name
        return await self._serve(
            wanted,
            key=file.key,
            size_bytes=file.size_bytes,
            etag=f'"{file.sha256}"',
            headers=_of_sound(file.content_type, name),
        )

    async def _as_mp3(self, found: KeptRecording, file: StoredFile, wanted: Wanted) -> Opened:
        return await self._serve(
            wanted,
            key=key_of_made(file, Job.MP3),
            size_bytes=await self._maker.mp3(file),
            etag=f'"{file.sha256}{SUFFIXES[Job.MP3]}"',
            headers=_of_sound(MP3.content_type, f"{found.name}.{MP3.suffix}"),
        )

    async def _serve(
        self, wanted: Wanted, *, key: str, size_bytes: int, etag: str, headers: Mapping[str, str]
    ) -> Opened:
        """Raises: FileNotFoundError, StoreDown."""
        head = head_of(wanted, size_bytes=size_bytes, etag=etag, headers=headers)
        chunks = await self._shelf.open(key, head.part) if head.part is not None else None
        return Opened(status=head.status, headers=head.headers, chunks=chunks)


def _of_sound(content_type: str, name: str) -> Mapping[str, str]:
    return {
        **OF_FILES,
        "content-type": content_type,
        "content-disposition": f'inline; filename="{name}"',
    }


async def _one(body: bytes) -> AsyncIterator[bytes]:
    yield body


def _to_the_peer(url: str) -> Opened:
    """Send on to the peer's own link, written so that it is nothing but a web address."""
    try:
        location = str(read_target(url).url)
    except Misconfigured:
        return Opened(status=404, headers=ALWAYS)
    return Opened(status=302, headers={**ALWAYS, "location": location, "cache-control": "no-store"})


def _gone(found: KeptRecording) -> Opened:
    log.error("recording is gone from the shelf", recording=found.id)
    return Opened(status=404, headers=ALWAYS)


def _later(at: datetime | None, now: datetime) -> Opened:
    seconds = RETRY_SECONDS if at is None else (at - now).total_seconds() + 1
    wait = int(min(max(seconds, 1), LONGEST_RETRY_SECONDS))
    return Opened(status=404, headers={**ALWAYS, "retry-after": str(wait), "cache-control": "no-store"})
