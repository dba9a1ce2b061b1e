"""Click to call by the API: asked once however often it is sent, and what came of it is told."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.net.peers import Exchange, Peer, listening
from tests.web.api.client import Client

ORDER = {"extension": "101", "number": "+79101234567"}


@pytest.fixture
async def pbx(client: Client) -> AsyncIterator[Peer]:
    """A phone system that takes orders."""
    async with listening() as peer:
        await client.hub.connect("planfix", "pbx", pbx_url=peer.url, pbx_token="secret", allow_private="true")
        yield peer


def orders(pbx: Peer) -> int:
    return sum(b"makeCall" in body for body in pbx.bodies)


async def test_an_order_is_taken_and_shown(client: Client, pbx: Peer) -> None:
    taken = await client.post("/dial", ORDER)
    shown = await client.get(f"/dial/{taken.json['id']}")

    assert taken.status == 202
    assert taken.headers["location"] == f"/api/v1/dial/{taken.json['id']}"
    assert taken.json["state"] == "accepted"
    assert shown.json == taken.json
    assert orders(pbx) == 1


async def test_the_call_that_comes_of_an_order_says_so(client: Client, pbx: Peer) -> None:
    taken = await client.post("/dial", ORDER)
    (connection,) = (await client.get("/connections")).json["items"]
    (attached,) = client.hub.now.registry.snapshot.by_id.values()
    form = {
        "cmd": "event",
        "planfix_token": attached.row.keys["planfix_token"],
        "type": "out",
        "event": "OUTGOING",
        "phone": "79101234567",
        "ext": "101",
        "callid": "1",
    }
    await client.hub.post("/tel/api", data=form)
    (call,) = (await client.get("/calls")).json["items"]

    assert call["dial_id"] == taken.json["id"]
    assert taken.json["connection"] == connection["id"]
    assert (await client.get(f"/dial/{taken.json['id']}")).json["is_tied"] is True


async def test_the_same_order_under_one_word_rings_once(client: Client, pbx: Peer) -> None:
    headers = {"Idempotency-Key": "order-1"}

    first = await client.post("/dial", ORDER, headers=headers)
    again = await client.post("/dial", ORDER, headers=headers)
    other = await client.post("/dial", {**ORDER, "extension": "102"}, headers=headers)

    assert (first.status, again.status) == (202, 202)
    assert again.json["id"] == first.json["id"]
    assert (other.status, other.wrong) == (409, ["Idempotency-Key"])
    assert orders(pbx) == 1


async def test_two_that_race_under_one_word_ring_once(client: Client, pbx: Peer) -> None:
    headers = {"Idempotency-Key": "order-1"}

    answers = await asyncio.gather(*(client.post("/dial", ORDER, headers=headers) for _ in range(5)))

    assert orders(pbx) == 1
    assert {one.status for one in answers} <= {202, 429}
    assert len({one.json["id"] for one in answers if one.status == 202}) == 1


async def test_a_finger_that_slipped_rings_once(client: Client, pbx: Peer) -> None:
    first, second = await client.post("/dial", ORDER), await client.post("/dial", ORDER)

    assert (first.status, second.status, second.problem) == (202, 429, "too_many")
    assert second.headers["retry-after"] == "2"
    assert orders(pbx) == 1


async def test_what_cannot_be_dialled_is_refused(client: Client, pbx: Peer) -> None:
    wrong = await client.post("/dial", {"extension": "1;2", "number": "+7\n1", "did": "x"})
    word = await client.post("/dial", ORDER, headers={"Idempotency-Key": "a b"})

    assert (wrong.status, set(wrong.wrong)) == (400, {"extension", "number", "did"})
    assert (word.status, word.wrong) == (400, ["Idempotency-Key"])
    assert orders(pbx) == 0


async def test_without_a_phone_system_nothing_is_rung(client: Client) -> None:
    nobody = await client.post("/dial", ORDER)
    await client.hub.connect("planfix", "pbx")
    unset = await client.post("/dial", ORDER)

    assert (nobody.status, nobody.problem) == (404, "not_found")
    assert (unset.status, unset.problem) == (409, "misconfigured")


async def test_a_phone_system_that_is_down_is_told_apart(client: Client) -> None:
    async def fails(exchange: Exchange) -> None:
        await exchange.answer(status="503 Down")

    async with listening(fails) as peer:
        await client.hub.connect("planfix", "pbx", pbx_url=peer.url, pbx_token="secret", allow_private="true")
        answer = await client.post("/dial", ORDER)

    assert (answer.status, answer.problem) == (502, "peer_down")


async def test_an_order_belongs_to_its_account(client: Client, stranger: Client, pbx: Peer) -> None:
    taken = await client.post("/dial", ORDER)

    assert (await stranger.get(f"/dial/{taken.json['id']}")).problem == "not_found"
    assert (await stranger.post("/dial", ORDER)).problem == "not_found"
