"""What the child process makes of sound, and that nothing it is given takes more than it may."""

import asyncio
import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import av
import pytest

from switchhook.core.errors import StoreDown
from switchhook.flow.media.jobs import BOUNDS, CANNOT, DONE, MIB, REFUSED, Bounds, Job, Unplayable
from switchhook.flow.media.sniff import sniff
from switchhook.flow.media.waveform import Waveform, decode, peaks_of
from switchhook.flow.media.worker import MODULE, work
from tests.fakes import eventually
from tests.flow.processes import children
from tests.flow.sounds import (
    SECONDS,
    bare_mp3,
    claiming,
    encoded,
    long_silence,
    many_channels,
    sides,
    tagged,
    wav,
)
from tests.servers.forked import fork

Sound = Callable[[], bytes]

# Made when they are needed: whoever only lists the tests makes none.
SOUNDS: dict[str, Sound] = {
    "wav": wav,
    "mp3": bare_mp3,
    "ogg": lambda: encoded("ogg"),
    "flac": lambda: encoded("flac"),
    "m4a": lambda: encoded("m4a"),
    "webm": lambda: encoded("webm"),
    "wav with a tag in Windows-1251": lambda: tagged("Секретарь".encode("cp1251")),
    "wav that claims 4 GB": lambda: claiming(0xFFFFFF00),
}
MAKES = [Job.MP3, Job.PEAKS]


@contextmanager
def opened(sound: bytes) -> Iterator[IO[bytes]]:
    with TemporaryFile() as file:
        file.write(sound)
        file.seek(0)
        yield file


async def made(job: Job, sound: bytes, *, demuxer: str | None = None, **bounds: float) -> bytes:
    """Have it made; bounds are those of the hub but for what is said here."""
    given: Bounds = replace(BOUNDS[job], **bounds)  # type: ignore[arg-type]
    with opened(sound) as source, TemporaryFile() as target:
        await work(job, demuxer or sniff(sound[:1024]).demuxer, source, given, target=target)
        target.seek(0)
        return target.read()


async def forked(
    job: Job, sound: bytes, *, demuxer: str | None = None, **bounds: float
) -> tuple[int, bytes, str]:
    """Have a child do it that has loaded everything: its status, what it made, and its last words."""
    given: Bounds = replace(BOUNDS[job], **bounds)  # type: ignore[arg-type]
    words = (given.cpu_seconds, given.memory_bytes, given.output_bytes, given.sound_seconds)
    with opened(sound) as source, TemporaryFile() as target, TemporaryFile() as errors:
        with fork(
            MODULE,
            *(job.value, demuxer or sniff(sound[:1024]).demuxer, *map(str, words)),
            stdin=source.fileno(),
            stdout=target.fileno(),
            stderr=errors.fileno(),
            loaded="sound",
        ) as child:
            status = await child.ended()
        for file in (target, errors):
            file.seek(0)
        return status, target.read(), errors.read().rpartition(b"\n")[2].decode()


async def waveform(sound: bytes) -> Waveform:
    return decode(await made(Job.PEAKS, sound))


def loudness(mp3: bytes) -> tuple[int, float, tuple[float, ...]]:
    """Decode an mp3: its rate, its seconds, and how loud each channel is at most, from 0 to 1."""
    loud: dict[int, float] = {}
    samples = 0
    with av.open(io.BytesIO(mp3), "r", format="mp3") as container:
        stream = container.streams.audio[0]
        for frame in container.decode(stream):
            samples += frame.samples
            for channel, row in enumerate(frame.to_ndarray()):
                loud[channel] = max(loud.get(channel, 0.0), float(abs(row).max()))
        assert stream.codec_context.name.startswith("mp3")
        return stream.rate, samples / stream.rate, tuple(loud[channel] for channel in sorted(loud))


@pytest.mark.parametrize("name", SOUNDS)
async def test_every_format_that_is_kept_becomes_mp3(name: str) -> None:
    status, mp3, _ = await forked(Job.MP3, SOUNDS[name]())
    rate, seconds, loud = loudness(mp3)

    assert status == DONE
    assert rate == (24_000 if name in ("ogg", "webm") else 16_000)
    assert seconds == pytest.approx(SECONDS, abs=0.3)
    assert len(loud) == 1
    assert loud[0] == pytest.approx(8000 / 32_768, abs=0.15)


@pytest.mark.parametrize("name", SOUNDS)
async def test_every_format_that_is_kept_has_a_waveform(name: str) -> None:
    status, drawn, _ = await forked(Job.PEAKS, SOUNDS[name]())
    found = decode(drawn)
    peaks = peaks_of(found, 800)

    assert status == DONE
    assert found.seconds == pytest.approx(SECONDS, abs=0.3)
    assert [len(channel) for channel in peaks.peaks] == [800]
    assert sum(abs(peak) > 0.1 for peak in peaks.peaks[0]) > 700


async def test_the_two_sides_of_a_call_stay_apart() -> None:
    sound = sides(0.5, 0.0)
    _, _, (left, right) = loudness(await made(Job.MP3, sound))
    drawn = peaks_of(await waveform(sides(0.5, 0.25)), 100)

    assert left > 0.4
    assert right < 0.01
    assert {abs(peak) for peak in drawn.peaks[0]} == {0.5}
    assert {abs(peak) for peak in drawn.peaks[1]} == {0.25}


async def test_an_mp3_is_as_large_as_speech_needs() -> None:
    mono = await made(Job.MP3, wav(20.0))
    stereo = await made(Job.MP3, sides(0.5, 0.3, seconds=20.0))

    assert len(mono) * 8 / 20 == pytest.approx(32_000, rel=0.02)
    assert len(stereo) * 8 / 20 == pytest.approx(64_000, rel=0.02)


async def test_a_sound_that_changes_its_form_on_the_way_is_whole() -> None:
    joined = bare_mp3() + await made(Job.MP3, sides(0.5, 0.5, rate=48_000)) + bare_mp3()
    found = await waveform(joined)
    _, seconds, loud = loudness(await made(Job.MP3, joined))

    assert found.seconds == pytest.approx(3 * SECONDS, abs=0.4)
    assert seconds == pytest.approx(3 * SECONDS, abs=0.4)
    assert len(loud) == len(found.channels) == 1


async def test_a_damaged_stretch_is_left_out() -> None:
    sound = bytearray(bare_mp3())
    sound[3000:4500] = os.urandom(1500)
    found = await waveform(bytes(sound))

    assert SECONDS / 2 < found.seconds < SECONDS + 0.3


NOTHING: list[tuple[str, Sound, dict[str, object], str | None]] = [
    ("six channels", lambda: many_channels(*[0.5] * 6), {}, "expected one or two channels, got 6"),
    (
        "no telephone",
        lambda: sides(0.5, 0.5, rate=20),
        {},
        "expected 4000 to 192000 samples a second, got 20",
    ),
    ("too long", lambda: wav(4.0), {"sound_seconds": 3}, "it is longer than 0.05 minutes"),
    ("a bomb", lambda: long_silence(60), {"sound_seconds": 6}, "it is longer than 0.1 minutes"),
    ("only a header", lambda: wav()[:44], {}, "there is no sound in it"),
    ("noughts", lambda: wav()[:20] + bytes(5000), {}, None),
    ("another thing", lambda: b"RIFF\xff\xff\xff\x7fWAVE" + b"<html>" * 2000, {}, None),
    ("half a head", lambda: encoded("flac")[:60], {}, None),
    ("a lying head", lambda: b"OggS\x00" * 5000, {"demuxer": "ogg"}, None),
]


@pytest.mark.parametrize("job", MAKES)
@pytest.mark.parametrize(
    ("sound", "given", "reason"), [one[1:] for one in NOTHING], ids=[one[0] for one in NOTHING]
)
async def test_of_what_is_no_call_nothing_is_made_and_it_is_said_why(
    job: Job, sound: Sound, given: dict[str, int], reason: str | None
) -> None:
    status, _, said = await forked(job, sound(), **given)  # type: ignore[arg-type]

    assert status == REFUSED
    assert said == reason or (reason is None and said in (CANNOT, "there is no sound in it"))


@pytest.mark.parametrize("job", MAKES)
async def test_whoever_asked_is_told_the_reason(job: Job) -> None:
    with pytest.raises(Unplayable) as caught:
        await made(job, wav(4.0), sound_seconds=3)

    assert caught.value.reason == "it is longer than 0.05 minutes"


@pytest.mark.parametrize("job", MAKES)
async def test_of_a_format_that_is_none_nothing_is_made(job: Job) -> None:
    with pytest.raises(Unplayable, match="it cannot be decoded"):
        await made(job, wav(), demuxer="nonsense")


async def test_work_without_end_is_ended_by_the_kernel() -> None:
    with pytest.raises(Unplayable, match="it takes too long"):
        await made(Job.MP3, long_silence(900), cpu_seconds=1)


async def test_who_is_late_is_killed_with_all_that_it_started() -> None:
    with pytest.raises(Unplayable, match="it takes too long"):
        await made(Job.MP3, long_silence(900), wall_seconds=0.6)

    assert children() == []


async def test_who_is_no_longer_waited_for_is_killed() -> None:
    working = asyncio.ensure_future(made(Job.MP3, long_silence(900)))
    await eventually(lambda: bool(children()))
    working.cancel()
    await asyncio.wait([working])

    assert working.cancelled()
    assert children() == []


HUB = """
import asyncio, os, sys, tempfile
from switchhook.flow.media.jobs import BOUNDS, Job
from switchhook.flow.media.worker import work

with open(sys.argv[1], "rb") as source, tempfile.TemporaryFile() as target:
    asyncio.run(work(Job.MP3, "flac", source, BOUNDS[Job.MP3], target=target))
"""


async def test_a_hub_that_is_killed_leaves_nobody_at_work(tmp_path: Path) -> None:
    sound = tmp_path / "sound"
    sound.write_bytes(long_silence(900))
    hub = await asyncio.create_subprocess_exec(sys.executable, "-c", HUB, str(sound))
    await eventually(lambda: bool(found := children(of=hub.pid)) and limit(found[0], "open files") == "0")
    (child,) = children(of=hub.pid)
    hub.kill()
    await hub.wait()
    await eventually(lambda: not Path(f"/proc/{child}/limits").exists())


async def test_more_than_may_be_written_is_not() -> None:
    with pytest.raises(Unplayable, match="what is made of it is too large"):
        await made(Job.MP3, wav(20.0), output_bytes=20_000)


async def test_what_is_written_before_that_bound_holds_is_whole(tmp_path: Path) -> None:
    """Compiled modules, say: Python 3.11 keeps them cut off when their writing is cut off."""
    before = compiled()
    await made(Job.MP3, wav(), output_bytes=20_000)

    assert compiled() == before


async def test_a_full_disk_is_not_the_fault_of_the_recording() -> None:
    full = Path("/dev/full")
    with opened(wav()) as source, full.open("wb") as target, pytest.raises(StoreDown):  # noqa: ASYNC230
        await work(Job.PEAKS, "wav", source, BOUNDS[Job.PEAKS], target=target)


async def test_too_little_memory_ends_only_the_child() -> None:
    with pytest.raises(Unplayable):
        await made(Job.PEAKS, wav(), memory_bytes=64 * MIB)


CONFINED = """
import os, socket
from switchhook.flow.media.child.confine import bound, shut_doors
bound(cpu_seconds=5, memory_bytes=300 << 20)
shut_doors(output_bytes=1000)

def refused(try_it):
    try:
        try_it()
    except (OSError, MemoryError) as error:
        return type(error).__name__
    return "done"

print(refused(lambda: open("/etc/hostname")))
print(refused(socket.socket))
print(refused(lambda: bytearray(400 << 20)))
print(refused(lambda: os.write(3, bytes(2000)) == 1000 and os.write(3, b"x")))
"""


async def test_behind_shut_doors_nothing_is_opened_and_little_is_taken(tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as out:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", CONFINED.replace("os.write(3", f"os.write({out.fileno()}")),
            pass_fds=[out.fileno()],
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await child.communicate()

    assert said.decode().split() == ["OSError", "OSError", "MemoryError", "OSError"]
    assert (tmp_path / "out").stat().st_size == 1000


async def test_the_child_has_its_two_files_and_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWITCHHOOK_DATABASE_URL", "postgresql://hub:secret@db/hub")
    working = asyncio.ensure_future(made(Job.MP3, long_silence(900)))
    await eventually(lambda: bool(children()))
    (child,) = children()
    await eventually(lambda: limit(child, "open files") == "0")
    environment, files = read(child, "environ"), sorted(os.listdir(f"/proc/{child}/fd"))
    working.cancel()
    await asyncio.wait([working])

    assert "PATH=" in environment
    assert "secret" not in environment
    assert files == ["0", "1", "2"]


def read(process: int, name: str) -> str:
    return Path(f"/proc/{process}/{name}").read_text()


def limit(process: int, name: str) -> str:
    """Give the hard limit of a process."""
    return next(line.split()[-2] for line in read(process, "limits").splitlines() if name in line)


def compiled() -> dict[str, int]:
    folder = Path(sys.modules[work.__module__].__file__ or "").parent
    return {str(path): path.stat().st_size for path in folder.rglob("*.pyc")}
