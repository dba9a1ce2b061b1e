"""Deliveries by the API: listed, shown with what they say and every attempt, and made again."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.net.peers import Exchange, listening
from tests.web.api.client import Client
from tests.web.hubs import planfix_event


class Crm:
    """A CRM that refuses until it is told not to."""

    status = "400 No"

    async def __call__(self, exchange: Exchange) -> None:
        await exchange.answer(b'{"error":"no"}', status=self.status)


@pytest.fixture
async def crm(client: Client) -> AsyncIterator[Crm]:
    """A CRM that has refused the two messages about one call."""
    crm = Crm()
    async with listening(crm) as peer:
        pbx = await client.hub.connect("planfix", "pbx")
        await client.hub.connect(
            "planfix", "crm", planfix_url=peer.url, planfix_token="secret", allow_private="true"
        )
        for happening in ("INCOMING", "ACCEPTED"):
            await client.hub.post("/tel/api", data=planfix_event(pbx, happening, "1"))
        await states(client, ["dead", "dead"])
        yield crm


async def states(client: Client, wanted: list[str]) -> list[dict[str, Any]]:
    """Wait until the deliveries are in these states, newest first."""
    async with asyncio.timeout(20):
        while True:
            items: list[dict[str, Any]] = (await client.get("/deliveries")).json["items"]
            if [one["state"] for one in items] == wanted:
                return items
            await asyncio.sleep(0.02)


async def test_a_delivery_is_shown_with_what_it_says_and_every_attempt(client: Client, crm: Crm) -> None:
    newest, oldest = (await client.get("/deliveries")).json["items"]

    shown = (await client.get(f"/deliveries/{oldest['id']}")).json

    assert (newest["kind"], oldest["kind"]) == ("leg.answered", "leg.ringing")
    assert shown["delivery"] == oldest
    assert shown["change"]["kind"] == "leg.ringing"
    assert shown["call"]["legs"][0]["state"] == "ringing"
    assert [(one["status"], one["answer"]) for one in shown["attempts"]] == [(400, '{"error":"no"}')]


async def test_deliveries_are_filtered_and_paged(client: Client, crm: Crm) -> None:
    newest, oldest = (await client.get("/deliveries")).json["items"]

    first = (await client.get("/deliveries?limit=1&state=dead")).json
    second = (await client.get(f"/deliveries?limit=1&cursor={first['next']}")).json
    mine = (await client.get(f"/deliveries?connection={newest['connection']}")).json
    none = (await client.get("/deliveries?state=waiting")).json

    assert (first["items"], second["items"], second["next"]) == ([newest], [oldest], None)
    assert len(mine["items"]) == 2
    assert none["items"] == []


async def test_one_delivery_is_made_again(client: Client, crm: Crm) -> None:
    newest, oldest = (await client.get("/deliveries")).json["items"]
    crm.status = "200 OK"

    again = await client.post(f"/deliveries/{oldest['id']}/replay")

    assert (again.status, again.json["state"]) == (200, "waiting")
    assert (await states(client, ["dead", "delivered"]))[0]["id"] == newest["id"]


async def test_all_that_died_is_made_again(client: Client, crm: Crm) -> None:
    crm.status = "200 OK"

    elsewhere = await client.post("/deliveries/replay", {"state": "dead", "connection": "c-nothing"})
    again = await client.post("/deliveries/replay", {"state": "dead"})
    delivered = await client.post("/deliveries/replay", {"state": "delivered"})

    assert elsewhere.json == {"replayed": 0, "is_all": True}
    assert again.json == {"replayed": 2, "is_all": True}
    assert delivered.wrong == ["state"]
    await states(client, ["delivered", "delivered"])


async def test_what_waits_already_is_a_conflict(client: Client, crm: Crm) -> None:
    newest, _ = (await client.get("/deliveries")).json["items"]
    await client.post(f"/connections/{newest['connection']}/pause")
    first = await client.post(f"/deliveries/{newest['id']}/replay")
    second = await client.post(f"/deliveries/{newest['id']}/replay")

    assert (first.status, second.status, second.problem) == (200, 409, "conflict")
