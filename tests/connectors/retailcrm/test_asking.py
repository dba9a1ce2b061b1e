"""Commands and questions in both directions: dial, status, who is calling, the call-backs and pages."""

import dataclasses
import json
from typing import Any

import pytest
from msgspec.structs import replace

from switchhook.connectors.retailcrm import CONNECTOR
from switchhook.core.connector import DialOrder, Role
from switchhook.core.directory import Availability, CallerAnswer
from switchhook.core.edge import Reply, Request, reply_json
from switchhook.core.errors import (
    BadMessage,
    HubError,
    Misconfigured,
    NotFound,
    PeerDown,
    TooMany,
    Unsupported,
)
from switchhook.core.outcome import Delivered, NotSent, TryAgain
from tests.connectors.retailcrm.http import ScriptedPeer, listening
from tests.connectors.retailcrm.hub import CLIENT_ID, VERA, crm_hub, module_state, pbx_hub
from tests.connectors.retailcrm.telling import account, way_out

PBX, CRM = CONNECTOR.sides[Role.PBX], CONNECTOR.sides[Role.CRM]
ORDER = DialOrder(id="o-1", extension="204", number="+79261234567", did="+74951112233")


async def dialled(status: int, *, path: str = "/call") -> Request:
    """Dial at a PBX that answers with this status; gives what it was asked."""
    peer = ScriptedPeer([Reply(status=status)])
    async with listening(peer.answer) as url, way_out() as http:
        hub = pbx_hub(state=module_state(make_call_url=url + path), http=http)
        assert PBX.dial is not None
        await PBX.dial(ORDER, hub.link, hub)
    return peer.requests[0]


async def test_dials_by_get_with_every_parameter() -> None:
    request = await dialled(200, path="/call?token=a%2Fb")

    assert (request.method, request.path) == ("GET", "/call")
    assert request.query == {
        "token": "a/b",
        "clientId": CLIENT_ID,
        "code": "204",
        "phone": "+79261234567",
        "userId": "17",
        "externalPhone": "+74951112233",
    }


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (201, PeerDown),
        (202, PeerDown),
        (204, PeerDown),
        (302, PeerDown),
        (403, Misconfigured),
        (500, PeerDown),
    ],
)
async def test_only_200_is_a_call(status: int, error: type[HubError]) -> None:
    with pytest.raises(error):
        await dialled(status)


async def test_cannot_dial_before_the_pbx_said_where() -> None:
    hub = pbx_hub()
    assert PBX.dial is not None

    with pytest.raises(Unsupported):
        await PBX.dial(ORDER, hub.link, hub)


async def test_tells_a_status_and_ignores_the_answer() -> None:
    peer = ScriptedPeer([Reply(status=500)])
    async with listening(peer.answer) as url, way_out() as http:
        hub = pbx_hub(state=module_state(change_user_status_url=url + "/status"), http=http)
        assert PBX.set_presence is not None
        outcome = await PBX.set_presence("204", Availability.DINNER, hub.link, hub)
        silent = await PBX.set_presence("204", Availability.OFFLINE, hub.link, hub)
        unmapped = await PBX.set_presence("299", Availability.FREE, hub.link, hub)

    assert outcome == Delivered(status=500)
    assert silent == NotSent("retailCRM has no word for offline")
    assert unmapped == NotSent("extension 299 is not in the PBX's map")
    assert [request.query for request in peer.requests] == [
        {"clientId": CLIENT_ID, "code": "204", "userId": "17", "status": "dinner"}
    ]


async def test_the_pbx_s_own_map_says_whom_it_can_dial() -> None:
    assert PBX.extensions is not None

    assert list(PBX.extensions(pbx_hub().link)) == ["204", "205"]


async def test_the_probe_of_a_pbx_says_what_it_registered() -> None:
    hub = pbx_hub(state=module_state(make_call_url="https://pbx.example/call"))
    assert PBX.probe is not None
    blank = await PBX.probe(pbx_hub(is_registered=False).link, hub)

    found = {each.what: each.is_ok for each in await PBX.probe(hub.link, hub)}

    assert found == {
        "the hub's address": True,
        "module acme-pbx": True,
        "click to call": True,
        "status to the PBX": False,
        "the PBX's map of users": True,
    }
    assert [(each.what, each.is_ok) for each in blank][-1] == ("registration", False)


KNOWN = {
    "success": True,
    "manager": {"id": 17, "firstName": "Vera", "lastName": "Orlova", "code": "204"},
    "customer": {"id": 5120, "firstName": "Ivan", "lastName": "Petrov", "phones": [{"number": "+7926"}]},
    "links": {
        "newOrderLink": "https://shop.example/o",
        "customerLink": "https://shop.example/customers/5120",
    },
}


async def test_asks_who_is_calling_with_all_details() -> None:
    async with account(reply_json(200, KNOWN)) as (peer, hub):
        assert CRM.who_is is not None
        answer = await CRM.who_is("89261234567", hub.link)

    assert answer == CallerAnswer(
        name="Ivan Petrov", responsible="204", card_url="https://shop.example/customers/5120"
    )
    assert (peer.requests[0].path, peer.requests[0].query) == (
        "/api/v5/telephony/manager",
        {"phone": "+79261234567", "details": "1", "ignoreStatus": "1"},
    )


@pytest.mark.parametrize("code", [204, "204"])
async def test_reads_a_manager_s_code_as_number_or_text(code: Any) -> None:
    body = {
        "success": True,
        "manager": {"id": "17", "code": code},
        "links": {"newCustomerLink": "javascript:x"},
    }
    async with account(reply_json(200, body)) as (_, hub):
        assert CRM.who_is is not None
        answer = await CRM.who_is("+79261234567", hub.link)

    assert answer == CallerAnswer(responsible="204")


async def test_links_alone_are_no_knowledge() -> None:
    stranger = {"success": True, "links": {"newCustomerLink": "https://shop.example/new"}}
    async with account(reply_json(200, stranger), settings={"strip_plus": "true"}) as (peer, hub):
        assert CRM.who_is is not None
        answers = [await CRM.who_is(number, hub.link) for number in ("+79261234567", "anonymous")]

    assert answers == [None, None]
    assert [request.query["phone"] for request in peer.requests] == ["79261234567"]


async def test_a_refusal_is_not_a_stranger() -> None:
    async with account(reply_json(200, {"success": False, "errorMsg": "Access denied."})) as (_, hub):
        assert CRM.who_is is not None
        with pytest.raises(PeerDown, match="Access denied"):
            await CRM.who_is("+79261234567", hub.link)


async def test_sets_a_user_s_status() -> None:
    async with account() as (peer, hub):
        assert CRM.set_presence is not None
        done = await CRM.set_presence("205", Availability.BREAK, hub.link, hub)
        unknown = await CRM.set_presence("299", Availability.BREAK, hub.link, hub)
    away = await CRM.set_presence("205", Availability.BREAK, crm_hub().link, hub)

    assert (type(done), type(away)) == (Delivered, TryAgain)
    assert unknown == NotSent("the account has no user with extension 299")
    assert [(each.path, form) for each, form in zip(peer.requests, peer.forms, strict=True)] == [
        ("/api/v5/users/18/status", {"status": "break"})
    ]


async def called_back(
    path: str, query: dict[str, str], *, method: str = "GET", error: HubError | None = None
) -> Reply:
    hub = crm_hub()
    if error is not None:
        hub.refuses.append(error)
    assert CRM.serve is not None
    return await CRM.serve(Request(method=method, path=path, query=query), hub.link, hub)


CALL = {"clientId": CLIENT_ID, "code": "204", "phone": "+79261234567"}


@pytest.mark.parametrize("client_id", ["", "guess", CLIENT_ID + "0", "Ключ"])
@pytest.mark.parametrize("path", ["/make-call", "/change-user-status", "/account", "/activity", "/else"])
async def test_nothing_without_the_client_id(path: str, client_id: str) -> None:
    reply = await called_back(path, {**CALL, "clientId": client_id}, method="POST")

    assert (reply.status, json.loads(reply.body)) == (
        403,
        {"success": False, "errorMsg": "Access denied."},
    )


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NotFound("no such extension"), 404),
        (BadMessage("not dialable", field="number"), 400),
        (TooMany("the same click twice"), 429),
        (PeerDown("the PBX is away"), 424),
        (Unsupported("cannot dial"), 409),
        (Misconfigured("no such trunk"), 409),
    ],
)
async def test_a_call_that_did_not_start_is_no_200(error: HubError, status: int) -> None:
    reply = await called_back("/make-call", CALL, error=error)

    assert (reply.status, json.loads(reply.body)["success"]) == (status, False)


async def test_finds_the_extension_by_the_user_when_the_code_is_left_out() -> None:
    hub = crm_hub()
    assert CRM.serve is not None
    query = {"clientId": CLIENT_ID, "userId": "18", "phone": "+79261234567"}

    reply = await CRM.serve(Request(method="GET", path="/make-call", query=query), hub.link, hub)

    assert (reply.status, hub.dialled) == (200, [("205", "+79261234567", None)])


async def test_the_account_page_is_for_people_and_holds_no_secret() -> None:
    hub = crm_hub()
    hub.link = dataclasses.replace(hub.link, name="<b>Shop</b>")
    request = Request(
        method="POST",
        path="/account",
        headers={"content-type": "application/x-www-form-urlencoded", "accept-language": "ru-RU"},
        body=f"clientId={CLIENT_ID}".encode(),
    )
    assert CRM.serve is not None

    reply = await CRM.serve(request, hub.link, hub)

    page = reply.body.decode()
    assert (reply.status, reply.content_type) == (200, "text/html; charset=utf-8")
    assert "Модуль зарегистрирован." in page
    assert "&lt;b&gt;Shop" in page
    assert all(secret not in page for secret in (CLIENT_ID, hub.link.settings["api_key"], "<b>"))


async def test_the_logo_is_an_svg() -> None:
    reply = await called_back("/logo.svg", {})

    assert (reply.status, reply.content_type, reply.body[:4]) == (200, "image/svg+xml", b"<svg")


@pytest.mark.parametrize(("method", "path", "status"), [("PUT", "/make-call", 405), ("GET", "/else", 404)])
async def test_other_methods_and_paths_are_refused_in_json(method: str, path: str, status: int) -> None:
    reply = await called_back(path, CALL, method=method)

    assert (reply.status, reply.content_type) == (status, "application/json")


async def test_an_employee_s_status_is_the_user_s_status() -> None:
    hub = pbx_hub()
    hub.book.people = [replace(VERA, availability=Availability.OFFLINE)]
    assert PBX.serve is not None
    request = Request(method="GET", path="/api/v5/users/17", headers={"x-api-key": hub.link.keys["api_key"]})

    user = json.loads((await PBX.serve(request, hub.link, hub)).body)["user"]

    assert (user["online"], user["status"], user["lastName"]) == (False, "break", "Orlova")
