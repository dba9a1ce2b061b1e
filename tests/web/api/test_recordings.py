"""Recordings by the API: whole, in parts, and only of the account's own calls."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.flow.sounds import wav
from tests.net.peers import Exchange, listening
from tests.web.api.client import Client
from tests.web.hubs import planfix_event


async def gives_sound(exchange: Exchange) -> None:
    await exchange.answer(wav())


@pytest.fixture
async def recording(client: Client) -> AsyncIterator[str]:
    """Give the path of a recording that the hub holds."""
    async with listening(gives_sound) as peer:
        pbx = await client.hub.connect("planfix", "pbx", allow_private="true")
        over = {"duration": "9", "is_recorded": "1", "status": "Success"}
        await client.hub.post("/tel/api", data=planfix_event(pbx, "COMPLETED", "1", **over))
        record = {"cmd": "record", "callid": "1", "record_link": peer.url, "is_temp": "0"}
        await client.hub.post("/tel/api", data={**record, "planfix_token": pbx.keys["planfix_token"]})
        async with asyncio.timeout(20):
            while True:
                (call,) = (await client.get("/calls")).json["items"]
                if call["recordings"] and call["recordings"][0]["is_ready"]:
                    break
                await asyncio.sleep(0.02)
        yield f"/calls/{call['id']}/recordings/0"


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
