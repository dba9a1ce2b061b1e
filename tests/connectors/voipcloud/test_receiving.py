"""The door for the PBX's events: the secret first, then anything that can be read, and never a second try."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from switchhook.connectors.voipcloud import CONNECTOR
from switchhook.connectors.voipcloud.as_crm import SIDE
from switchhook.connectors.voipcloud.crm import receiving
from switchhook.core.call import Happening
from switchhook.core.edge import Reply, Request
from switchhook.core.errors import BadMessage, HubError, Refused, StoreDown
from tests.connectors.voipcloud.desk import WEBHOOK_TOKEN, HandClock, KeepingHub, link_to

EVENT = {"type": "user_inbound", "unique_call_id": "77", "caller_id": "61299990011", "user_number": "2041"}
SUCCESS = b'{"status":"success"}'


def request(body: object, *, token: str | None = WEBHOOK_TOKEN, **more: Any) -> Request:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {} if token is None else {"x-pbx-token": token}
    return Request(**{"method": "POST", "path": "/webhooks", "headers": headers, "body": raw, **more})


async def post(request: Request, hub: KeepingHub | None = None, clock: HandClock | None = None) -> Reply:
    """Answer as the hub does: what is raised is worded by the connector."""
    hub = hub or KeepingHub()
    try:
        return await receiving.receive(request, hub.link, hub, now=clock or HandClock())
    except HubError as error:
        return CONNECTOR.sorry(error)


@pytest.mark.parametrize("token", [None, "", WEBHOOK_TOKEN[:-1], WEBHOOK_TOKEN.upper(), "ключ", "\udcff"])
async def test_without_the_right_secret_nothing_is_taken(token: str | None) -> None:
    hub = KeepingHub()

    reply = await post(request(EVENT, token=token), hub)

    assert (reply.status, hub.news) == (401, [])
    assert json.loads(reply.body)["message"] == "Not authorised"


async def test_a_replaced_secret_is_taken_while_it_holds() -> None:
    hub = KeepingHub(link_to(old_keys={"webhook_token": "the-one-before"}))

    assert (await post(request(EVENT, token="the-one-before"), hub)).status == 200
    assert (await post(request(EVENT), hub)).status == 200


@pytest.mark.parametrize(
    "path", ["/webhooks", "/webhooks/user_inbound", "/", "/x/y/z", "/api/integration/v2/x"]
)
async def test_the_path_says_nothing(path: str) -> None:
    hub = KeepingHub()

    reply = await post(request(EVENT, path=path), hub)

    assert (reply.status, reply.body, len(hub.news)) == (200, SUCCESS, 1)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
async def test_only_post_is_taken(method: str) -> None:
    hub = KeepingHub()

    reply = await post(request(EVENT, method=method), hub)

    assert (reply.status, reply.headers["Allow"], hub.news) == (405, "POST", [])


@pytest.mark.parametrize(
    ("client", "status"),
    [
        ("203.0.113.7", 200),
        ("::ffff:203.0.113.7", 200),
        ("2001:db8::5", 200),
        ("203.0.114.7", 401),
        ("", 401),
        ("unix", 401),
    ],
)
async def test_addresses_may_be_listed_besides(client: str, status: int) -> None:
    hub = KeepingHub(link_to({"webhook_addresses": "203.0.113.0/24, 2001:db8::/64"}))

    reply = await post(request(EVENT, client=client), hub)
    wrong = await post(request(EVENT, client=client, token="wrong"), hub)

    assert reply.status == status
    assert status == 200 or reply.body == wrong.body


def test_what_is_no_address_cannot_be_listed() -> None:
    (field,) = (one for one in SIDE.fields if one.name == "webhook_addresses")
    assert field.check is not None

    field.check("203.0.113.7, 2001:db8::/64")
    with pytest.raises(BadMessage):
        field.check("203.0.113.7, pbx.example.com")


async def test_several_events_at_once_are_taken_together() -> None:
    hub = KeepingHub()

    await post(request([EVENT, {**EVENT, "type": "user_inbound_answered"}, "no event"]), hub)

    assert hub.batches == [2]


async def test_it_says_yes_only_once_they_are_kept() -> None:
    hub = KeepingHub(fails=StoreDown("the disk is full"))

    reply = await post(request(EVENT), hub)

    assert reply.status == 503
    assert b"disk" not in reply.body


@pytest.mark.parametrize(
    "body",
    [b"", b"type=user_inbound", b"{", b"[{}", b"NaN", b'"text"', b"7", b"null", b"\xff\xfe", b"[" * 50_000],
    ids=repr,
)
async def test_what_is_no_object_and_no_array_of_them_is_400(body: bytes) -> None:
    hub = KeepingHub()

    reply = await post(request(body), hub)

    assert (reply.status, hub.news) == (400, [])
    assert json.loads(reply.body)["code"] == 400


@pytest.mark.parametrize(
    "event",
    [
        {"type": "webhook_component", "unique_call_id": "77", "label": {"a": [1, None]}},
        {"type": None, "unique_call_id": 77},
        {"unique_call_id": "77", "type": ["user_inbound"]},
        {"unique_call_id": "77"},
    ],
)
async def test_what_it_does_not_understand_is_kept_with_its_call(event: dict[str, Any]) -> None:
    hub = KeepingHub()

    reply = await post(request(event), hub)

    (noted,) = hub.events
    assert (reply.status, reply.body) == (200, SUCCESS)
    assert (noted.call_id, noted.happening) == ("77", Happening.NOTED)
    assert noted.as_sent.keys() == event.keys()


@pytest.mark.parametrize(
    "body", [{}, [], [{}], {"type": "user_inbound"}, {**EVENT, "unique_call_id": "null"}]
)
async def test_what_names_no_call_is_let_go_with_a_yes(body: object) -> None:
    hub = KeepingHub()

    reply = await post(request(body), hub)

    assert (reply.status, reply.body, hub.news) == (200, SUCCESS, [])


# What a member may be by mistake, and what is then known of the call.
WRONG: list[object] = [
    None,
    "",
    "null",
    "NULL",
    [],
    {},
    True,
    -1,
    1.5,
    10**40,
    "x" * 5000,
    "\x00\x07",
    "\u202e",
    "Infinity",
]


@pytest.mark.parametrize(
    "name",
    [
        "caller_id",
        "caller_name",
        "user_name",
        "user_number",
        "dest_number",
        "call_start_at",
        "connected_at",
        "call_duration",
        "conversation_duration",
        "queue_name",
        "status",
        "recorded_at",
        "emails",
        "audio_file",
        "call_recording_link",
    ],
)
@pytest.mark.parametrize("kind", ["user_inbound_completed", "queue_call", "voicemail", "recording_outbound"])
async def test_no_wrong_member_costs_the_event(kind: str, name: str) -> None:
    for wrong in WRONG:
        hub = KeepingHub()

        reply = await post(request({**EVENT, "type": kind, name: wrong}), hub)

        assert (reply.status, {one.call_id for one in hub.news}, wrong) == (200, {"77"}, wrong)
        assert all("\x00" not in text for one in hub.events for text in one.as_sent.values()), wrong


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
members = st.sampled_from([*EVENT, "dest_number", "call_start_at", "connected_at", "call_duration", "status"])
kinds = st.sampled_from(["user_inbound", "user_outbound_completed", "queue_call", "voicemail", "other"])


@given(event=st.dictionaries(members, json_values), kind=kinds)
async def test_anything_that_names_a_call_is_answered_with_a_yes(event: dict[str, Any], kind: str) -> None:
    hub = KeepingHub()

    reply = await post(request({**event, "type": kind, "unique_call_id": "77"}), hub)

    assert reply.status == 200
    assert hub.news


@given(body=st.binary(max_size=200))
async def test_any_bytes_are_answered(body: bytes) -> None:
    assert (await post(request(body))).status in (200, 400)


async def test_a_refused_secret_is_remembered_with_the_reason_until_a_right_one_comes() -> None:
    hub, clock = KeepingHub(), HandClock()

    await post(request(EVENT, token="wrong"), hub, clock)
    remembered = hub.link.state["refused"]
    await post(request(EVENT), hub, clock)

    assert remembered == {"reason": "x-pbx-token does not match", "at": "2026-03-02T09:00:00.000Z"}
    assert hub.link.state["refused"] is None


async def test_refusals_one_after_another_are_remembered_once_in_a_while() -> None:
    hub, clock = KeepingHub(), HandClock()
    noted = []
    for _ in range(25):
        await post(request(EVENT, token="wrong"), hub, clock)
        noted.append(hub.link.state["refused"]["at"])
        clock.pass_time(60)

    assert len(set(noted)) == 3


async def test_a_store_that_is_down_does_not_make_a_wrong_secret_right() -> None:
    hub = KeepingHub(fails=StoreDown("away"))

    assert (await post(request(EVENT, token="wrong"), hub)).status == 401


async def test_no_secret_is_in_a_log_or_in_what_is_kept() -> None:
    hub = KeepingHub()
    with capture_logs() as logs:
        await post(request(EVENT), hub)
        await post(request(EVENT, token="a-wrong-canary"), hub)
        await post(request({"no": "call"}), hub)

    for secret in (WEBHOOK_TOKEN, "a-wrong-canary"):
        assert secret not in str(logs) + str(hub.news) + str(hub.link.state)


def test_bodies_have_a_limit_and_the_secret_an_error_of_its_own() -> None:
    assert CONNECTOR.max_body_bytes("/webhooks") == 256 * 1024
    assert CONNECTOR.max_body_bytes("/anything/else") == 256 * 1024
    assert CONNECTOR.max_body_bytes("/api/integration/v2/call-to-number") == 64 * 1024
    assert CONNECTOR.sorry(Refused("x")).status == 401
    assert CONNECTOR.sorry(BadMessage("x")).status == 400
