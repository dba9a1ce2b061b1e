"""What a recording is, how long it is, and which part of it was asked for."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from switchhook.core.errors import BadMessage
from switchhook.flow.media.measure import measure_seconds
from switchhook.flow.media.ranges import Part, read_range
from switchhook.flow.media.shelf import Shelf, key_of
from switchhook.flow.media.sniff import is_whole, sniff
from tests.flow.sounds import SECONDS, bare_mp3, claiming, encoded, wav

SOUNDS: dict[str, Callable[[], bytes]] = {
    "wav": wav,
    "mp3": lambda: encoded("mp3"),
    "mp3 without a tag": bare_mp3,
    "ogg": lambda: encoded("ogg"),
    "flac": lambda: encoded("flac"),
    "m4a": lambda: encoded("m4a"),
    "webm": lambda: encoded("webm"),
    "wav of unknown length": lambda: claiming(0xFFFFFFFF),
    "wav that claims 4 GB": lambda: claiming(0xFFFFFF00),
}


@pytest.mark.parametrize("name", SOUNDS)
async def test_a_sound_is_known_and_measured_by_its_own_bytes(tmp_path: Path, name: str) -> None:
    sound = SOUNDS[name]()
    path = tmp_path / "sound"
    path.write_bytes(sound)
    kind = sniff(sound[:1024])
    seconds = await measure_seconds(path, kind.demuxer)

    assert kind.suffix == name.split()[0]
    assert seconds == pytest.approx(SECONDS, abs=0.25)


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (b"", "an empty file"),
        (b"\n\n", "an empty file"),
        (b"\xef\xbb\xbf<!DOCTYPE html><html>", "a web page"),
        (b"  <html><body>log in</body>", "a web page"),
        (b'{"error":"not found"}', "JSON"),
        (b"#EXTM3U\n#EXTINF:1\nfile:///etc/passwd\n", "a playlist"),
        (b"PK\x03\x04" + bytes(40), "a zip archive"),
        (b"%PDF-1.7", "a PDF"),
        (b"\xff\xff\xff\xff", "something unknown"),
        (b"\xff\xf1\x50\x80", "something unknown"),
        (b"RIFF\x24\x00\x00\x00AVI LIST", "something unknown"),
        (b"MZ\x90\x00", "something unknown"),
    ],
)
def test_what_is_no_sound_is_refused_and_named(head: bytes, what: str) -> None:
    with pytest.raises(BadMessage) as caught:
        sniff(head)

    assert caught.value.reason == f"expected a recording, got {what}"


@pytest.mark.parametrize(
    "head", [b"ID3\x03" + bytes(2000), wav()[:44], b"fLaC" + bytes(100), b"OggS\x00" * 50]
)
async def test_a_file_that_only_begins_like_sound_has_no_length(tmp_path: Path, head: bytes) -> None:
    path = tmp_path / "sound"
    path.write_bytes(head)
    seconds = await measure_seconds(path, sniff(head).demuxer)

    assert seconds in (None, 0.0)


async def test_the_measuring_child_opens_no_other_file(tmp_path: Path) -> None:
    """Forced formats keep playlists out; should one of them learn to refer to files, this holds."""
    playlist = tmp_path / "sound"
    (tmp_path / "secret.mp3").write_bytes(encoded("mp3"))
    playlist.write_text(
        f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{tmp_path}/secret.mp3\n#EXT-X-ENDLIST\n"
    )
    seconds = await measure_seconds(playlist, "hls")

    assert seconds is None


@pytest.mark.parametrize(
    ("sound", "size_bytes", "whole"),
    [
        (wav(), len(wav()), True),
        (wav(), len(wav()) - 1, False),
        (claiming(0xFFFFFFFF), 1000, True),
        (claiming(0x7FFFFFFF), 1000, True),
        (claiming(0), 1000, True),
        (bare_mp3(), 100, True),
    ],
)
def test_a_wav_says_itself_whether_it_is_whole(sound: bytes, size_bytes: int, whole: bool) -> None:
    assert is_whole(sound[:1024], size_bytes) is whole


@pytest.mark.parametrize(
    ("header", "part"),
    [
        (None, None),
        ("", None),
        ("bytes=0-", Part(0, 100)),
        ("bytes=0-0", Part(0, 1)),
        ("bytes=10-19", Part(10, 20)),
        ("Bytes = 90-500", Part(90, 100)),
        ("bytes=-30", Part(70, 100)),
        ("bytes=-500", Part(0, 100)),
        # Ignored, so the whole file is sent.
        ("bytes=19-10", None),
        ("bytes=-", None),
        ("bytes=0-1,5-6", None),
        ("items=0-1", None),
        ("bytes=a-b", None),
        ("bytes=0-" + "9" * 30, None),
    ],
)
def test_one_range_is_read_and_others_are_ignored(header: str | None, part: Part | None) -> None:
    assert read_range(header, 100) == part


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=5000-6000", "bytes=-0"])
def test_a_range_outside_of_the_file_is_refused(header: str) -> None:
    with pytest.raises(ValueError, match="expected a part of 100 bytes"):
        read_range(header, 100)


async def test_a_file_is_on_the_shelf_whole_or_not_at_all(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "recordings")
    with shelf.new_file() as file:
        await file.write(b"half")
    with shelf.new_file() as file:
        for piece in (b"a" * 3000, b"b" * 3000):
            await file.write(piece)
        key = key_of(7, await file.finish())
        await shelf.keep(file, key)
    chunks = await shelf.open(key, Part(2998, 3002))
    read = b"".join([chunk async for chunk in chunks])

    assert read == b"aabb"
    assert file.head == b"a" * 1024
    assert names_of_files(tmp_path) == [key.split("/")[-1]]


async def test_a_file_of_the_same_content_is_stored_once_for_an_account(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)

    async def keep(account_id: int) -> str:
        with shelf.new_file() as file:
            await file.write(b"sound")
            key = key_of(account_id, await file.finish())
            await shelf.keep(file, key)
            return key

    keys = await asyncio.gather(keep(1), keep(1), keep(2))

    assert len(set(keys)) == 2
    assert len(names_of_files(tmp_path)) == 2


async def test_a_file_that_is_gone_is_said_to_be_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await Shelf(tmp_path).open(key_of(1, "0" * 64), Part(0, 1))


async def test_recordings_may_be_kept_in_any_object_store(tmp_path: Path) -> None:
    bucket = tmp_path / "bucket"
    bucket.mkdir()
    shelf = Shelf(tmp_path / "recordings", url=bucket.as_uri())
    for _ in range(2):
        with shelf.new_file() as file:
            await file.write(b"sound")
            key = key_of(1, await file.finish())
            await shelf.keep(file, key)
    chunks = await shelf.open(key, Part(0, 5))
    read = b"".join([chunk async for chunk in chunks])

    assert read == b"sound"
    assert (bucket / key).read_bytes() == b"sound"


def names_of_files(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file()]
