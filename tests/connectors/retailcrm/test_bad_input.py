"""Whatever bytes come: JSON with `success`, a status that clients know, and nothing half taken."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchhook.connectors.retailcrm import CONNECTOR, as_crm
from switchhook.connectors.retailcrm.crm.rate import RateLimits
from switchhook.core.connector import Role
from switchhook.core.edge import Reply, Request
from tests.connectors.retailcrm.ask import EDIT, EVENT, FORM, UPLOAD, answer, posted
from tests.connectors.retailcrm.hub import API_KEY, CLIENT_ID, ScriptedHub, crm_hub, pbx_hub

STATUSES = {200, 201, 400, 403, 404, 405, 503}
TYPES = st.sampled_from(
    [
        "",
        "application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=b",
        "text/xml",
    ]
)
PATHS = st.sampled_from(
    [EVENT, UPLOAD, EDIT, "/api/v4/telephony/setting/x/edit", "/api/v3/telephony/setting/x"]
)
NAMES = st.sampled_from(["event", "calls", "integrationModule", "configuration", "phone", "type", "code"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=8,
)
EVENT_MEMBERS = ["phone", "type", "codes", "userIds", "hangupStatus", "callExternalId", "externalPhone"]
CALL_MEMBERS = ["date", "result", "duration", "externalId", "recordUrl", "code", "userId", "source"]
MODULE_MEMBERS = ["integrations", "active", "logo", "actions", "additionalCodes", "externalPhones"]
OTHER_MEMBERS = ["webAnalyticsData", "site", "clientId"]
MEMBERS = st.sampled_from([*EVENT_MEMBERS, *CALL_MEMBERS, *MODULE_MEMBERS, *OTHER_MEMBERS])
WORDS = st.sampled_from(["in", "out", "hangup", "answered", "2026-03-04 10:15:30", "+79261234567", "1"])
OBJECTS = st.dictionaries(MEMBERS, WORDS | VALUES, max_size=6)


async def served(request: Request, hub: ScriptedHub) -> Reply:
    return await as_crm.answer(request, hub.link, hub, limits=RateLimits(lambda: 0.0))


def check(reply: Reply) -> None:
    body = json.loads(reply.body)
    assert reply.status in STATUSES
    assert body["success"] is (reply.status < 300)
    assert reply.content_type == "application/json"
    assert all(isinstance(text, str) for text in body.get("errors", {}).values())


@given(path=PATHS, kind=TYPES, body=st.binary(max_size=300))
async def test_any_bytes(path: str, kind: str, body: bytes) -> None:
    headers = {"x-api-key": API_KEY, "content-type": kind}

    check(await served(Request(method="POST", path=path, headers=headers, body=body), pbx_hub()))


@given(path=PATHS, name=NAMES, value=VALUES | OBJECTS | st.lists(OBJECTS, max_size=3))
async def test_any_json_inside_a_field(path: str, name: str, value: Any) -> None:
    check(await served(posted(path, **{name: json.dumps(value)}), pbx_hub()))


@given(value=OBJECTS, kind=st.sampled_from(["in", "out", "hangup"]))
async def test_events_with_any_members(value: dict[str, Any], kind: str) -> None:
    event = {"phone": "+79261234567", **value, "type": kind}

    check(await served(posted(EVENT, event=json.dumps(event)), pbx_hub()))


@given(values=st.lists(OBJECTS, min_size=1, max_size=3))
async def test_uploads_are_taken_whole_or_not_at_all(values: list[dict[str, Any]]) -> None:
    good = {
        "date": "2026-03-04 10:15:30",
        "type": "in",
        "phone": "1",
        "result": "answered",
        "externalId": "u-1",
    }
    hub = pbx_hub()

    reply = await served(posted(UPLOAD, calls=json.dumps([good, *values])), hub)

    check(reply)
    assert bool(hub.news) is (reply.status == 200)


@given(
    method=st.sampled_from(["GET", "POST"]),
    query=st.dictionaries(NAMES | MEMBERS, st.text(max_size=12), max_size=6),
)
@pytest.mark.parametrize("path", ["/make-call", "/change-user-status", "/activity"])
async def test_any_call_back_to_the_pbx(path: str, method: str, query: dict[str, str]) -> None:
    serve = CONNECTOR.sides[Role.CRM].serve
    hub = crm_hub()
    assert serve is not None

    reply = await serve(
        Request(method=method, path=path, query={**query, "clientId": CLIENT_ID}), hub.link, hub
    )

    assert reply.status == 200 or 400 <= reply.status < 500
    assert json.loads(reply.body)["success"] is (reply.status == 200)


BOMBS: list[tuple[str, bytes]] = [
    ("depth", b"event=" + b"[" * 5000 + b"]" * 5000),
    ("depth of objects", b"event=" + b'{"a":' * 17 + b"1" + b"}" * 17),
    ("NaN", b'event={"phone":"1","type":"in","codes":[NaN]}'),
    ("Infinity", b'event={"phone":"1","type":"in","codes":[-Infinity]}'),
    ("huge float", b'event={"phone":"1","type":"in","codes":[1e999]}'),
    ("huge integer", b'event={"phone":"1","type":"in","codes":[' + b"9" * 5000 + b"]}"),
    ("name twice", b'event={"phone":"1","type":"in","phone":"2"}'),
    ("parameter twice", b'event={"phone":"1","type":"in"}&event={"phone":"2","type":"in"}'),
    ("NUL", b'event={"phone":"1%5Cu0000","type":"in"}'),
    ("line break", b'event={"phone":"1%5Cr%5Cn2","type":"in"}'),
    ("half a surrogate", b'event={"phone":"1","type":"in","x":"%5Cud800"}'),
    ("not UTF-8", b"event=%ff%fe"),
    ("raw not UTF-8", b"\xff\xfe\xfd"),
    ("fields", b"&".join(b"f%d=1" % index for index in range(1000))),
    ("values", b"event=[" + b"1," * 30_000 + b"1]"),
]


@pytest.mark.parametrize("body", [body for _, body in BOMBS], ids=[name for name, _ in BOMBS])
async def test_refuses_bombs(body: bytes) -> None:
    hub = pbx_hub()
    headers = {**FORM, "x-api-key": API_KEY}

    reply = await served(Request(method="POST", path=EVENT, headers=headers, body=body), hub)

    check(reply)
    assert (reply.status, hub.news) == (400, [])


@pytest.mark.parametrize("empty", ["null", "[]", "{}", '""'])
async def test_an_empty_object_in_any_spelling_is_an_empty_object(empty: str) -> None:
    hub = pbx_hub()
    event = f'{{"phone":"+79261234567","type":"in","codes":["204"],"webAnalyticsData":{empty}}}'

    status, _ = await answer(posted(EVENT, event=event), hub)

    assert (status, [each.custom for each in hub.events]) == (200, [{}])
