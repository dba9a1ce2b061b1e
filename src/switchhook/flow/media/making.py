"""What is made of a recording when somebody first asks for it, and then kept beside it: mp3 and waveform.

By content, as the recording itself: once for all equal files of an account. It can be made again at any time.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

import structlog

from switchhook.flow.clock import Clock, SystemClock
from switchhook.flow.media.jobs import BOUNDS, Bounds, Job, Unplayable
from switchhook.flow.media.once import Once, Places
from switchhook.flow.media.ranges import Part
from switchhook.flow.media.shelf import Shelf
from switchhook.flow.media.sniff import BY_CONTENT_TYPE
from switchhook.flow.media.waveform import Waveform, decode
from switchhook.flow.media.worker import work
from switchhook.store.recordings import StoredFile

log = structlog.get_logger(__name__)

# Beside the file; another number when what is made changes, so that the old one is not taken for it.
SUFFIXES: Mapping[Job, str] = {Job.MP3: ".1.mp3", Job.PEAKS: ".1.peaks"}
AT_ONCE = 2
WAITING = 16
WAIT_SECONDS = 30.0
# Of what nothing could be made is not tried again for a while, however often it is asked for.
VAIN = timedelta(minutes=10)
MOST_IN_VAIN = 1000


class Maker:
    """One for the process."""

    def __init__(
        self,
        shelf: Shelf,
        *,
        bounds: Mapping[Job, Bounds] = BOUNDS,
        at_once: int = AT_ONCE,
        waiting: int = WAITING,
        wait_seconds: float = WAIT_SECONDS,
        clock: Clock | None = None,
    ) -> None:
        self._shelf = shelf
        self._bounds = bounds
        self._clock = clock or SystemClock()
        self._once = Once()
        self._places = Places(at_once=at_once, waiting=waiting, wait_seconds=wait_seconds)
        self._in_vain: dict[str, tuple[datetime, str]] = {}

    async def mp3(self, file: StoredFile) -> int:
        """Have the mp3 of a file on the shelf, by `key_of_made`; give its size in bytes.

        Raises:
            Unplayable: none can be made of it.
            Busy: ask again later.
            FileNotFoundError: the file is gone from the shelf.
            StoreDown: there is no room, or the shelf does not answer.
        """
        return await self._made(file, Job.MP3)

    async def waveform(self, file: StoredFile) -> Waveform:
        """Give the waveform of a file on the shelf.

        Raises: as `mp3`.
        """
        size_bytes = await self._made(file, Job.PEAKS)
        chunks = await self._shelf.open(key_of_made(file, Job.PEAKS), Part(0, size_bytes))
        return decode(b"".join([chunk async for chunk in chunks]))

    async def _made(self, file: StoredFile, job: Job) -> int:
        """Make it unless it is there; give its size in bytes."""
        key = key_of_made(file, job)
        size_bytes = await self._shelf.size_bytes(key)
        if size_bytes is None:
            self._refuse_again(key)
            await self._once.do(key, lambda: self._make(file, job))
            size_bytes = await self._shelf.size_bytes(key)
        if size_bytes is None:
            raise FileNotFoundError(key)
        return size_bytes

    async def _make(self, file: StoredFile, job: Job) -> None:
        key, kind = key_of_made(file, job), BY_CONTENT_TYPE.get(file.content_type)
        if kind is None:
            raise Unplayable(f"nothing is made of {file.content_type}")
        if await self._shelf.size_bytes(key) is not None:  # by now
            return
        async with self._places.take(), self._shelf.lend(file.key) as source:
            with self._shelf.new_file() as made:
                try:
                    await work(job, kind.demuxer, source, self._bounds[job], target=made.handle)
                except Unplayable as error:
                    self._note_in_vain(key, error.reason)
                    raise
                await made.finish()
                await self._shelf.keep(made, key)
        log.info("made of a recording", job=job.value, key=key)

    def _refuse_again(self, key: str) -> None:
        until, reason = self._in_vain.get(key, (None, ""))
        if until is not None and self._clock.now() < until:
            raise Unplayable(reason)

    def _note_in_vain(self, key: str, reason: str) -> None:
        self._in_vain.pop(key, None)
        if len(self._in_vain) >= MOST_IN_VAIN:
            del self._in_vain[next(iter(self._in_vain))]
        self._in_vain[key] = self._clock.now() + VAIN, reason


def key_of_made(file: StoredFile, job: Job) -> str:
    return file.key + SUFFIXES[job]
