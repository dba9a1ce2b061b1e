"""Whoever has the permanent link hears the recording, in parts if they like, and nobody else anything."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from switchhook.core.call import Call, CallEvent, Direction, Happening
from switchhook.core.connector import Role, Side
from switchhook.flow.configure import Configured
from switchhook.flow.media.shelf import Shelf, key_of
from switchhook.flow.playback import Form, Opened, Playback
from switchhook.store import open_store
from switchhook.store.recordings import (
    FetchState,
    StoredFile,
    claim,
    of_call,
    postpone,
    settle,
)
from tests.fakes import START, FakeClock
from tests.flow.rig import Rig, open_rig

SOUND = bytes(range(256)) * 400
PEERS = "https://pbx.example/rec/1?sig=abc"


@dataclass(kw_only=True)
class Library:
    """One call with one recording, and the way to hear it."""

    rig: Rig
    clock: FakeClock
    pbx: Configured
    shelf: Shelf
    playback: Playback
    call: Call

    @property
    def token(self) -> str:
        return self.call.recording_token

    async def keep(self, sound: bytes = SOUND, *, content_type: str = "audio/mpeg") -> str:
        """Put the sound on the shelf, as a fetch does; give its SHA-256."""
        with self.shelf.new_file() as file:
            await file.write(sound)
            sha256 = await file.finish()
            key = key_of(self.rig.account_id, sha256)
            await self.shelf.keep(file, key)
        stored = StoredFile(key=key, sha256=sha256, size_bytes=len(sound), content_type=content_type)
        await self.become(FetchState.KEPT, file=stored)
        return sha256

    async def become(self, state: FetchState, *, file: StoredFile | None = None) -> None:
        (noted,) = await self.rig.store.read(of_call, self.rig.account_id, self.call)
        await self.rig.store.write(
            settle, self.rig.account_id, noted.id, state, at=self.clock.now(), file=file
        )

    async def open(self, index: int = 0, **asked: str | bool | Form | None) -> Opened:
        return await self.playback.open_recording(self.token, index, **asked)  # type: ignore[arg-type]


@asynccontextmanager
async def open_library(
    folder: Path, *, url: str | None = PEERS, is_temp: bool = False
) -> AsyncIterator[Library]:
    clock = FakeClock()
    async with open_rig(folder, {"pbx": [Side(role=Role.PBX)]}, clock=clock) as rig:
        pbx = await rig.connect("pbx", Role.PBX)
        event = CallEvent(
            call_id="1",
            happening=Happening.RINGING,
            direction=Direction.INBOUND,
            extension="101",
            number='+7 916 123-45-67";x="',
            is_recorded=True,
            recording_url=url,
            recording_is_temp=is_temp,
        )
        await rig.hub(pbx).accept([event])
        shelf = Shelf(folder / "recordings")
        yield Library(
            rig=rig,
            clock=clock,
            pbx=pbx,
            shelf=shelf,
            playback=Playback(rig.store, shelf, clock=clock),
            call=(await rig.hub(pbx).history(["1"]))["1"],
        )


async def body(opened: Opened) -> bytes:
    assert opened.chunks is not None
    return b"".join([chunk async for chunk in opened.chunks])


async def test_a_recording_is_served_whole(tmp_path: Path) -> None:
    async with open_library(tmp_path) as library:
        sha256 = await library.keep()
        opened = await library.open()

        assert opened.status == 200
        assert await body(opened) == SOUND
        assert dict(opened.headers) == {
            "content-type": "audio/mpeg",
            "content-length": str(len(SOUND)),
            "content-disposition": f'inline; filename="{START:%Y-%m-%d_%H-%M-%S}.mp3"',
            "accept-ranges": "bytes",
            "etag": f'"{sha256}"',
            "cache-control": "private, max-age=86400",
            "x-content-type-options": "nosniff",
            "content-security-policy": "default-src 'none'; media-src 'self'; style-src 'unsafe-inline'",
            "referrer-policy": "no-referrer",
        }


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-", 0, 102_400),
        ("bytes=0-0", 0, 1),
        ("bytes=1000-50000", 1000, 50_001),
        ("bytes=-7", 102_393, 102_400),
    ],
)
async def test_a_part_is_served_as_asked(tmp_path: Path, asked: str, start: int, end: int) -> None:
    async with open_library(tmp_path) as library:
        await library.keep()
        opened = await library.open(range_header=asked)

        assert opened.status == 206
        assert await body(opened) == SOUND[start:end]
        assert opened.headers["content-range"] == f"bytes {start}-{end - 1}/{len(SOUND)}"
        assert opened.headers["content-length"] == str(end - start)


async def test_a_part_outside_of_the_file_is_refused_with_the_size(tmp_path: Path) -> None:
    async with open_library(tmp_path) as library:
        await library.keep()
        opened = await library.open(range_header="bytes=102400-")

        assert (opened.status, opened.chunks) == (416, None)
        assert opened.headers["content-range"] == "bytes */102400"


async def test_a_part_of_another_file_is_not_asked_for(tmp_path: Path) -> None:
    async with open_library(tmp_path) as library:
        sha256 = await library.keep()
        same = await library.open(range_header="bytes=0-9", if_range=f'"{sha256}"')
        other = await library.open(range_header="bytes=0-9", if_range='"another"')
        dated = await library.open(range_header="bytes=0-9", if_range="Mon, 02 Mar 2026 09:00:00 GMT")

        assert [one.status for one in (same, other, dated)] == [206, 200, 200]


async def test_head_tells_the_same_without_the_sound(tmp_path: Path) -> None:
    async with open_library(tmp_path) as library:
        await library.keep()
        got, head = await library.open(), await library.open(wants_body=False)

        assert (head.status, head.headers, head.chunks) == (got.status, got.headers, None)


@pytest.mark.parametrize("state", [FetchState.HEARD, FetchState.WAITING])
async def test_a_recording_on_its_way_is_to_be_asked_for_again(tmp_path: Path, state: FetchState) -> None:
    async with open_library(tmp_path) as library:
        if state is FetchState.WAITING:
            (noted,) = await library.rig.store.read(of_call, library.rig.account_id, library.call)
            at = START + timedelta(seconds=10)
            await library.rig.store.write(postpone, library.rig.account_id, noted.id, at=at)
        opened = await library.open()

        assert (opened.status, opened.chunks) == (404, None)
        assert opened.headers["retry-after"] == ("11" if state is FetchState.WAITING else "1")


async def test_a_link_given_out_before_any_recording_was_heard_of_may_still_come_true(tmp_path: Path) -> None:
    async with open_library(tmp_path, url=None) as library:
        soon = await library.open()
        library.clock.pass_time(86_401)
        late = await library.open()

        assert (soon.status, "retry-after" in soon.headers) == (404, True)
        assert (late.status, "retry-after" in late.headers) == (404, False)


async def test_what_only_the_peer_has_for_good_is_heard_there(tmp_path: Path) -> None:
    async with open_library(tmp_path) as library:
        await library.become(FetchState.LINKED)
        opened = await library.open()

        assert (opened.status, opened.headers["location"]) == (302, PEERS)


async def test_a_lost_recording_is_not_there(tmp_path: Path) -> None:
    async with open_library(tmp_path, is_temp=True) as library:
        await library.become(FetchState.LOST)
        opened = await library.open()

        assert (opened.status, "location" in opened.headers, "retry-after" in opened.headers) == (
            404,
            False,
            False,
        )


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "file:///etc/passwd", "https://a.example/\r\nX: y", "//a.example"]
)
async def test_nobody_is_sent_to_what_is_no_web_address(tmp_path: Path, url: str) -> None:
    async with open_library(tmp_path, url=url) as library:
        await library.become(FetchState.LINKED)
        opened = await library.open()

        assert (opened.status, "location" in opened.headers) == (404, False)


@pytest.mark.parametrize("token", ["", "unknown", "a\x00b", "ключ", "x" * 10_000, "../../key"])
async def test_a_wrong_link_leads_nowhere(tmp_path: Path, token: str) -> None:
    async with open_library(tmp_path) as library:
        await library.keep()
        opened = await library.playback.open_recording(token)

        assert (opened.status, opened.chunks, "retry-after" in opened.headers) == (404, None, False)


@pytest.mark.parametrize("index", [-1, 10_000, 2**70])
async def test_a_number_no_call_has_leads_nowhere(tmp_path: Path, index: int) -> None:
    async with open_library(tmp_path) as library:
        await library.keep()

        assert (await library.open(index)).status == 404


async def test_a_file_that_is_gone_from_the_shelf_is_not_there(tmp_path: Path) -> None:
    async with open_library(tmp_path) as library:
        sha256 = await library.keep()
        (tmp_path / "recordings" / key_of(library.rig.account_id, sha256)).unlink()

        assert (await library.open()).status == 404


@pytest.mark.postgres
async def test_on_postgresql_no_two_nodes_fetch_the_same_recording(
    tmp_path: Path, fresh_postgres_url: str
) -> None:
    clock = FakeClock()
    async with open_rig(
        tmp_path, {"pbx": [Side(role=Role.PBX)]}, where=fresh_postgres_url, clock=clock
    ) as rig:
        pbx = await rig.connect("pbx", Role.PBX)
        for number in range(10):
            event = CallEvent(call_id="1", happening=Happening.RECORDED, recording_url=f"{PEERS}{number}")
            await rig.hub(pbx).accept([event, event])
        second = await open_store(fresh_postgres_url)
        until = START + timedelta(minutes=6)
        claimed = []
        for store in (rig.store, second, rig.store, second):
            claimed += await store.write(claim, at=START, until=until, limit=4)
        again = await second.write(claim, at=until, until=until + timedelta(minutes=6), limit=99)
        await second.close()

        assert sorted(one.number for one in claimed) == list(range(10))
        assert len(again) == 10
