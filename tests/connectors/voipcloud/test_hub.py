"""A whole hub and a played PBX: events over HTTP, and the time when the hub was away."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from switchhook.connectors.voipcloud import CONNECTOR
from switchhook.connectors.voipcloud.as_crm import serve
from switchhook.connectors.voipcloud.crm.history import Histories
from switchhook.core.call import Call, Disposition
from switchhook.core.connector import Role, Side
from switchhook.core.edge import Request
from switchhook.flow.configure import Configured
from switchhook.flow.poller import Poller
from switchhook.store.calls import page
from switchhook.store.dials import find_dial
from tests.connectors.planfix.peer import listening, says_in_turn
from tests.connectors.voipcloud.desk import TOKEN, PlayedPbx, pbx_on_loopback
from tests.connectors.voipcloud.played import Part, Played
from tests.connectors.voipcloud.test_dialling import taken
from tests.fakes import FakeClock, ScriptedPeer, eventually
from tests.flow.rig import Rig, open_rig, running
from tests.web.hubs import TestHub, path_of, running_hub

SETTINGS = {"url": "https://au.pbx.example", "token": TOKEN, "poll_every_seconds": "0"}


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[TestHub]:
    async with running_hub(tmp_path) as hub:
        yield hub


async def calls_of(hub: TestHub) -> Sequence[Call]:
    desk = hub.now.desk
    return (await desk.store.read(page, desk.account_id)).calls


async def send(hub: TestHub, made: Configured, body: object, tail: str = "") -> aiohttp.ClientResponse:
    headers = {"X-Pbx-Token": made.keys["webhook_token"]}
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await hub.post(path_of(made.urls["webhooks"]) + tail, data=data, headers=headers)


def played_now(**more: Any) -> Played:
    began = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=200)
    parts = [Part(user="2041", begins=7, rings=8, talk=87), Part(user="2042", begins=7, rings=8)]
    return Played(starts=began, **{"parts": parts, "queue": "Reception", **more})


async def test_events_become_one_call(hub: TestHub) -> None:
    made = await hub.connect("voipcloud", "pbx", **SETTINGS)
    played = played_now()
    for index, (_, event) in enumerate(played.events()):
        response = await send(hub, made, event, tail=f"/{event['type']}" if index % 2 else "")
        assert (response.status, await response.json()) == (200, {"status": "success"})

    (call,) = await calls_of(hub)
    assert (call.call_id, call.number, call.did) == ("177241404931", "+61299990011", "+61280001234")
    assert (call.contact_name, call.group) == ("Orchard Dental", "Reception")
    assert (call.started_at, [leg.answered_at for leg in call.legs]) == (
        played.starts,
        [played.at(15), None],
    )
    assert sorted(call.rung) == ["2041", "2042"]


async def test_events_of_one_call_in_one_array_and_all_at_once(hub: TestHub) -> None:
    made = await hub.connect("voipcloud", "pbx", **SETTINGS)
    events = [event for _, event in played_now().events()]

    answers = await asyncio.gather(send(hub, made, events), *(send(hub, made, one) for one in events * 3))

    assert {answer.status for answer in answers} == {200}
    assert len(await calls_of(hub)) == 1


async def test_the_door_is_shut_without_the_secret_and_to_what_is_too_long(hub: TestHub) -> None:
    made = await hub.connect("voipcloud", "pbx", **SETTINGS)
    event = {"type": "user_inbound", "unique_call_id": "7"}
    path = path_of(made.urls["webhooks"])
    padded = json.dumps({**event, "email_message": "x" * 250_000}).encode()

    missing = await hub.post(path, json=event)
    wrong = await hub.post(path, json=event, headers={"X-Pbx-Token": made.keys["webhook_token"][:-1] + "x"})
    no_json = await send(hub, made, b"type=user_inbound")
    long, too_long = await send(hub, made, padded), await send(hub, made, padded + b" " * 20_000)

    statuses = [one.status for one in (missing, wrong, no_json, long, too_long)]
    assert statuses == [401, 401, 400, 200, 413]
    assert await missing.read() == await wrong.read()
    assert made.keys["webhook_token"].encode() not in await wrong.read()
    assert [call.call_id for call in await calls_of(hub)] == ["7"]


def side_at(clock: FakeClock) -> Side:
    """The connector's own side, by the clock of the test."""
    return replace(CONNECTOR.sides[Role.PBX], poll=Histories(clock.now).poll)


@asynccontextmanager
async def small_hub(folder: Path, clock: FakeClock, crm: ScriptedPeer) -> AsyncIterator[Rig]:
    sides = {"voipcloud": [side_at(clock)], "crm": [crm.side()]}
    async with open_rig(folder, sides, clock=clock) as rig:
        yield rig


async def tell(rig: Rig, made: Configured, played: Played) -> None:
    """Post the events of a call while it goes on."""
    for seconds, event in played.events():
        rig.clock.pass_time((played.at(seconds) - rig.clock.now()).total_seconds())  # type: ignore[attr-defined]
        link = rig.registry.link(rig.account_id, made.id).link
        headers = {"x-pbx-token": made.keys["webhook_token"]}
        request = Request(method="POST", path="/webhooks", headers=headers, body=json.dumps(event).encode())
        assert (await serve(request, link, rig.hub(made))).status == 200


async def stored(rig: Rig) -> list[Call]:
    return list((await rig.store.read(page, rig.account_id)).calls)


async def test_what_the_hub_missed_while_it_was_away_is_read_once_it_is_back(tmp_path: Path) -> None:
    clock, crm = FakeClock(), ScriptedPeer(FakeClock())
    before = Played(call_id="1", starts=clock.now(), parts=[Part(user="2041", begins=0, rings=5, talk=30)])
    during = Played(
        call_id="2", starts=clock.now() + timedelta(hours=2), parts=[Part(user="2042", begins=0, rings=9)]
    )
    half_heard = Played(
        call_id="3",
        starts=clock.now() + timedelta(hours=5),
        parts=[Part(user="2041", begins=0, rings=4, talk=300)],
    )
    async with pbx_on_loopback(PlayedPbx()) as pbx:
        async with small_hub(tmp_path, clock, crm) as rig:
            made = await rig.connect("voipcloud", Role.PBX, settings={"url": pbx.url, "token": TOKEN})
            poller = Poller(rig.store, rig.registry, rig.hubs.of, clock=clock)
            async with running(poller.run()):
                await tell(rig, made, before)
                pbx.rows += before.rows()
                await clock.pass_until(lambda: len(pbx.asked) > 2, step=10)
        pbx.rows += [*during.rows(), *half_heard.rows()]
        clock.pass_time(6 * 3600)
        async with small_hub(tmp_path, clock, crm) as rig:
            await rig.registry.refresh()
            # The end of a call that began while nobody listened.
            (*_, (_, end)) = half_heard.events()
            link = rig.registry.link(rig.account_id, made.id).link
            headers = {"x-pbx-token": made.keys["webhook_token"]}
            request = Request(method="POST", path="/", headers=headers, body=json.dumps(end).encode())
            await serve(request, link, rig.hub(made))
            async with running(Poller(rig.store, rig.registry, rig.hubs.of, clock=clock).run()):
                asked = len(pbx.asked)
                await eventually(lambda: len(pbx.asked) > asked)
                await clock.pass_until(lambda: len(pbx.asked) > asked + 1, step=20)
            calls = {call.call_id: call for call in await stored(rig)}

    assert sorted(calls) == ["1", "2", "3"]
    assert len(calls) == 3
    assert calls["2"].started_at == during.starts
    assert calls["2"].legs[0].disposition is Disposition.MISSED
    assert (calls["3"].legs[0].talk_seconds, calls["3"].started_at) == (300, half_heard.starts)
    assert all(len(call.legs) == 1 for call in calls.values())


async def test_the_call_of_a_click_is_tied_to_it_by_the_id_that_the_pbx_gave(tmp_path: Path) -> None:
    """Two clicks of one employee to one number: the one whose id comes first is not simply the newest."""
    clock, crm = FakeClock(), ScriptedPeer(FakeClock())
    answers = [taken(unique_call_id="901"), taken(unique_call_id="902")]
    async with listening(says_in_turn(answers)) as pbx, small_hub(tmp_path, clock, crm) as rig:
        settings = {"url": pbx.url, "token": TOKEN, "extensions": "2041"}
        made = await rig.connect("voipcloud", Role.PBX, settings=settings)
        clicks = []
        for _ in range(2):
            clicks.append(await rig.hubs.dialler.dial(rig.account_id, "2041", "+6421555010"))
            clock.pass_time(30)
        for call_id in ("902", "901"):
            part = Part(user="2041", begins=0, rings=5, talk=9)
            out = Played(call_id=call_id, starts=clock.now(), is_outbound=True, parts=[part])
            await tell(rig, made, out)
        tied = {call.call_id: call.dial_id for call in await stored(rig)}
        dials = [await rig.store.read(find_dial, rig.account_id, click) for click in clicks]

    assert tied == {"901": clicks[0], "902": clicks[1]}
    assert all(dial is not None and dial.is_tied for dial in dials)
