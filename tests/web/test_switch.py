"""Peers reach their connection by its address or by their key, and hear errors in their vendor's words."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest

from switchhook.core.connector import Hub, Link
from switchhook.core.edge import Reply, Request
from switchhook.core.errors import StoreDown
from switchhook.flow.rates import source_of
from switchhook.web.limits import TRIES, WrongTries
from tests.web.hubs import TestHub, path_of, planfix_event, running_hub


async def test_an_event_comes_in_by_the_address_of_its_connection(hub: TestHub) -> None:
    pbx = await hub.connect("planfix", "pbx")

    response = await hub.post(path_of(pbx.urls["api"]), data=planfix_event(pbx, "INCOMING", "1"))

    assert (response.status, await response.read()) == (200, b"")


async def test_an_event_comes_in_by_the_vendors_own_path_and_the_presented_key(hub: TestHub) -> None:
    pbx = await hub.connect("planfix", "pbx")

    response = await hub.post("/tel/api", data=planfix_event(pbx, "INCOMING", "1"))

    assert (response.status, await response.read()) == (200, b"")


@pytest.mark.parametrize(
    ("path", "key"),
    [("/tel/api", "wrong"), ("/tel/api", ""), ("/x/unknown-address/tel/api", "wrong")],
    ids=["wrong key", "no key", "unknown address"],
)
async def test_a_stranger_is_refused_in_the_vendors_words(hub: TestHub, path: str, key: str) -> None:
    pbx = await hub.connect("planfix", "pbx")
    form = {**planfix_event(pbx, "INCOMING", "1"), "planfix_token": key}

    response = await hub.post(path, data=form)

    assert (response.status, await response.json()) == (401, {"error": "Invalid token"})


async def test_a_base_address_typed_with_a_slash_at_its_end_still_reaches_the_vendors_path(
    hub: TestHub,
) -> None:
    pbx = await hub.connect("retailcrm", "pbx")

    response = await hub.post("//api/v5/users", data={"apiKey": pbx.keys["api_key"]})

    assert (response.status, (await response.json())["success"]) == (405, False)


@pytest.mark.parametrize("path", ["/x/", "/x/unknown", "/x/unknown/elsewhere", "/tel/api2"])
async def test_an_unknown_path_says_nothing(hub: TestHub, path: str) -> None:
    response = await hub.post(path, data={})

    assert response.status in (404, 405)
    assert b"Traceback" not in await response.read()


async def test_a_body_over_the_cap_is_told_so_in_the_vendors_words(hub: TestHub) -> None:
    pbx = await hub.connect("planfix", "pbx")

    response = await hub.post(path_of(pbx.urls["api"]), data=b"a=" + b"x" * 70_000)

    assert (response.status, await response.json()) == (413, {"error": "Invalid parameters"})


async def test_a_right_key_is_served_however_many_wrong_ones_came_from_there(hub: TestHub) -> None:
    pbx = await hub.connect("planfix", "pbx")
    wrong = {**planfix_event(pbx, "INCOMING", "1"), "planfix_token": "wrong"}
    told = [(await hub.post("/tel/api", data=wrong)).status for _ in range(TRIES + 1)]

    right = await hub.post("/tel/api", data=planfix_event(pbx, "INCOMING", "1"))

    assert told == [401] * TRIES + [429]
    assert right.status == 200


async def test_a_wrong_key_at_a_known_address_is_counted_too(hub: TestHub) -> None:
    pbx = await hub.connect("planfix", "pbx")
    wrong = {**planfix_event(pbx, "INCOMING", "1"), "planfix_token": "wrong"}

    told = [(await hub.post(path_of(pbx.urls["api"]), data=wrong)).status for _ in range(TRIES + 1)]

    assert told[0] == 401
    assert told[-1] == 429


@pytest.mark.parametrize(
    ("error", "status"), [(StoreDown("the disk is full"), 503), (RuntimeError("secret inside"), 500)]
)
async def test_what_fails_inside_is_told_in_the_vendors_shape(
    hub: TestHub, error: Exception, status: int
) -> None:
    async def failing(request: Request, link: Link, hub_of_connection: Hub) -> Reply:
        raise error

    pbx = await hub.connect("planfix", "pbx")
    registry = hub.now.registry
    attached = registry.by_url_key(path_of(pbx.urls["api"]).split("/")[2])
    assert attached is not None
    broken = replace(attached, side=replace(attached.side, serve=failing))
    by_url_key = {key: broken for key, one in registry.snapshot.by_url_key.items() if one is attached}
    registry.snapshot = replace(registry.snapshot, by_url_key=MappingProxyType(by_url_key))

    response = await hub.post(path_of(pbx.urls["api"]), data=planfix_event(pbx, "INCOMING", "1"))
    body = await response.text()

    assert response.status == status
    assert "error" in json.loads(body)
    assert "secret" not in body
    assert "disk" not in body


async def test_the_sign_of_life_needs_no_key(hub: TestHub) -> None:
    response = await hub.get("/healthz")

    assert (response.status, await response.text()) == (200, "ok\n")


async def test_metrics_are_off_unless_switched_on(hub: TestHub) -> None:
    response = await hub.get("/metrics")

    assert response.status == 404


async def test_metrics_count_the_requests_of_peers(tmp_path: Path) -> None:
    async with running_hub(tmp_path, given={"metrics": True}) as hub:
        pbx = await hub.connect("planfix", "pbx")
        await hub.post("/tel/api", data=planfix_event(pbx, "INCOMING", "1"))

        page = await (await hub.get("/metrics")).text()

    assert 'switchhook_peer_requests_total{connector="planfix",status="200"} 1.0' in page


async def test_a_trusted_proxy_may_say_who_asks(tmp_path: Path) -> None:
    async with running_hub(tmp_path, given={"trusted_proxies": ["127.0.0.1"]}) as hub:
        for _ in range(TRIES + 1):
            guesser = await hub.post(
                "/tel/api", data={"planfix_token": "x"}, headers={"X-Forwarded-For": "203.0.113.7"}
            )
        other = await hub.post(
            "/tel/api", data={"planfix_token": "x"}, headers={"X-Forwarded-For": "203.0.113.8"}
        )

    assert (guesser.status, other.status) == (429, 401)


async def test_requests_at_the_same_moment_are_all_taken(hub: TestHub) -> None:
    pbx = await hub.connect("planfix", "pbx")

    responses = await asyncio.gather(
        *(hub.post("/tel/api", data=planfix_event(pbx, "INCOMING", str(n))) for n in range(50))
    )

    assert {response.status for response in responses} == {200}


def test_wrong_tries_are_forgotten_after_their_window() -> None:
    now = 0.0
    tries = WrongTries(tries=2, window_seconds=60, clock=lambda: now)
    tries.note("a")
    tries.note("a")
    was_over = tries.is_over("a")
    now = 61.0

    assert was_over
    assert not tries.is_over("a")


def test_counting_wrong_tries_takes_bounded_memory() -> None:
    tries = WrongTries()
    for number in range(12_000):
        tries.note(str(number))

    assert len(tries) == 10_000


@pytest.mark.parametrize(
    ("client", "source"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("", ""),
    ],
)
def test_an_ipv6_customer_counts_as_one(client: str, source: str) -> None:
    assert source_of(client) == source
