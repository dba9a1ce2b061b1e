"""Every error of the hub has its status, and one that nobody foresaw tells nothing of what it was."""

from dataclasses import replace
from typing import Any, cast

import httpx
import msgspec
import pytest
from litestar import Litestar, Response
from litestar.datastructures import State

from switchhook.core import errors
from switchhook.core.errors import (
    BadMessage,
    ForbiddenTarget,
    HubError,
    LinkLost,
    Misconfigured,
    NotFound,
    PeerDown,
    Refused,
    StoreDown,
    TooLarge,
    TooMany,
    Unsupported,
)
from switchhook.flow.clock import SystemClock
from switchhook.flow.gate import Gate
from switchhook.flow.live import Live
from switchhook.web.api.contacts import list_all_contacts
from switchhook.web.api.door import route_of
from switchhook.web.api.office import Office
from switchhook.web.api.operation import Answer, Asked
from switchhook.web.api.problem import refusal
from switchhook.web.hall import Hall
from switchhook.web.sessions import Signer
from tests.web.api.client import Client

STATUSES: dict[type[HubError], int] = {
    BadMessage: 400,
    TooLarge: 413,
    Refused: 401,
    Unsupported: 409,
    NotFound: 404,
    TooMany: 429,
    Misconfigured: 409,
    ForbiddenTarget: 409,
    PeerDown: 502,
    LinkLost: 503,
    StoreDown: 503,
    HubError: 500,
}


class Narrower(NotFound):
    """As a connector may make one."""

    id = "narrower"


def told(error: HubError) -> Response[bytes]:
    return refusal(error)


def test_every_error_has_its_status() -> None:
    known = {one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, HubError)}

    assert set(STATUSES) == known
    assert {error: told(error("why")).status_code for error in known} == STATUSES


def test_a_narrower_error_is_told_as_the_one_it_narrows() -> None:
    problem = msgspec.json.decode(told(Narrower("why")).content)

    assert (problem["type"], problem["status"]) == ("/errors/not_found", 404)


@pytest.mark.parametrize(
    ("error", "name", "value"),
    [
        (StoreDown("the disk is full"), "retry-after", "30"),
        (TooMany("slower", retry_after_seconds=1.2), "retry-after", "2"),
        (TooMany("slower"), "retry-after", "1"),
        (TooLarge("too much"), "connection", "close"),
        (Refused("no"), "www-authenticate", 'Bearer realm="switchhook"'),
    ],
)
def test_what_clients_act_upon_is_in_the_head(error: HubError, name: str, value: str) -> None:
    assert told(error).headers[name] == value


async def test_an_error_that_nobody_foresaw_is_not_explained(client: Client) -> None:
    async def fail(asked: Asked) -> Answer:
        raise ValueError("a secret of ours")

    now, clock = client.hub.now, SystemClock()
    live = Live(now.desk.store, clock=clock)
    nobody = cast(Any, None)
    office = Office(
        hall=Hall(store=now.desk.store, registry=now.registry, live=live, signer=Signer(b"k" * 32)),
        box=now.desk.box,
        connectors={},
        gate=Gate(now.desk.store, now.desk.box, clock=clock),
        hub_of=nobody,
        lookup=nobody,
        presence=nobody,
        prober=nobody,
        playback=nobody,
        clock=clock,
    )
    failing = replace(list_all_contacts, run=fail, shapes={})
    app = Litestar(
        [route_of("/contacts", {"GET": failing})],
        state=State({"office": office}),
        openapi_config=None,
        logging_config=None,
    )
    transport = httpx.ASGITransport(app=cast(Any, app))
    async with httpx.AsyncClient(transport=transport, base_url="http://hub.example") as http:
        answer = await http.get("/api/v1/contacts", headers={"Authorization": f"Bearer {client.secret}"})
    await office.gate.close()

    assert (answer.status_code, answer.json()["type"]) == (500, "/errors/internal")
    assert answer.headers["content-type"] == "application/problem+json"
    assert "ratelimit-remaining" in answer.headers
    assert "secret of ours" not in answer.text
