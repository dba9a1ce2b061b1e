"""Nobody gets past the door of the API without a key for what they ask, and every no is told in one way."""

from datetime import UTC, datetime

import pytest

from switchhook.core.api import Scope
from switchhook.store.api_keys import revoke_api_key
from tests.web.api.client import Client, client_of
from tests.web.hubs import TestHub

WRONG = (
    "",
    "Bearer",
    "Bearer ",
    "Bearer wrong",
    "Basic {key}",
    "{key}",
    "Bearer {key}x",
    "Bearer {key} {key}",
    "Bearer, {key}",
)


@pytest.fixture
def client(kept_client: Client) -> Client:
    return kept_client


async def test_without_a_right_key_nothing_is_said(client: Client) -> None:
    for presented in WRONG:
        headers = {"Authorization": presented.format(key=client.secret)}
        answer = await client.get("/contacts", headers=headers)

        assert (answer.status, answer.problem, presented) == (401, "refused", presented)
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.json["detail"] == "not authorised"


async def test_the_scheme_may_be_written_in_any_case(client: Client) -> None:
    answer = await client.get("/contacts", headers={"Authorization": f"bEARER {client.secret}"})

    assert answer.status == 200


async def test_two_keys_at_once_are_none(client: Client) -> None:
    headers = [("Authorization", f"Bearer {client.secret}")] * 2
    async with client.hub.http.get(client.hub.now.url + "/api/v1/contacts", headers=headers) as response:
        status = response.status

    assert status == 401


async def test_the_session_of_the_pages_opens_nothing(hub: TestHub) -> None:
    await hub.sign_in()
    page = await hub.get("/")
    response = await hub.get("/api/v1/contacts")

    assert (page.status, response.status) == (200, 401)


async def test_a_revoked_key_opens_nothing_from_then_on(client: Client) -> None:
    store, key = client.hub.now.desk.store, client.key
    before = await client.get("/contacts")
    await store.write(revoke_api_key, key.account_id, key.id, at=datetime.now(UTC))
    after = await client.get("/contacts")

    assert (before.status, after.status) == (200, 401)


@pytest.mark.parametrize(
    ("scope", "method", "path"),
    [
        (Scope.READ, "GET", "/contacts"),
        (Scope.WRITE, "DELETE", "/contacts/1"),
        (Scope.DIAL, "POST", "/dial"),
        (Scope.LOOKUP, "GET", "/contacts/lookup?number=101"),
    ],
)
async def test_a_key_opens_only_what_it_is_for(hub: TestHub, scope: Scope, method: str, path: str) -> None:
    with_it = await client_of(hub, scopes=[scope])
    without = await client_of(hub, scopes=[one for one in Scope if one is not scope])

    assert (await with_it.ask(method, path)).status != 401
    assert (await without.ask(method, path)).status == 401


async def test_a_key_is_bound_to_its_addresses(hub: TestHub) -> None:
    elsewhere = await client_of(hub, allow=["192.0.2.0/24"])
    here = await client_of(hub, allow=["127.0.0.0/8"])

    assert (await elsewhere.get("/contacts")).status == 401
    assert (await here.get("/contacts")).status == 200


async def test_every_answer_tells_the_rate_and_too_many_are_sent_away(hub: TestHub) -> None:
    client = await client_of(hub, rate=(3, 60))
    told = [await client.get(path) for path in ("/contacts", "/contacts/9", "/contacts?limit=x", "/contacts")]

    assert [one.status for one in told] == [200, 404, 400, 429]
    assert [one.headers["ratelimit-remaining"] for one in told] == ["2", "1", "0", "0"]
    assert told[0].headers["ratelimit-limit"] == "3"
    assert told[3].problem == "too_many"
    assert int(told[3].headers["retry-after"]) > 0


async def test_the_default_rate_is_600_a_minute(hub: TestHub) -> None:
    client = await client_of(hub, rate=None)
    answer = await client.get("/contacts")

    assert (answer.headers["ratelimit-limit"], answer.headers["ratelimit-remaining"]) == ("600", "599")


@pytest.mark.parametrize(
    "path", ["", "/", "/nowhere", "/contacts/1/nothing", "/../contacts", "/contacts/a/b"]
)
async def test_what_is_not_there_is_a_problem_and_no_page(client: Client, path: str) -> None:
    answer = await client.get("/api/v1" + path)

    assert (answer.status, answer.problem) == (404, "not_found")


@pytest.mark.parametrize("value", ["0", "-1", "x", "1.5", "%2B1", "9" * 30, "9" * 400, "%00", "%FF", "1%0a"])
async def test_an_id_that_nothing_could_have_is_not_found(client: Client, value: str) -> None:
    answer = await client.ask("GET", f"/contacts/{value}")

    assert (answer.status, answer.problem) == (404, "not_found")


async def test_a_method_that_is_not_for_a_path_tells_which_are(client: Client) -> None:
    answer = await client.ask("PUT", "/contacts")

    assert (answer.status, answer.problem) == (405, "method_not_allowed")
    assert {"GET", "POST"} <= set(answer.headers["allow"].split(", "))


async def test_head_is_get_without_the_body(client: Client) -> None:
    got, head = await client.get("/contacts"), await client.ask("HEAD", "/contacts")

    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == str(len(got.body))
    assert head.headers["content-type"] == got.headers["content-type"]


async def test_answers_are_kept_by_nobody(client: Client) -> None:
    for answer in (await client.get("/contacts"), await client.get("/contacts/9")):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"


async def test_pages_of_others_are_not_invited(client: Client) -> None:
    answer = await client.get("/contacts", headers={"Origin": "https://evil.example"})

    assert not [name for name in answer.headers if name.startswith("access-control")]
