"""Click to call: what is taken, what is answered, and how it is refused."""

import json
from collections.abc import Callable

import pytest

from switchhook.core.edge import Request
from switchhook.core.errors import (
    BadMessage,
    HubError,
    Misconfigured,
    NotFound,
    PeerDown,
    StoreDown,
    TooMany,
    Unsupported,
)
from switchhook.core.numeric_id import digits_of
from switchhook.sim.api import PlayedApi
from tests.connectors.voipcloud.office import KEY, V1, V2, api
from tests.connectors.voipcloud.readers import read_order_as_strict, read_order_as_typed

ORDER_ID = "01JB3M7Z5QK8V2N4C6D8E0F2G4"
PATH = f"{V2}/call-to-number"
SENT = {"user_number": "2041", "number_to_call": "+6421555010", "caller_id": "+61280001234"}

Dialled = list[tuple[str, str, str | None]]


def pbx(dialled: Dialled | None = None, fails: HubError | None = None) -> PlayedApi:
    async def dial(extension: str, number: str, did: str | None) -> str:
        if fails is not None:
            raise fails
        if dialled is not None:
            dialled.append((extension, number, did))
        return ORDER_ID

    return api(on_dial=dial)


def post(body: bytes, content_type: str, path: str = PATH, **headers: str) -> Request:
    given = {"token": KEY, **headers} | ({"content-type": content_type} if content_type else {})
    return Request(method="POST", path=path, body=body, headers=given)


def as_json(fields: dict[str, str]) -> Request:
    return post(json.dumps(fields).encode(), "application/json")


def as_form(fields: dict[str, str]) -> Request:
    text = "&".join(f"{name}={value.replace('+', '%2B')}" for name, value in fields.items())
    return post(text.encode(), "application/x-www-form-urlencoded; charset=utf-8")


def as_multipart(fields: dict[str, str]) -> Request:
    parts = [
        f'--x7\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    return post(("".join(parts) + "--x7--\r\n").encode(), "multipart/form-data; boundary=x7")


every_body = pytest.mark.parametrize("write", [as_json, as_form, as_multipart])


@every_body
async def test_the_same_call_is_taken_from_every_kind_of_body(
    write: Callable[[dict[str, str]], Request],
) -> None:
    dialled: Dialled = []

    reply = await pbx(dialled).answer(write(SENT))

    assert dialled == [("2041", "+6421555010", "+61280001234")]
    assert json.loads(reply.body) == {
        "status": "success",
        "code": 200,
        "message": "success",
        "data": {
            "user_name": "Mia Tran",
            "user_number": "2041",
            "caller_id": "+61280001234",
            "dest_number": "+6421555010",
            "unique_call_id": digits_of(ORDER_ID),
            "call_id": digits_of(ORDER_ID),
        },
    }


async def test_known_clients_find_the_id_of_the_call() -> None:
    reply = await pbx().answer(as_json(SENT))

    assert read_order_as_typed(reply.body).call_id == digits_of(ORDER_ID)
    assert read_order_as_strict(reply.body) == digits_of(ORDER_ID)


async def test_the_first_version_takes_it_too() -> None:
    reply = await pbx().answer(post(json.dumps(SENT).encode(), "application/json", f"{V1}/call-to-number"))

    assert reply.status == 200


async def test_an_object_without_a_content_type_is_json() -> None:
    assert (await pbx().answer(post(json.dumps(SENT).encode(), ""))).status == 200


@every_body
@pytest.mark.parametrize(
    ("fields", "dialled"),
    [
        ({"number_to_call": "6421555010"}, ("2041", "+6421555010", None)),
        ({"number_to_call": "+64 21 (555)-010"}, ("2041", "+6421555010", None)),
        ({"number_to_call": "2042"}, ("2041", "2042", None)),
        (
            {"number_to_call": "+6421555010", "caller_id": "61280001234"},
            ("2041", "+6421555010", "+61280001234"),
        ),
    ],
)
async def test_numbers_are_taken_as_people_write_them(
    write: Callable[[dict[str, str]], Request],
    fields: dict[str, str],
    dialled: tuple[str, str, str | None],
) -> None:
    heard: Dialled = []

    reply = await pbx(heard).answer(write({"user_number": "2041", **fields}))

    assert (reply.status, heard) == (200, [dialled])


@pytest.mark.parametrize(
    "user",
    [
        {"user": "2042"},
        {"user": "leo park"},
        {"user_name": "Leo Park"},
        {"user_name": "2042"},
        {"user_number": "2042", "user": "2041", "user_name": "Mia Tran"},
        {"user_number": "", "user_name": "Leo Park"},
    ],
)
async def test_a_user_may_be_named_in_other_fields(user: dict[str, str]) -> None:
    dialled: Dialled = []

    reply = await pbx(dialled).answer(as_json({"number_to_call": "+6421555010", **user}))

    assert (reply.status, dialled) == (200, [("2042", "+6421555010", None)])
    assert json.loads(reply.body)["data"]["user_name"] == "Leo Park"


async def test_the_same_order_is_not_dialled_twice() -> None:
    dialled: Dialled = []
    played = pbx(dialled)
    request = post(json.dumps(SENT).encode(), "application/json", **{"idempotency-key": "once"})

    bodies = {(await played.answer(request)).body for _ in range(3)}

    assert (len(bodies), len(dialled)) == (1, 1)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"user_number": "2041"}, "number_to_call"),
        ({"user_number": "2041", "number_to_call": ""}, "number_to_call"),
        ({"user_number": "2041", "number_to_call": "call me"}, "number_to_call"),
        ({"user_number": "2041", "number_to_call": "1,2"}, "number_to_call"),
        ({"user_number": "2041", "number_to_call": "1" * 33}, "number_to_call"),
        ({"user_number": "2041", "number_to_call": "111", "caller_id": "me"}, "caller_id"),
        ({"number_to_call": "+6421555010"}, "user_number"),
        ({"user_number": "20x1", "number_to_call": "+6421555010"}, "user_number"),
        ({"user_number": "2" * 33, "number_to_call": "+6421555010"}, "user_number"),
        ({"user_name": "Nobody Here", "number_to_call": "+6421555010"}, "user_number"),
    ],
)
async def test_what_cannot_be_dialled_is_refused_by_its_field(fields: dict[str, str], field: str) -> None:
    dialled: Dialled = []

    reply = await pbx(dialled).answer(as_json(fields))

    said = json.loads(reply.body)
    assert (reply.status, said["status"], said["data"], dialled) == (400, "error", {}, [])
    assert field in said["message"]


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"<xml/>", "text/xml", 415),
        (b"user_number=1", "text/plain", 415),
        (b"not json", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"", "application/json", 400),
        (b"", "", 400),
        (b"x", "multipart/form-data; boundary=x7", 400),
        (b"x", "multipart/form-data", 400),
        (b"&".join(b"a%d=1" % one for one in range(200)), "application/x-www-form-urlencoded", 413),
    ],
)
async def test_a_body_that_is_none_of_these_is_refused(body: bytes, content_type: str, status: int) -> None:
    reply = await pbx().answer(post(body, content_type))
    said = json.loads(reply.body)

    assert (reply.status, said["code"], said["data"]) == (status, status, {})


async def test_a_user_that_nobody_knows_is_refused_and_no_phone_rings() -> None:
    dialled: Dialled = []

    reply = await pbx(dialled).answer(as_json({**SENT, "user_number": "2999"}))

    assert (reply.status, dialled) == (400, [])
    assert "user_number" in json.loads(reply.body)["message"]


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (NotFound("no PBX connection has extension 2041"), 400, "user_number"),
        (TooMany("twice"), 409, "less than two seconds"),
        (PeerDown("the PBX does not answer"), 503, "PBX"),
        (Unsupported("it cannot dial"), 503, "PBX"),
        (Misconfigured("the key is wrong", connection="secret-canary"), 503, "PBX"),
        (StoreDown("the disk is full"), 503, "PBX"),
        (BadMessage("expected a licence, got 'licence'", field="number"), 400, "Invalid request"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
async def test_what_the_pbx_says_is_told_in_this_familys_words(
    error: HubError, status: int, text: str
) -> None:
    reply = await pbx(fails=error).answer(as_json(SENT))
    said = json.loads(reply.body)

    assert (reply.status, said["code"], said["status"], said["data"]) == (status, status, "error", {})
    assert text in said["message"]
    assert b"secret-canary" not in reply.body
    assert b"licence" not in reply.body


@pytest.mark.parametrize("key", ["é", "k" * 256, "a\tb"])
async def test_a_key_of_an_order_that_no_client_makes_is_refused(key: str) -> None:
    request = post(json.dumps(SENT).encode(), "application/json", **{"idempotency-key": key})

    reply = await pbx().answer(request)

    assert reply.status == 400
    assert "Idempotency-Key" in json.loads(reply.body)["message"]
