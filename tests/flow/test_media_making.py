"""mp3 and waveforms are made once, kept beside the recording, and never half."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from switchhook.core.errors import StoreDown
from switchhook.flow.media.jobs import BOUNDS, Busy, Job, Unplayable
from switchhook.flow.media.making import VAIN, Maker, key_of_made
from switchhook.flow.media.ranges import Part
from switchhook.flow.media.shelf import NewFile, Shelf, key_of
from switchhook.flow.media.sniff import WAV
from switchhook.store.recordings import StoredFile
from tests.fakes import FakeClock, eventually
from tests.flow.processes import children
from tests.flow.sounds import encoded, long_silence, sides, wav


class CountingShelf(Shelf):
    """A shelf that knows what was put on it, time after time."""

    def __init__(self, folder: Path, *, url: str | None = None) -> None:
        super().__init__(folder, url=url)
        self.kept: list[str] = []

    async def keep(self, file: NewFile, key: str) -> None:
        await super().keep(file, key)
        self.kept.append(key)


MakeShelf = Callable[[], CountingShelf]


@pytest.fixture(params=["folder", "bucket"])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> CountingShelf:
    """A shelf in a folder, and one in an object store."""
    if request.param == "folder":
        return CountingShelf(tmp_path / "recordings")
    bucket = tmp_path / "bucket"
    bucket.mkdir()
    return CountingShelf(tmp_path / "recordings", url=bucket.as_uri())


async def stored(
    shelf: Shelf, sound: bytes, content_type: str = WAV.content_type, *, account_id: int = 1
) -> StoredFile:
    with shelf.new_file() as file:
        await file.write(sound)
        sha256 = await file.finish()
        key = key_of(account_id, sha256)
        await Shelf.keep(shelf, file, key)
    return StoredFile(key=key, sha256=sha256, size_bytes=len(sound), content_type=content_type)


async def read(shelf: Shelf, key: str, size_bytes: int) -> bytes:
    chunks: AsyncIterator[bytes] = await shelf.open(key, Part(0, size_bytes))
    return b"".join([chunk async for chunk in chunks])


def names(folder: Path) -> list[str]:
    """Give the names of all files, but for the folder of a shelf itself."""
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


async def test_what_many_ask_for_at_once_and_later_is_made_once(shelf: CountingShelf) -> None:
    maker, file = Maker(shelf), await stored(shelf, wav())
    sizes = await asyncio.gather(*(maker.mp3(file) for _ in range(4)))
    drawn = await asyncio.gather(*(maker.waveform(file) for _ in range(4)))
    sizes += [await maker.mp3(file), await Maker(shelf).mp3(file)]

    assert sorted(shelf.kept) == sorted(key_of_made(file, job) for job in (Job.MP3, Job.PEAKS))
    assert len(set(sizes)) == 1
    assert len({waveform.channels for waveform in drawn}) == 1
    assert len(await read(shelf, key_of_made(file, Job.MP3), sizes[0])) == sizes[0] > 8000


async def test_nothing_but_the_file_and_what_was_made_of_it_stays(
    shelf: CountingShelf, tmp_path: Path
) -> None:
    maker, file = Maker(shelf), await stored(shelf, wav())
    await maker.mp3(file)
    await maker.waveform(file)
    bad = await stored(shelf, wav()[:20] + bytes(4000))
    with pytest.raises(Unplayable):
        await maker.mp3(bad)

    assert names(tmp_path) == sorted(
        [bad.sha256, file.sha256, *(f"{file.sha256}.1.{suffix}" for suffix in ("mp3", "peaks"))]
    )


async def test_accounts_share_nothing(shelf: CountingShelf) -> None:
    maker = Maker(shelf)
    ours, theirs = [await stored(shelf, wav(), account_id=number) for number in (1, 2)]
    await maker.mp3(ours)

    assert await shelf.size_bytes(key_of_made(theirs, Job.MP3)) is None


async def test_who_gives_up_leaves_nothing_half_and_no_process(shelf: CountingShelf, tmp_path: Path) -> None:
    maker, file = Maker(shelf), await stored(shelf, long_silence(900), "audio/flac")
    asked = [asyncio.ensure_future(maker.mp3(file)) for _ in range(2)]
    await eventually(lambda: bool(children()))
    for one in asked:
        one.cancel()
    await asyncio.wait(asked)

    assert children() == []
    assert names(tmp_path) == [file.sha256]


async def test_what_is_late_is_not_tried_again_for_a_while(shelf: CountingShelf, tmp_path: Path) -> None:
    clock, file = FakeClock(), await stored(shelf, long_silence(900), "audio/flac")
    late = {Job.MP3: replace(BOUNDS[Job.MP3], wall_seconds=0.3)}
    maker = Maker(shelf, bounds=late, clock=clock)
    with pytest.raises(Unplayable) as first:
        await maker.mp3(file)
    with pytest.raises(Unplayable) as again:
        await asyncio.wait_for(maker.mp3(file), 0.2)  # at once
    clock.pass_time(VAIN.total_seconds())
    later = asyncio.ensure_future(maker.mp3(file))
    await eventually(lambda: bool(children()))
    await asyncio.wait([later])

    assert first.value.reason == again.value.reason == "it takes too long"
    assert isinstance(later.exception(), Unplayable)
    assert names(tmp_path) == [file.sha256]


async def test_too_many_at_once_are_sent_away_and_served_later(shelf: CountingShelf) -> None:
    maker = Maker(shelf, at_once=1, waiting=1, wait_seconds=20.0)
    files = [await stored(shelf, sides(0.1 * n, 0.2)) for n in range(1, 5)]
    got = await asyncio.gather(*(maker.mp3(file) for file in files), return_exceptions=True)
    busy = [file for file, one in zip(files, got, strict=True) if isinstance(one, Busy)]
    again = [await maker.mp3(file) for file in busy]

    assert len(busy) == 2
    assert all(isinstance(one, int) for one in (*again, *(one for one in got if not isinstance(one, Busy))))


async def test_a_recording_that_is_gone_cannot_be_made_into_anything(shelf: CountingShelf) -> None:
    file = StoredFile(key=key_of(1, "0" * 64), sha256="0" * 64, size_bytes=9, content_type="audio/wav")
    for _ in range(2):
        with pytest.raises(FileNotFoundError):
            await Maker(shelf).waveform(file)


async def test_a_type_that_nobody_knows_is_not_read(shelf: CountingShelf) -> None:
    file = await stored(shelf, encoded("mp3"), "text/html")
    with pytest.raises(Unplayable, match="text/html"):
        await Maker(shelf).mp3(file)


async def test_a_bucket_that_does_not_answer_is_no_fault_of_the_recording(tmp_path: Path) -> None:
    """Port 9 of loopback refuses: whatever it says, nobody is told the address."""
    shelf = Shelf(tmp_path, url="http://127.0.0.1:9/bucket")
    with pytest.raises(StoreDown) as caught:
        await asyncio.wait_for(shelf.size_bytes("1/00/0"), 60)

    assert "127" not in caught.value.reason
