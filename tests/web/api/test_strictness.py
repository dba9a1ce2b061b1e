"""What is wrong with a request is named, all of it, and nothing of the request is done."""

import pytest

from tests.web.api.client import Client

JSON = {"Content-Type": "application/json"}

QUERIES = (
    "limit=201",
    "limit=",
    "limit",
    "limit=+5",
    "limit=%205",
    "limit=5.0",
    "limit=1e2",
    "limit=" + "9" * 400,
    "limit=5&limit=6",
    "cursor=x",
    "cursor=-1",
    "search=%00",
    "search=%0A",
    "search=%C2%85",
    "search=%FF",
    "search=%ED%A0%80",
    "search=" + "a" * 101,
    "=",
    "&".join(f"a{number}=1" for number in range(101)),
)
BODIES = (
    b"{",
    b"[]",
    b"null",
    b'"text"',
    b"\xff\xfe",
    b'{"name":"\xff"}',
    b'{"name":"\x01"}',
    rb'{"name":"a\u0000b"}',
    rb'{"name":"a\u0085b"}',
    rb'{"name":"\ud800"}',
    b'{"name":null}',
    b'{"name":1}',
    b'{"name":["Anna"]}',
    b'{"name":"Anna","phones":"1"}',
    b'{"name":"Anna","phones":[1]}',
    b'{"name":"Anna","phones":[""]}',
    b'{"name":"Anna","email":"nobody"}',
    b'{"name":"Anna","responsible":"1;2"}',
    b'{"name":"Anna","id":5}',
    b'{"name":"Anna","x":NaN}',
    b'{"name":"Anna","x":' + b"9" * 5000 + b"}",
    b'{"name":"Anna","x":1e999}',
    b'{"name":' + b"[" * 30_000 + b"]" * 30_000 + b"}",
    b'{"name":' + b"[" * 100 + b"]" * 100 + b"}",
    b'{"name":' + b'{"a":' * 200 + b"1" + b"}" * 200 + b"}",
)


@pytest.fixture
def client(kept_client: Client) -> Client:
    return kept_client


async def test_parameters_that_are_not_known_are_named(client: Client) -> None:
    answer = await client.get("/contacts?serach=anna&limit=5&page=2")

    assert (answer.status, answer.problem, answer.wrong) == (400, "bad_message", ["serach", "page"])
    assert "search" in answer.json["detail"]


async def test_all_that_is_wrong_is_told_at_once(client: Client) -> None:
    query = await client.get("/calls?limit=0&direction=up&from=yesterday&has_recording=1")
    body = await client.post("/groups", {"name": "", "kind": "choir", "extensions": ["a"], "color": "red"})

    assert set(query.wrong) == {"limit", "direction", "from", "has_recording"}
    assert set(body.wrong) == {"name", "kind", "extensions[0]", "color"}
    assert body.json["field"] in body.wrong


async def test_a_query_is_read_strictly(client: Client) -> None:
    answers = {query: await client.get(f"/contacts?{query}") for query in QUERIES}

    assert {query: one.problem for query, one in answers.items()} == dict.fromkeys(QUERIES, "bad_message")


async def test_a_body_is_read_strictly_and_nothing_is_stored(client: Client) -> None:
    answers = {body: await client.ask("POST", "/contacts", data=body, headers=JSON) for body in BODIES}
    stored = await client.get("/contacts")

    assert {body: one.problem for body, one in answers.items()} == dict.fromkeys(BODIES, "bad_message")
    assert stored.json["items"] == []


async def test_a_body_that_is_missing_of_another_type_or_too_large_is_told_so(client: Client) -> None:
    missing = await client.ask("POST", "/contacts", headers=JSON)
    form = await client.ask("POST", "/contacts", data={"name": "Anna"})
    large = await client.ask("POST", "/contacts", data=b"{" + b" " * 70_000 + b"}", headers=JSON)

    assert (missing.status, missing.wrong) == (400, ["body"])
    assert (form.status, form.problem) == (415, "unsupported_media_type")
    assert "application/json" in form.json["detail"]
    assert (large.status, large.problem) == (413, "too_large")


async def test_a_body_may_say_its_charset(client: Client) -> None:
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}
    answer = await client.ask("POST", "/contacts", data=b'{"name":"Anna"}', headers=headers)

    assert answer.status == 201
