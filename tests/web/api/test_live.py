"""The live stream tells calls as they change, and after a break what was missed."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import aiohttp

from switchhook.store.api_keys import revoke_api_key
from switchhook.web.api import live
from switchhook.web.stream import BEAT
from tests.web.api.client import Client, client_of, reading
from tests.web.hubs import planfix_event, running_hub
from tests.web.test_pages import next_message


async def told(stream: aiohttp.ClientResponse) -> tuple[str, str, Any]:
    """Give the next event: what it is called, its id, and what it says."""
    message = await next_message(stream.content)
    return message["event"], message["id"], json.loads(message["data"])


async def test_calls_are_told_as_they_change(client: Client) -> None:
    pbx = await client.hub.connect("planfix", "pbx")
    async with reading(client, "/live") as stream:
        ready = await told(stream)
        events = []
        for happening in ("INCOMING", "ACCEPTED"):
            await client.hub.post("/tel/api", data=planfix_event(pbx, happening, "1"))
            events.append(await told(stream))

    assert stream.headers["Content-Type"].startswith("text/event-stream")
    assert stream.headers["Cache-Control"] == "no-store"
    assert (ready[0], ready[2]) == ("ready", {})
    assert [event for event, _, _ in events] == ["call", "call"]
    assert [[change["kind"] for change in said["changes"]] for _, _, said in events] == [
        ["leg.ringing"],
        ["leg.answered"],
    ]
    assert [said["call"]["legs"][0]["state"] for _, _, said in events] == ["ringing", "talking"]
    assert events[0][2]["version"] < events[1][2]["version"]
    assert int(ready[1]) <= int(events[0][1]) < int(events[1][1])


async def test_after_a_break_what_was_missed_is_told_first(client: Client) -> None:
    pbx = await client.hub.connect("planfix", "pbx")
    async with reading(client, "/live") as stream:
        _, last, _ = await told(stream)
    await client.hub.post("/tel/api", data=planfix_event(pbx, "INCOMING", "1"))
    async with reading(client, "/live", **{"Last-Event-ID": last}) as stream:
        ready, missed = await told(stream), await told(stream)

    assert ready[0] == "ready"
    assert missed[0] == "call"
    assert missed[2]["call"]["legs"][0]["extension"] == "101"


async def test_strangers_hear_nothing(client: Client, stranger: Client) -> None:
    pbx = await client.hub.connect("planfix", "pbx")
    async with (
        reading(stranger, "/live", **{"Last-Event-ID": "0"}) as theirs,
        reading(client, "/live") as ours,
    ):
        await told(theirs)
        await told(ours)
        await client.hub.post("/tel/api", data=planfix_event(pbx, "INCOMING", "1"))
        heard = await told(ours)
        try:
            async with asyncio.timeout(0.3):
                theirs_too = await told(theirs)
        except TimeoutError:
            theirs_too = None

    assert heard[0] == "call"
    assert theirs_too is None


async def test_what_is_no_id_of_an_event_is_refused(client: Client) -> None:
    answer = await client.get("/live", headers={"Last-Event-ID": "yesterday"})

    assert (answer.status, answer.wrong) == (400, ["Last-Event-ID"])


async def test_the_head_of_the_stream_opens_none(client: Client) -> None:
    answer = await client.ask("HEAD", "/live")

    assert (answer.status, answer.type, answer.body) == (200, "text/event-stream", b"")


async def test_a_key_has_so_many_streams_and_no_more(client: Client) -> None:
    streams = [reading(client, "/live") for _ in range(live.MOST_STREAMS)]
    for one in streams:
        await told(await one.__aenter__())
    over = await client.get("/live")
    await streams.pop().__aexit__(None, None, None)
    async with asyncio.timeout(20):
        while True:
            async with reading(client, "/live") as again:
                if again.status == 200:
                    break
            await asyncio.sleep(0.02)
    for one in streams:
        await one.__aexit__(None, None, None)

    assert (over.status, over.problem) == (429, "too_many")


async def test_a_revoked_key_hears_nothing_more(client: Client) -> None:
    desk = client.hub.now.desk
    pbx = await client.hub.connect("planfix", "pbx")
    async with reading(client, "/live") as stream:
        await told(stream)
        await desk.store.write(revoke_api_key, desk.account_id, client.key.id, at=datetime.now(UTC))
        await asyncio.sleep(live.LOOK_AT_KEY_SECONDS)
        await client.hub.post("/tel/api", data=planfix_event(pbx, "INCOMING", "1"))
        async with asyncio.timeout(20):
            rest = await stream.content.read()

    assert rest == b""


async def test_a_stopping_hub_lets_its_streams_go(tmp_path: Any) -> None:
    async with aiohttp.ClientSession() as http:
        async with running_hub(tmp_path) as hub:
            client = await client_of(hub)
            headers = {"Authorization": f"Bearer {client.secret}"}
            stream = await http.get(f"{hub.now.url}/api/v1/live", headers=headers)
            await told(stream)
        rest = await stream.content.read()

    assert rest in (b"", BEAT)
