"""A recording is given as mp3 and as waveform under its own link, by the same rules as itself."""

from pathlib import Path

import msgspec
import pytest

from switchhook.flow.media.jobs import Unplayable
from switchhook.flow.playback import Form
from switchhook.store.recordings import FetchState
from tests.fakes import START
from tests.flow.sounds import SECONDS, bare_mp3, sides, wav
from tests.flow.test_recordings_served import PEERS, body, open_library

NAME = f"{START:%Y-%m-%d_%H-%M-%S}"


async def test_a_recording_is_given_as_mp3_whole_and_in_parts(tmp_path: Path) -> None:
    async with open_library(tmp_path) as library:
        sha256 = await library.keep(wav(), content_type="audio/wav")
        whole = await library.open(form=Form.MP3)
        sound = await body(whole)
        etag = whole.headers["etag"]
        part = await library.open(form=Form.MP3, range_header="bytes=100-199", if_range=etag)
        of_other = await library.open(form=Form.MP3, range_header="bytes=0-9", if_range=f'"{sha256}"')
        outside = await library.open(form=Form.MP3, range_header=f"bytes={len(sound)}-")
        head = await library.open(form=Form.MP3, wants_body=False)
        same = await library.open(form=Form.MP3, if_none_match=f'W/"x", {etag}')
        as_kept = await library.open()

        assert (whole.status, whole.headers["content-type"]) == (200, "audio/mpeg")
        assert whole.headers["content-disposition"] == f'inline; filename="{NAME}.mp3"'
        assert whole.headers["accept-ranges"] == "bytes"
        assert whole.headers["content-length"] == str(len(sound))
        assert (part.status, await body(part)) == (206, sound[100:200])
        assert part.headers["content-range"] == f"bytes 100-199/{len(sound)}"
        assert of_other.status == 200
        assert (outside.status, outside.headers["content-range"]) == (416, f"bytes */{len(sound)}")
        assert (head.status, head.headers, head.chunks) == (200, whole.headers, None)
        assert (same.status, same.headers["etag"], same.chunks) == (304, etag, None)
        assert etag != as_kept.headers["etag"]
        assert await body(as_kept) == wav()


async def test_one_that_is_mp3_already_is_given_as_it_is(tmp_path: Path) -> None:
    async with open_library(tmp_path) as library:
        await library.keep(bare_mp3())
        opened = await library.open(form=Form.MP3)

        assert opened.headers == (await library.open()).headers
        assert await body(opened) == bare_mp3()


async def test_a_waveform_is_as_fine_as_it_is_asked_for(tmp_path: Path) -> None:
    async with open_library(tmp_path) as library:
        await library.keep(sides(0.5, 0.25), content_type="audio/wav")
        rough, fine = [await library.playback.open_peaks(library.token, buckets=n) for n in (100, 4000)]
        told = [msgspec.json.decode(await body(one)) for one in (rough, fine)]
        etag = rough.headers["etag"]
        same, other = [
            await library.playback.open_peaks(library.token, buckets=n, if_none_match=etag)
            for n in (100, 101)
        ]
        head = await library.playback.open_peaks(library.token, buckets=100, wants_body=False)

        assert [one["duration"] for one in told] == [SECONDS] * 2
        assert [[len(channel) for channel in one["peaks"]] for one in told] == [[100] * 2, [4000] * 2]
        assert {abs(peak) for peak in told[0]["peaks"][0]} == {0.5}
        assert rough.headers["content-type"] == "application/json"
        assert rough.headers["cache-control"] == "private, max-age=86400, immutable"
        assert etag != fine.headers["etag"]
        assert [one.status for one in (same, other)] == [304, 200]
        assert (head.headers, head.chunks) == (rough.headers, None)


async def test_of_what_only_the_peer_has_there_is_no_waveform_and_the_peers_own_sound(tmp_path: Path) -> None:
    async with open_library(tmp_path) as library:
        await library.become(FetchState.LINKED)
        peaks = await library.playback.open_peaks(library.token)
        mp3 = await library.open(form=Form.MP3)

        assert (peaks.status, peaks.chunks) == (404, None)
        assert (mp3.status, mp3.headers["location"]) == (302, PEERS)


async def test_one_that_is_still_expected_is_to_be_asked_for_again(tmp_path: Path) -> None:
    async with open_library(tmp_path) as library:
        peaks = await library.playback.open_peaks(library.token)
        mp3 = await library.open(form=Form.MP3)

        assert [(one.status, one.headers["retry-after"]) for one in (peaks, mp3)] == [(404, "1")] * 2


@pytest.mark.parametrize("index", [-1, 1, 2**70])
async def test_a_wrong_link_leads_nowhere(tmp_path: Path, index: int) -> None:
    async with open_library(tmp_path) as library:
        await library.keep(wav(), content_type="audio/wav")
        found = [
            await library.playback.open_peaks(library.token, index),
            await library.playback.open_peaks("guessed"),
            await library.open(index, form=Form.MP3),
        ]

        assert [one.status for one in found] == [404] * 3
        assert [path.suffix for path in on_the_shelf(tmp_path)] == [""]


async def test_one_of_which_nothing_can_be_made_is_still_given_itself(tmp_path: Path) -> None:
    sound = wav()[:20] + bytes(4000)
    async with open_library(tmp_path) as library:
        await library.keep(sound, content_type="audio/wav")
        with pytest.raises(Unplayable):
            await library.open(form=Form.MP3)
        with pytest.raises(Unplayable):
            await library.playback.open_peaks(library.token)

        assert await body(await library.open()) == sound


async def test_one_that_is_gone_from_the_shelf_is_not_there(tmp_path: Path) -> None:
    async with open_library(tmp_path) as library:
        await library.keep(wav(), content_type="audio/wav")
        for path in on_the_shelf(tmp_path):
            path.unlink()
        found = [await library.open(form=Form.MP3), await library.playback.open_peaks(library.token)]

        assert [one.status for one in found] == [404] * 2


def on_the_shelf(folder: Path) -> list[Path]:
    return list(folder.rglob("recordings/*/*/*"))
