"""Recordings that Asterisk made: where each can be had, and the word of it once the file is there."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from posixpath import normpath
from urllib.parse import quote, urlsplit

import structlog

from switchhook.connectors.asterisk.link.clock import Clock
from switchhook.connectors.asterisk.link.requests import basic
from switchhook.connectors.asterisk.link.together import together
from switchhook.connectors.asterisk.listen.recording import Recording, recording_news
from switchhook.connectors.asterisk.settings import Settings, read_settings
from switchhook.connectors.asterisk.wire import rest
from switchhook.core.call import News
from switchhook.core.connector import HttpPort, Link
from switchhook.core.errors import HubError

log = structlog.get_logger(__name__)

# A file is closed when its channel is, which may be after the end of the call is told.
LOOKS_AFTER_SECONDS = (0.5, 2.0, 10.0, 60.0)
MOST_AT_ONCE = 4
MOST_WAITING = 2_000
LOOK_SECONDS = 15.0
# The size is all that is wanted; a file beyond this is still announced.
LARGEST_FILE_BYTES = 2 * 1024 * 1024 * 1024

Tell = Callable[[Sequence[News]], Awaitable[None]]


def url_of(recording: Recording, settings: Settings) -> str | None:
    """Give the address of a recording's file; None where the settings offer none."""
    if recording.is_stored:
        return settings.url + rest.stored_file(recording.name).path() if settings.url else None
    path = normpath(recording.name)
    folder = f"{settings.recordings_folder}/"
    if not settings.recordings_url or not path.startswith(folder):
        return None
    return f"{settings.recordings_url}/{quote(path.removeprefix(folder))}"


def headers_of(url: str, settings: Settings) -> Mapping[str, str]:
    """Give what opens a recording at this address: a password goes only to the server that it is of."""
    if settings.url and _is_below(url, f"{settings.url}/recordings/") and settings.password:
        return basic(settings.user, settings.password)
    base = settings.recordings_url
    if base and _is_below(url, f"{base}/") and settings.recordings_password:
        return basic(settings.recordings_user, settings.recordings_password)
    return {}


def recording_headers(url: str, link: Link) -> Mapping[str, str]:
    """`Side.recording_headers`."""
    return headers_of(url, read_settings(link.settings))


class Announcer:
    """Tells of each recording as soon as there is something in its file."""

    def __init__(self, http: HttpPort, settings: Settings, clock: Clock) -> None:
        self._http = http
        self._settings = settings
        self._clock = clock
        self._found: asyncio.Queue[Recording] = asyncio.Queue(MOST_WAITING)
        self._noted: deque[tuple[str, str]] = deque(maxlen=MOST_WAITING)

    def found(self, recording: Recording) -> None:
        """Note a recording that may be there, once. More than can wait are told in the log and left out."""
        key = recording.call_id, recording.name
        if key in self._noted:
            return  # an application that hears of everything is told twice of its own bridges' recordings
        self._noted.append(key)
        try:
            self._found.put_nowait(recording)
        except asyncio.QueueFull:
            log.error("asterisk: too many recordings at once, one is left out", call=recording.call_id)

    async def run(self, tell: Tell) -> None:
        """Look for the files and tell of them until cancelled. Raises: what `tell` raises."""
        await together(*(self._work(tell) for _ in range(MOST_AT_ONCE)))

    async def _work(self, tell: Tell) -> None:
        while True:
            recording = await self._found.get()
            url = url_of(recording, self._settings)
            news = () if url is None else await self._announcement(recording, url)
            if news:
                await tell(news)

    async def _announcement(self, recording: Recording, url: str) -> Sequence[News]:
        reason = ""
        for seconds in LOOKS_AFTER_SECONDS:
            await self._clock.sleep(seconds)
            try:
                news = recording_news(recording, url=url, size_bytes=await self._size(url))
            except HubError as error:
                reason = error.reason
                continue
            if news:
                return news
            reason = "there is nothing in it"
        log.warning("asterisk: a recording is not announced", call=recording.call_id, reason=reason)
        return ()

    async def _size(self, url: str) -> int:
        """Give the size that the server names; 0 where there is no such file."""
        async with self._http.download(
            url,
            max_bytes=LARGEST_FILE_BYTES,
            total_seconds=LOOK_SECONDS,
            headers=headers_of(url, self._settings),
        ) as download:
            if download.status != 200:
                return 0
            named = download.headers.get("content-length", "")
            if named.isascii() and named.isdigit():
                return int(named)
            count = 0
            async for piece in download.chunks():  # a server that does not say: enough is enough
                count += len(piece)
                if count > 1024:
                    break
            return count


def _is_below(url: str, base: str) -> bool:
    """Tell whether an address is of the same server as another, and below its path."""
    asked, allowed = urlsplit(url), urlsplit(base)
    is_same = (asked.scheme, asked.netloc.lower()) == (allowed.scheme, allowed.netloc.lower())
    return is_same and asked.path.startswith(allowed.path) and ".." not in asked.path.split("/")
