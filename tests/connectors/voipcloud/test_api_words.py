"""Which request is which, what a key must allow, and how this family says no."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from switchhook.connectors.voipcloud.api import API, sorry
from switchhook.core.api import Scope
from switchhook.core.call import LegState, Phase
from switchhook.core.directory import Availability
from switchhook.core.edge import Request
from switchhook.core.errors import BadMessage, NotFound, Refused, StoreDown, TooLarge, TooMany
from tests.connectors.voipcloud.office import KEY, MISSED, SAMPLES, STAFF, V1, V2, api, get, leg

REFUSED = b'{"status":"error","code":401,"message":"Not authorised","data":[]}'


@pytest.mark.parametrize("root", [V1, V2])
@pytest.mark.parametrize(
    "tail", ["get-user-calls", "get-queue-calls", "get-ringgroup-calls", "get-system-status"]
)
async def test_both_versions_answer_every_get(root: str, tail: str) -> None:
    assert root in API.root_paths
    assert (await api(*SAMPLES).answer(get(f"{root}/{tail}"))).status == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", f"{V2}/get-user-call", 404, None),
        ("GET", V2, 404, None),
        ("GET", f"{V2}/", 404, None),
        ("POST", f"{V2}/get-sms", 404, None),
        ("POST", f"{V2}/get-user-calls", 405, "GET"),
        ("DELETE", f"{V2}/get-system-status", 405, "GET"),
        ("GET", f"{V2}/call-to-number", 405, "POST"),
        ("GET", f"{V2}/get-user-calls/", 200, None),
    ],
)
async def test_paths_and_methods(method: str, path: str, status: int, allow: str | None) -> None:
    reply = await api().answer(Request(method=method, path=path, headers={"token": KEY}))

    assert (reply.status, reply.headers.get("Allow")) == (status, allow)
    assert json.loads(reply.body)["code"] == status


async def test_a_failure_has_data_of_the_kind_that_is_given() -> None:
    """A client that reads the data of an order as an object fails on a list."""
    bodies = [
        (await api().answer(Request(method="PUT", path=f"{V2}/{tail}", headers={"token": KEY}))).body
        for tail in ("get-user-calls", "call-to-number", "get-system-status")
    ]

    assert [json.loads(body)["data"] for body in bodies] == [[], {}, {}]


def test_the_key_is_taken_from_its_header_alone() -> None:
    headers = {"authorization": f"Bearer {KEY}"}
    in_query = Request(method="GET", path=V2, query={"token": KEY}, raw_query=f"token={KEY}", headers=headers)

    assert API.presented_key(in_query) is None
    assert API.presented_key(get(V2)) == KEY
    assert API.presented_key(get(V2, token=f" {KEY} ")) == KEY
    assert API.presented_key(get(V2, token="")) is None


@pytest.mark.parametrize(
    ("path", "scope"),
    [
        (f"{V2}/get-user-calls", Scope.READ),
        (f"{V1}/get-system-status", Scope.READ),
        (f"{V2}/call-to-number", Scope.DIAL),
        (f"{V1}/call-to-number/", Scope.DIAL),
        (f"{V2}/nothing", Scope.READ),
    ],
)
def test_what_a_key_must_allow(path: str, scope: Scope) -> None:
    assert API.scope(Request(method="POST", path=path)) is scope


def test_the_vendors_rate_and_list_of_addresses() -> None:
    assert (API.requests, API.per_seconds, API.needs_listed_address) == (100, 900, True)


@pytest.mark.parametrize(
    "error", [Refused("wrong key"), Refused("no such address"), Refused("", is_missing=True)]
)
def test_every_refusal_is_the_same_to_the_byte(error: Refused) -> None:
    reply = sorry(error)

    assert (reply.status, reply.body, reply.headers) == (401, REFUSED, {})


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (TooLarge("big"), 413, "Request too large"),
        (BadMessage("expected a day", field="from_date"), 400, "from_date: expected a day"),
        (BadMessage("from_date is no day", field="from_date"), 400, "from_date is no day"),
        (BadMessage("got 'My Licence 7'", field="x"), 400, "Invalid request"),
        (BadMessage("got a subscription"), 400, "Invalid request"),
        (NotFound("no such connection"), 404, "No such method"),
        (StoreDown("disk full at /var"), 503, "Temporarily unavailable"),
        (ValueError("secret-canary"), 500, "Internal error"),
    ],
)
def test_errors_have_this_familys_frame(error: Exception, status: int, message: str) -> None:
    reply = sorry(error)

    assert reply.status == status
    assert json.loads(reply.body) == {"status": "error", "code": status, "message": message, "data": []}


@pytest.mark.parametrize(("seconds", "written"), [(None, "1"), (0.2, "1"), (61.2, "62"), (900, "900")])
def test_too_many_says_when_to_come_again_in_whole_seconds(seconds: float | None, written: str) -> None:
    reply = sorry(TooMany("slower", retry_after_seconds=seconds))

    assert (reply.status, reply.headers) == (429, {"Retry-After": written})
    assert json.loads(reply.body)["message"] == "Too many requests"


async def test_the_status_tells_what_goes_on() -> None:
    rings = leg("2041", "01:00:00", ended="01:00:00", state=LegState.RINGING, ended_at=None)
    talks = leg("2042", "01:00:00", "01:00:05", ended="01:00:05", state=LegState.TALKING, ended_at=None)
    also_rings = replace(talks, state=LegState.RINGING)
    played = api(
        replace(MISSED, id="a", phase=Phase.OPEN, legs=(rings, talks)),
        replace(MISSED, id="b", phase=Phase.OPEN, legs=(also_rings,)),
        MISSED,
    )

    said = json.loads((await played.answer(get(f"{V1}/get-system-status"))).body)

    server_time = datetime.fromisoformat(said["data"].pop("server_time"))
    assert timedelta(0) <= datetime.now(UTC) - server_time < timedelta(minutes=1)
    assert said["data"] == {
        "system_status": "ok",
        "active_calls": 2,
        "users": [
            {"user_name": "Mia Tran", "user_number": "2041", "status": "ringing"},
            {"user_name": "Leo Park", "user_number": "2042", "status": "busy"},
        ],
    }


@pytest.mark.parametrize(
    ("availability", "status"),
    [
        (Availability.FREE, "available"),
        (Availability.BUSY, "busy"),
        (Availability.DINNER, "busy"),
        (Availability.BREAK, "busy"),
        (Availability.OFFLINE, "offline"),
    ],
)
async def test_a_user_who_is_not_on_the_phone_is_what_they_set(
    availability: Availability, status: str
) -> None:
    played = api()
    played.hub.people.staff = [replace(one, availability=availability) for one in STAFF]

    said = json.loads((await played.answer(get(f"{V2}/get-system-status"))).body)

    assert {user["status"] for user in said["data"]["users"]} == {status}
