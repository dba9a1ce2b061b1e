"""Links of recordings work before the file is here, and give nothing to who guesses."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from switchhook.core.errors import BadMessage, HubError, StoreDown
from switchhook.flow.media.jobs import Busy, Unplayable
from switchhook.store.calls import open_calls
from switchhook.web.recordings import refusal
from tests.flow.sounds import SECONDS, sides, wav
from tests.web.hubs import TestHub, planfix_event
from tests.web.kept_sound import keep_recording, quick_hub


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[TestHub]:
    async with quick_hub(tmp_path) as running:
        yield running


async def recording_path(hub: TestHub) -> str:
    """Give the permanent link of a call that has just come in."""
    pbx = await hub.connect("planfix", "pbx")
    await hub.post("/tel/api", data=planfix_event(pbx, "INCOMING", "1"))
    store, account_id = hub.now.desk.store, hub.now.desk.account_id
    (call,) = await store.read(open_calls, account_id)
    return call.recording_path()


async def test_a_recording_that_may_still_come_is_asked_for_later(hub: TestHub) -> None:
    path = await recording_path(hub)

    response = await hub.get(path + ".mp3")

    assert response.status == 404
    assert int(response.headers["Retry-After"]) > 0


async def test_a_guessed_link_leads_nowhere(hub: TestHub) -> None:
    response = await hub.get("/r/guessed")

    assert (response.status, await response.read()) == (404, b"")
    assert "Retry-After" not in response.headers


async def test_only_reading_is_allowed(hub: TestHub) -> None:
    response = await hub.post("/r/guessed", data={})

    assert (response.status, response.headers["Allow"]) == (405, "GET, HEAD")


async def test_paths_that_are_no_links_are_not_found(hub: TestHub) -> None:
    statuses = [(await hub.get(path)).status for path in ("/r/", "/r/a/0", "/r/a/b", "/r/a.mp3/2", "/r/%0a")]

    assert statuses == [404] * 5


async def test_the_suffix_of_a_link_says_what_is_wanted(hub: TestHub) -> None:
    path = (await keep_recording(hub, sides(0.5, 0.25))).recording_path()
    plain, wav_too, mp3, part, peaks = [
        await hub.get(path),
        await hub.get(path + ".wav?from=crm"),
        await hub.get(path + ".mp3"),
        await hub.get(path + ".mp3", headers={"Range": "bytes=5-14"}),
        await hub.get(path + ".json?x=1&buckets=100"),
    ]
    sound = await mp3.read()
    told = await peaks.json()

    assert await plain.read() == await wav_too.read() == sides(0.5, 0.25)
    assert (mp3.status, mp3.headers["Content-Type"], sound[:2]) == (200, "audio/mpeg", b"\xff\xf3")
    assert (part.status, await part.read()) == (206, sound[5:15])
    assert (peaks.status, peaks.headers["Content-Type"]) == (200, "application/json")
    assert (told["duration"], [len(channel) for channel in told["peaks"]]) == (SECONDS, [100, 100])


async def test_what_somebody_has_already_is_not_sent_again(hub: TestHub) -> None:
    path = (await keep_recording(hub, wav())).recording_path()
    for suffix in ("", ".mp3", ".json"):
        first = await hub.get(path + suffix)
        again = await hub.get(path + suffix, headers={"If-None-Match": first.headers["ETag"]})
        head = await hub._send("HEAD", path + suffix)

        assert (again.status, await again.read()) == (304, b"")
        assert (head.status, head.headers["Content-Length"]) == (200, first.headers["Content-Length"])


@pytest.mark.parametrize("buckets", ["", "0", "99", "4001", "-1", "1e3", "999999999", "%31"])
async def test_a_waveform_is_neither_too_coarse_nor_too_fine(hub: TestHub, buckets: str) -> None:
    response = await hub.get(f"/r/anybody.json?buckets={buckets}")

    assert (response.status, response.headers["Content-Type"]) == (400, "text/plain")
    assert await response.text() == "expected buckets from 100 to 4000\n"


async def test_one_of_which_nothing_can_be_made_says_so_and_is_given_itself(hub: TestHub) -> None:
    sound = b"RIFF\x00\x00\x00\x00WAVE" + b"<html>" * 2000
    path = (await keep_recording(hub, sound)).recording_path()
    answers = [await hub.get(path + suffix) for suffix in (".mp3", ".json", "")]
    head = await hub._send("HEAD", path + ".mp3")

    assert [one.status for one in (*answers, head)] == [422, 422, 200, 422]
    assert await answers[0].text() == "it cannot be decoded\n"
    assert await answers[2].read() == sound


@pytest.mark.parametrize(
    ("error", "status", "retry_after"),
    [
        (Busy("too many", retry_after_seconds=29.2), 503, "30"),
        (StoreDown("the disk /var/secret is full"), 503, "30"),
        (Unplayable("it is longer than 240 minutes"), 422, None),
        (BadMessage("expected a number"), 400, None),
    ],
)
def test_each_error_has_its_answer(error: HubError, status: int, retry_after: str | None) -> None:
    reply = refusal(error)

    assert (reply.status, reply.headers.get("retry-after")) == (status, retry_after)
    assert b"secret" not in reply.body
