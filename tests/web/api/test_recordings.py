"""Recordings by the API: whole, in parts, as mp3 and as waveforms, and only of the account's own calls."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from switchhook.core.api import Scope
from switchhook.flow.media.jobs import Busy
from switchhook.web.api.problem import refusal
from tests.flow.sounds import SECONDS, wav
from tests.web.api.client import Client, client_of
from tests.web.hubs import TestHub, planfix_event
from tests.web.kept_sound import keep_recording, quick_hub


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[TestHub]:
    async with quick_hub(tmp_path) as running:
        yield running


@pytest.fixture
async def recording(client: Client) -> str:
    """Give the path of a recording that the hub holds."""
    call = await keep_recording(client.hub, wav())
    return f"/calls/{call.id}/recordings/0"


async def test_a_recording_is_given_whole_and_in_parts_to_its_account(
    client: Client, stranger: Client, recording: str
) -> None:
    whole = await client.get(recording)
    part = await client.get(recording, headers={"Range": "bytes=10-19"})
    end = await client.get(recording, headers={"Range": "bytes=-10", "If-Range": whole.headers["etag"]})
    other = await client.get(recording, headers={"Range": "bytes=-10", "If-Range": '"another"'})
    outside = await client.get(recording, headers={"Range": "bytes=99999999-"})
    others = [await client.get(recording[:-1] + number) for number in ("1", "-1", "999", "1000", "x")]
    strange = await stranger.get(recording)
    head = await client.ask("HEAD", recording)

    assert (whole.status, whole.type, whole.body) == (200, "audio/wav", wav())
    assert whole.headers["x-content-type-options"] == "nosniff"
    assert (part.status, part.body) == (206, wav()[10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{len(wav())}"
    assert (end.status, end.body) == (206, wav()[-10:])
    assert (other.status, other.body) == (200, wav())
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", str(len(wav())))
    assert (outside.status, outside.problem) == (416, "range_not_satisfiable")
    assert outside.headers["content-range"] == f"bytes */{len(wav())}"
    assert [one.problem for one in (*others, strange)] == ["not_found"] * 6


async def test_a_recording_that_may_still_come_is_asked_for_later(client: Client) -> None:
    pbx = await client.hub.connect("planfix", "pbx")
    await client.hub.post("/tel/api", data=planfix_event(pbx, "INCOMING", "1"))
    (call,) = (await client.get("/calls")).json["items"]

    answer = await client.get(f"/calls/{call['id']}/recordings/0")

    assert (answer.status, answer.problem) == (404, "not_found")
    assert int(answer.headers["retry-after"]) > 0


async def test_a_recording_is_given_as_mp3_by_the_same_rules(
    client: Client, stranger: Client, recording: str
) -> None:
    path = f"{recording}/mp3"
    whole = await client.get(path)
    part = await client.get(path, headers={"Range": "bytes=10-19"})
    outside = await client.get(path, headers={"Range": "bytes=99999999-"})
    same = await client.get(path, headers={"If-None-Match": whole.headers["etag"]})
    head = await client.ask("HEAD", path)
    others = [await client.get(recording[:-1] + number + "/mp3") for number in ("1", "-1", "x")]

    assert (whole.status, whole.type, whole.body[:2]) == (200, "audio/mpeg", b"\xff\xf3")
    assert whole.headers["cache-control"] == "private, max-age=86400"
    assert (part.status, part.body) == (206, whole.body[10:20])
    assert (outside.status, outside.problem) == (416, "range_not_satisfiable")
    assert outside.headers["content-range"] == f"bytes */{len(whole.body)}"
    assert (same.status, same.body, same.headers["etag"]) == (304, b"", whole.headers["etag"])
    assert (head.status, head.headers["content-length"]) == (200, str(len(whole.body)))
    assert [one.problem for one in (*others, await stranger.get(path))] == ["not_found"] * 4


async def test_a_waveform_is_for_players_as_it_is(client: Client, stranger: Client, recording: str) -> None:
    path = f"{recording}/peaks"
    usual = await client.get(path)
    fine = await client.get(f"{path}?buckets=4000")
    same = await client.get(path, headers={"If-None-Match": usual.headers["etag"]})
    wrong = [await client.get(f"{path}?buckets={said}") for said in ("99", "4001", "x")]

    assert (usual.status, usual.type) == (200, "application/json")
    assert "immutable" in usual.headers["cache-control"]
    assert (usual.json["duration"], [len(one) for one in usual.json["peaks"]]) == (SECONDS, [800])
    assert all(-1 <= peak <= 1 for peak in usual.json["peaks"][0])
    assert [len(one) for one in fine.json["peaks"]] == [4000]
    assert (same.status, same.body) == (304, b"")
    assert [(one.problem, one.wrong) for one in wrong] == [("bad_message", ["buckets"])] * 3
    assert (await stranger.get(path)).problem == "not_found"


async def test_a_key_that_may_not_read_gets_neither(client: Client, recording: str) -> None:
    dialler = await client_of(client.hub, scopes=[Scope.DIAL])
    answers = [await dialler.get(recording + what) for what in ("", "/mp3", "/peaks")]

    assert [one.problem for one in answers] == ["refused"] * 3


async def test_one_of_which_nothing_can_be_made_is_told_apart(client: Client) -> None:
    call = await keep_recording(client.hub, b"RIFF\x00\x00\x00\x00WAVE" + b"<html>" * 2000)
    path = f"/calls/{call.id}/recordings/0"
    answers = [await client.get(path + what) for what in ("/mp3", "/peaks")]
    itself = await client.get(path)

    assert [(one.status, one.problem) for one in answers] == [(422, "unplayable")] * 2
    assert itself.status == 200


def test_who_has_to_wait_is_told_for_how_long() -> None:
    response = refusal(Busy("too many", retry_after_seconds=29.2))

    assert (response.status_code, response.headers["retry-after"]) == (503, "30")
