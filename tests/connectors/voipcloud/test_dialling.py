"""Click to call at a PBX of this family: asked once, and told in words what came of it."""

import json

import pytest

from switchhook.connectors.voipcloud.as_crm import SIDE
from switchhook.connectors.voipcloud.crm.dialling import dial
from switchhook.core.call import Direction, Happening
from switchhook.core.connector import DialOrder
from switchhook.core.edge import Reply, reply_json
from switchhook.core.errors import BadMessage, HubError, Misconfigured, PeerDown, StoreDown, TooMany
from tests.connectors.planfix.peer import Peer, listening, says_in_turn
from tests.connectors.voipcloud.desk import TOKEN, KeepingHub, link_to, real_net, refusal

ORDER = DialOrder(id="d1", extension="2041", number="+6421555010")
DATA = {
    "user_name": "Mia Tran",
    "user_number": "2041",
    "caller_id": "+61280001234",
    "dest_number": "+6421555010",
}


def taken(**more: object) -> Reply:
    data = {**DATA, **more}
    return reply_json(200, {"status": "success", "code": 200, "message": "success", "data": data})


async def asked(order: DialOrder, reply: Reply, hub: KeepingHub | None = None, **settings: str) -> Peer:
    """Ask a played PBX that answers so; a second request would find it out of answers."""
    async with listening(says_in_turn([reply])) as peer, real_net() as net:
        link = link_to({"url": peer.url, "allow_private": "true", **settings}, http=net)
        await dial(order, link, hub or KeepingHub())
    return peer


async def test_the_body_is_the_json_of_the_documents() -> None:
    order = DialOrder(id="d1", extension="2041", number="+6421555010", did="+61280001234")

    peer = await asked(order, taken())

    (request,) = peer.requests
    assert (request.method, request.path) == ("POST", "/api/integration/v2/call-to-number")
    assert request.headers["token"] == TOKEN
    assert request.headers["content-type"] == "application/json"
    assert json.loads(request.body) == {
        "user_number": "2041",
        "number_to_call": "+6421555010",
        "caller_id": "+61280001234",
    }


async def test_the_body_may_be_multipart() -> None:
    peer = await asked(ORDER, taken(), dial_body="multipart")

    (request,) = peer.requests
    kind, _, boundary = request.headers["content-type"].partition("; boundary=")
    parts = request.body.decode().split(f"--{boundary}")
    assert kind == "multipart/form-data"
    assert parts[1:3] == [
        '\r\nContent-Disposition: form-data; name="user_number"\r\n\r\n2041\r\n',
        '\r\nContent-Disposition: form-data; name="number_to_call"\r\n\r\n+6421555010\r\n',
    ]
    assert parts[3] == "--\r\n"


@pytest.mark.parametrize(
    ("number", "sent"),
    [
        ("+6421555010", "+6421555010"),
        ("6421555010", "+6421555010"),
        ("0299990011", "+61299990011"),
        ("2042", "2042"),
        ("*98", "*98"),
    ],
)
async def test_numbers_go_with_their_plus_and_extensions_as_they_are(number: str, sent: str) -> None:
    peer = await asked(DialOrder(id="d1", extension="2041", number=number), taken())

    assert json.loads(peer.requests[0].body)["number_to_call"] == sent


async def test_a_number_to_show_may_be_set_for_all_clicks() -> None:
    peer = await asked(ORDER, taken(), caller_id="0280001234")

    assert json.loads(peer.requests[0].body)["caller_id"] == "+61280001234"


@pytest.mark.parametrize("name", ["unique_call_id", "call_id"])
async def test_the_call_that_the_answer_names_is_noted_at_once(name: str) -> None:
    hub = KeepingHub()

    await asked(ORDER, taken(**{name: "177241500904"}), hub)

    (noted,) = hub.events
    assert (noted.call_id, noted.happening) == ("177241500904", Happening.NOTED)
    assert (noted.direction, noted.number, noted.extension) == (Direction.OUTBOUND, "+6421555010", "2041")


@pytest.mark.parametrize(
    "reply",
    [
        taken(),
        reply_json(200, {"status": "success", "code": 200, "message": {"status": "success"}, "data": [DATA]}),
        reply_json(200, {}),
        Reply(body=b""),
        Reply(body=b"OK"),
        Reply(status=202),
    ],
)
async def test_a_yes_without_an_id_is_a_yes(reply: Reply) -> None:
    hub = KeepingHub()

    await asked(ORDER, reply, hub)

    assert hub.news == []


async def test_a_store_that_is_down_does_not_make_a_failure_of_a_phone_that_rings() -> None:
    await asked(ORDER, taken(unique_call_id="9"), KeepingHub(fails=StoreDown("the disk is full")))


@pytest.mark.parametrize(
    ("reply", "error", "words"),
    [
        (refusal(401, "Not authorised"), Misconfigured, "does not list our address or the key is wrong"),
        (refusal(403, "No"), Misconfigured, "does not list our address or the key is wrong"),
        (refusal(402, "No"), Misconfigured, "licence"),
        (refusal(403, "licence expired"), Misconfigured, "licence"),
        (refusal(400, "user_number is not known"), BadMessage, "user_number is not known"),
        (refusal(404, "none"), Misconfigured, "no API v2"),
        (refusal(409, "the same call"), BadMessage, "the same call"),
        (refusal(429, "slower", Retry_After="30"), TooMany, "in 30 seconds"),
        (refusal(500, "Oops"), PeerDown, "failing (500)"),
        (refusal(503, "PBX link down"), PeerDown, "failing (503)"),
        (Reply(body=b'{"status":"error","code":200,"message":"busy"}'), BadMessage, "busy"),
    ],
)
async def test_a_no_is_told_in_words(reply: Reply, error: type[HubError], words: str) -> None:
    with pytest.raises(error) as caught:
        await asked(ORDER, reply)

    assert words in caught.value.reason
    assert TOKEN not in caught.value.reason


async def test_no_answer_is_unclear_and_never_asked_again() -> None:
    async with listening(says_in_turn([])) as peer:
        url = peer.url
    async with real_net() as net:
        with pytest.raises(PeerDown):
            await dial(ORDER, link_to({"url": url, "allow_private": "true"}, http=net), KeepingHub())


def test_the_administrator_names_the_extensions_of_this_pbx() -> None:
    assert SIDE.extensions is not None
    assert SIDE.extensions(link_to({"extensions": "2041, 2042 2043"})) == ("2041", "2042", "2043")
