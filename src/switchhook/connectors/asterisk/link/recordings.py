"""Recordings that Asterisk made: where each can be had, and the word of it once the file is there."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from posixpath import normpath
from urllib.parse import quote, urlsplit

import structlog

from switchhook.connectors.asterisk.link.clock import Clock
from switchhook.connectors.asterisk.link.requests import basic
from switchhook.connectors.asterisk.listen.recording import Recording, recording_news
from switchhook.connectors.asterisk.settings import Settings, read_settings
from switchhook.connectors.asterisk.wire import rest
from switchhook.core.call import News
from switchhook.core.connector import HttpPort, Link
from switchhook.core.errors import HubError, PeerDown
from switchhook.core.link_hub import LinkHub

log = structlog.get_logger(__name__)

# A file is closed when its channel is, which may be after the end of the call is told; a busy PBX takes its
# time. Most looks are within those seconds that the call's record waits for its recording (core/timers.py).
LOOKS_AFTER_SECONDS = (0.5, 0.5, 1.0, 2.0, 4.0, 6.0, 15.0, 30.0, 60.0, 300.0)
# And then, as long as their server is away or refuses us: nobody else would ask for them again.
LOOKS_WHILE_AWAY_SECONDS = (900.0, *[3600.0] * 23)
MOST_AT_ONCE = 4
MOST_WAITING = 2_000
LOOK_SECONDS = 15.0
# The size is all that is wanted; a file beyond this is still announced.
LARGEST_FILE_BYTES = 2 * 1024 * 1024 * 1024

Waiting = dict[tuple[str, str], Recording]
"""Recordings that are not told of yet, by call and name."""

# Between two runs: of a file of the dialplan nobody tells again after the link was opened anew.
MEMORY = "recordings"

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


def left_waiting(hub: LinkHub) -> Waiting:
    """Give what was waiting when the last run of this holding ended. Whoever gets it changes it."""
    left: Waiting = hub.memory.setdefault(MEMORY, {})
    return left


class Announcer:
    """Tells of each recording as soon as there is something in its file."""

    def __init__(
        self, http: HttpPort, settings: Settings, clock: Clock, *, waiting: Waiting | None = None
    ) -> None:
        """`waiting` is what an earlier one left; it has at any time what this one has not told of."""
        self._http = http
        self._settings = settings
        self._clock = clock
        self._waiting = {} if waiting is None else waiting
        self._found: asyncio.Queue[Recording] = asyncio.Queue()
        for recording in self._waiting.values():
            self._found.put_nowait(recording)
        self._noted = deque(self._waiting, maxlen=MOST_WAITING)
        self._room = asyncio.Semaphore(MOST_AT_ONCE)

    def found(self, recording: Recording) -> None:
        """Note a recording that may be there, once. More than can wait are told in the log and left out."""
        key = recording.call_id, recording.name
        if key in self._noted:
            return  # an application that hears of everything is told twice of its own bridges' recordings
        self._noted.append(key)
        if len(self._waiting) >= MOST_WAITING:
            log.error("asterisk: too many recordings at once, one is left out", call=recording.call_id)
            return
        self._waiting[key] = recording
        self._found.put_nowait(recording)

    async def run(self, tell: Tell) -> None:
        """Look for the files and tell of them until cancelled. Raises: what `tell` raises."""
        try:
            async with asyncio.TaskGroup() as following:
                while True:
                    following.create_task(self._follow(await self._found.get(), tell))
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None

    async def _follow(self, recording: Recording, tell: Tell) -> None:
        """One that is not there yet holds up no other."""
        url = url_of(recording, self._settings)
        news = () if url is None else await self._announcement(recording, url)
        if news:
            await tell(news)
        self._waiting.pop((recording.call_id, recording.name), None)

    async def _announcement(self, recording: Recording, url: str) -> Sequence[News]:
        reason, is_away = "", False
        for look, seconds in enumerate((*LOOKS_AFTER_SECONDS, *LOOKS_WHILE_AWAY_SECONDS)):
            if look >= len(LOOKS_AFTER_SECONDS) and not is_away:
                break
            await self._clock.sleep(seconds)
            try:
                async with self._room:
                    size_bytes = await self._size(url)
            except HubError as error:
                reason, is_away = error.reason, True
                continue
            if news := recording_news(recording, url=url, size_bytes=size_bytes):
                return news
            reason, is_away = "there is nothing in it", False
        log.warning("asterisk: a recording is not announced", call=recording.call_id, reason=reason)
        return ()

    async def _size(self, url: str) -> int:
        """Give the size that the server names; 0 of none. Raises: PeerDown: it is away, or refuses us."""
        async with self._http.download(
            url,
            max_bytes=LARGEST_FILE_BYTES,
            total_seconds=LOOK_SECONDS,
            headers=headers_of(url, self._settings),
        ) as download:
            if download.status == 404:
                return 0
            if download.status != 200:
                raise PeerDown(f"the server of the recordings answers {download.status}")
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
