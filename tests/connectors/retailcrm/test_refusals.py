"""Every text that clients compare letter by letter, with its status."""

import json
from typing import Any

import pytest

from switchhook.connectors.retailcrm import CONNECTOR, as_crm
from switchhook.connectors.retailcrm.crm.rate import RateLimits
from switchhook.core.edge import Request
from switchhook.core.errors import BadMessage, NotFound, Refused, StoreDown, TooLarge
from tests.connectors.retailcrm.ask import EDIT, EVENT, UPLOAD, answer, asked, posted
from tests.connectors.retailcrm.hub import pbx_hub

ROW = {
    "date": "2026-03-04 10:15:30",
    "type": "in",
    "phone": "+79261234567",
    "result": "answered",
    "externalId": "u-1",
}
TELEPHONY = {"telephony": {"makeCallUrl": "https://pbx.example/call"}}
CASES: list[tuple[str, Request, int, str]] = [
    ("no key", posted(EVENT, key=None, event={}), 403, '"apiKey" is missing.'),
    ("empty key", posted(EVENT, key="", event={}), 403, '"apiKey" is missing.'),
    ("wrong key", posted(EVENT, key="guess", event={}), 403, 'Wrong "apiKey" value.'),
    ("unknown path", asked("/api/v5/orders"), 404, "API method not found"),
    ("no version", asked("/api/versions"), 404, "API method not found"),
    ("old way in v5", asked("/api/v5/telephony/setting/acme-pbx"), 404, "API method not found"),
    ("unknown module", asked("/api/v5/integration-modules/none"), 404, "Not found"),
    ("unknown user", asked("/api/v5/users/99"), 404, "Not found"),
    ("wrong method", asked(EVENT), 405, "Method Not Allowed"),
    ("delete", asked("/api/v5/users", method="DELETE"), 405, "Method Not Allowed"),
    ("no event", posted(EVENT), 400, "Parameter 'event' is missing"),
    ("no calls", posted(UPLOAD), 400, "Parameter 'calls' is missing"),
    ("no module", posted(EDIT), 400, "Parameter 'integrationModule' is missing"),
    ("no phone asked", asked("/api/v5/telephony/manager"), 400, "Parameter 'phone' is missing"),
    ("no status", posted("/api/v5/users/17/status"), 400, "Parameter 'status' is missing"),
    ("no type", posted(EVENT, event={"phone": "1"}), 400, "Parameter 'type' in 'event' is missing"),
    ("no phone", posted(EVENT, event={"type": "in"}), 400, "Parameter 'phone' in 'event' is missing"),
    ("wrong type", posted(EVENT, event={"phone": "1", "type": "call"}), 400, "Errors in the entity format"),
    ("broken JSON", posted(EVENT, event='{"phone":'), 400, "Errors in the entity format"),
]


@pytest.mark.parametrize(
    ("request_", "status", "text"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
async def test_refuses_in_the_very_words(request_: Request, status: int, text: str) -> None:
    hub = pbx_hub()

    got, body = await answer(request_, hub)

    assert (got, body["success"], body["errorMsg"]) == (status, False, text)
    assert hub.news == []


ENTITIES: list[tuple[str, Request, dict[str, str]]] = [
    (
        "type",
        posted(EVENT, event={"phone": "1", "type": "call"}),
        {"type": "Selected value is not available"},
    ),
    (
        "the spelling of uploads",
        posted(EVENT, event={"phone": "1", "type": "hangup", "hangupStatus": "no answer"}),
        {"hangupStatus": "Selected value is not available"},
    ),
    (
        "a status with a ring",
        posted(EVENT, event={"phone": "1", "type": "in", "hangupStatus": "gone"}),
        {"hangupStatus": "Selected value is not available"},
    ),
    (
        "prefix",
        posted(EDIT, integrationModule={"integrationCode": "other", "clientId": "x"}),
        {"code": "Code prefix must match integrationCode"},
    ),
    (
        "actions",
        posted(EDIT, integrationModule={"clientId": "x", "actions": {"explode": "/x"}}),
        {"actions": "Selected value is not available"},
    ),
    (
        "logo",
        posted(EDIT, integrationModule={"clientId": "x", "logo": "https://pbx.example/logo.png"}),
        {"logo": "expected the address of an SVG picture"},
    ),
    (
        "the spelling of events",
        posted(UPLOAD, calls=[ROW, {**ROW, "result": "no answered"}]),
        {"1": "result: Selected value is not available"},
    ),
    (
        "a row without an id",
        posted(UPLOAD, calls=[{**ROW, "externalId": None}, ROW]),
        {"0": "Parameter 'externalId' in 'calls' is missing"},
    ),
    ("51 calls", posted(UPLOAD, calls=[ROW] * 51), {"calls": "expected 1 to 50 calls, got 51"}),
    ("no calls", posted(UPLOAD, calls=[]), {"calls": "expected 1 to 50 calls, got 0"}),
    ("one bare call", posted(UPLOAD, calls=ROW), {"calls": "expected an array of calls"}),
]


@pytest.mark.parametrize(
    ("request_", "errors"), [case[1:] for case in ENTITIES], ids=[case[0] for case in ENTITIES]
)
async def test_names_the_field_and_takes_nothing(request_: Request, errors: dict[str, str]) -> None:
    hub = pbx_hub()

    status, body = await answer(request_, hub)

    assert (status, body) == (
        400,
        {"success": False, "errorMsg": "Errors in the entity format", "errors": errors},
    )
    assert (hub.news, set(hub.link.state["modules"])) == ([], {"acme-pbx"})


async def test_a_new_telephony_needs_a_client_id() -> None:
    hub = pbx_hub(is_registered=False)

    answered = await answer(posted(EDIT, integrationModule={"integrations": TELEPHONY}), hub)

    text = "Parameter 'clientId' in 'integrationModule' is missing"
    assert answered == (400, {"success": False, "errorMsg": text})


async def test_a_module_switched_off_takes_no_events() -> None:
    hub = pbx_hub()
    await answer(posted(EDIT, integrationModule={"active": False}), hub)

    answered = await answer(posted(EVENT, event={"phone": "1", "type": "in"}), hub)

    assert answered == (400, {"success": False, "errorMsg": "Telephony not enabled"})


@pytest.mark.parametrize(
    ("path", "per_second"), [(EVENT, 40), ("/api/v5/users", 10), ("/api/v5/telephony/manager", 40)]
)
async def test_over_the_rate_it_is_503_and_never_429(path: str, per_second: int) -> None:
    hub, limits = pbx_hub(), RateLimits(lambda: 0.0)
    request = asked(path, phone="1")

    replies = [await as_crm.answer(request, hub.link, hub, limits=limits) for _ in range(per_second + 2)]

    assert [reply.status == 503 for reply in replies] == [False] * per_second + [True] * 2
    assert json.loads(replies[-1].body) == {"success": False, "errorMsg": "Rate limit exceeded"}


async def test_tokens_come_back_with_time() -> None:
    clock = iter([0.0] * 11 + [0.1] * 2)
    hub, limits = pbx_hub(), RateLimits(clock.__next__)

    replies = [
        await as_crm.answer(asked("/api/credentials"), hub.link, hub, limits=limits) for _ in range(13)
    ]

    assert [reply.status for reply in replies[9:]] == [200, 503, 200, 503]


async def test_a_wrong_key_costs_nobody_their_rate() -> None:
    hub, limits = pbx_hub(), RateLimits(lambda: 0.0)
    for _ in range(50):
        await as_crm.answer(asked("/api/v5/users", key="guess"), hub.link, hub, limits=limits)

    reply = await as_crm.answer(asked("/api/v5/users"), hub.link, hub, limits=limits)

    assert reply.status == 200


async def test_a_full_disk_is_told_as_later() -> None:
    hub = pbx_hub()
    hub.refuses.append(StoreDown("disk full"))

    status, body = await answer(posted(EVENT, event={"phone": "1", "type": "in"}), hub)

    assert (status, body["success"]) == (503, False)
    assert "disk" not in body["errorMsg"]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (Refused("no key", is_missing=True), (403, '"apiKey" is missing.')),
        (Refused("wrong"), (403, 'Wrong "apiKey" value.')),
        (NotFound("no such connection"), (404, "Account does not exist.")),
        (TooLarge("too big", field="body"), (400, "Errors in the entity format")),
        (BadMessage("slow", field="body"), (400, "Errors in the entity format")),
        (StoreDown("disk full"), (503, "Service is temporarily unavailable")),
        (ZeroDivisionError("secret"), (500, "Internal server error")),
    ],
)
def test_says_sorry_as_an_account_would(error: Exception, expected: Any) -> None:
    reply = CONNECTOR.sorry(error)

    body = json.loads(reply.body)
    assert ((reply.status, body["errorMsg"]), body["success"], reply.content_type) == (
        expected,
        False,
        "application/json",
    )
    assert b"secret" not in reply.body


@pytest.mark.parametrize(
    ("request_", "key"),
    [
        (Request(method="GET", path="/", headers={"x-api-key": "h"}, query={"apiKey": "q"}), "h"),
        (Request(method="GET", path="/", headers={"x-api-key": ""}, query={"apiKey": "q"}), "q"),
        (Request(method="POST", path="/", body=b"apiKey=b&event=x"), "b"),
        (Request(method="POST", path="/", body=b'{"apiKey":"j"}'), "j"),
        (Request(method="POST", path="/", body=b'{"apiKey":'), None),
        (Request(method="POST", path="/", body=b"apiKey="), None),
        (Request(method="GET", path="/"), None),
    ],
)
def test_finds_the_key_in_header_then_query_then_body(request_: Request, key: str | None) -> None:
    assert CONNECTOR.presented_key(request_) == key


def test_reads_more_for_uploads_than_for_anything_else() -> None:
    sizes = [CONNECTOR.max_body_bytes(path) for path in (UPLOAD, "/api/v4/telephony/calls/upload", EVENT)]

    assert sizes == [262_144, 262_144, 65_536]
