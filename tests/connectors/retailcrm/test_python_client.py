"""The published Python client of retailCRM, against the served connector over loopback HTTP."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import retailcrm
from msgspec.structs import replace

from switchhook.connectors.retailcrm import as_crm
from switchhook.connectors.retailcrm.crm.rate import RateLimits
from switchhook.core.call import Direction, Disposition, Happening
from switchhook.core.directory import Availability, Caller
from switchhook.core.edge import Reply, Request
from tests.connectors.retailcrm.http import listening
from tests.connectors.retailcrm.hub import API_KEY, IVAN, VERA, ScriptedHub, pbx_hub

MODULE = {
    "code": "my-telephony",
    "active": True,
    "name": "Telephony name",
    "logo": "http://api.telephony-test.com/logo.svg",
    "clientId": "2dbh26tahjj26sg",
    "accountUrl": "http://api.telephony-test.com/settings",
    "integrations": {
        "telephony": {
            "makeCallUrl": "http://api.telephony-test.com/make-call",
            "allowEdit": False,
            "inputEventSupported": True,
            "additionalCodes": [{"userId": "1", "code": 100}, {"userId": "17", "code": 204}],
            "externalPhones": [{"siteCode": "shop1", "externalPhone": "+7-499-999-99-99"}],
            "changeUserStatusUrl": "http://api.telephony-test.com/change-status",
        }
    },
}
CALL = {
    "date": "2026-03-04 10:15:30",
    "type": "in",
    "phone": "+79261234567",
    "code": "204",
    "result": "answered",
    "duration": 61,
    "durationWaiting": 9,
    "externalId": "pbx-8f21",
    "externalPhone": "+74951112233",
}


class Served:
    """The hub and whatever version of the client, on one address."""

    def __init__(self, hub: ScriptedHub, url: str) -> None:
        self.hub = hub
        self.url = url

    async def ask(
        self, method: str, *args: Any, key: str | None = API_KEY, version: str = "v5", **named: Any
    ) -> tuple[int, Any]:
        """Call the client in a thread, as it blocks; gives status and body."""
        client = getattr(retailcrm, version)(self.url, key)
        call: Callable[..., Any] = getattr(client, method)
        response = await asyncio.to_thread(call, *args, **named)
        return response.get_status_code(), response.get_response()


@asynccontextmanager
async def serving(hub: ScriptedHub) -> AsyncIterator[Served]:
    limits = RateLimits(itertools.count().__next__)  # a second passes between any two requests

    async def answer(request: Request) -> Reply:
        return await as_crm.answer(request, hub.link, hub, limits=limits)

    async with listening(answer) as url:
        yield Served(hub, url)


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving(pbx_hub()) as served:
        yield served


@pytest.fixture
async def blank() -> AsyncIterator[Served]:
    """No PBX has registered yet."""
    async with serving(pbx_hub(is_registered=False)) as served:
        yield served


QUESTIONS: list[tuple[str, tuple[Any, ...]]] = [
    ("api_versions", ()),
    ("api_credentials", ()),
    ("system_info", ()),
    ("sites", ()),
    ("users", ()),
    ("user", (17,)),
    ("user_status", (17, "busy")),
    ("integration_module", ("acme-pbx",)),
    ("integration_module_edit", (MODULE,)),
    ("telephony_call_event", ({"phone": "1", "type": "in"},)),
    ("telephony_calls_upload", ([CALL],)),
    ("telephony_manager", ("+79261234567",)),
]


async def test_refuses_a_missing_and_a_wrong_key_in_the_words_that_clients_know(served: Served) -> None:
    missing = [await served.ask(method, *args, key=None) for method, args in QUESTIONS]
    wrong = [await served.ask(method, *args, key="guess") for method, args in QUESTIONS]

    assert missing == [(403, {"success": False, "errorMsg": '"apiKey" is missing.'})] * len(QUESTIONS)
    assert wrong == [(403, {"success": False, "errorMsg": 'Wrong "apiKey" value.'})] * len(QUESTIONS)


async def test_answers_every_method_that_a_pbx_needs(served: Served) -> None:
    answers = {method: await served.ask(method, *args) for method, args in QUESTIONS}

    statuses = {method: (status, body["success"]) for method, (status, body) in answers.items()}
    expected = {method: (200, True) for method, _ in QUESTIONS}
    assert statuses == {**expected, "integration_module_edit": (201, True)}


async def test_takes_a_base_address_with_a_trailing_slash(served: Served) -> None:
    served.url += "/"

    assert await served.ask("api_versions") == (200, {"success": True, "versions": ["3.0", "4.0", "5.0"]})


async def test_registers_with_201_and_changes_with_200(blank: Served) -> None:
    created = await blank.ask("integration_module_edit", MODULE)
    changed = await blank.ask("integration_module_edit", {"code": "my-telephony", "active": False})

    info = {"notExistUsersIds": [1], "notExistSiteCodes": ["shop1"]}
    assert created == (201, {"success": True, "info": info})
    assert changed == (200, {"success": True, "info": info})


async def test_gives_the_module_back_with_ids_that_every_client_can_read(blank: Served) -> None:
    await blank.ask("integration_module_edit", MODULE)

    status, body = await blank.ask("integration_module", "my-telephony")

    module = body["integrationModule"]
    assert (status, module["clientId"], module["active"], module["freeze"]) == (
        200,
        "2dbh26tahjj26sg",
        True,
        False,
    )
    assert module["integrations"]["telephony"]["additionalCodes"] == [
        {"userId": "1", "code": "100"},
        {"userId": "17", "code": "204"},
    ]


async def test_says_not_found_for_a_module_that_nobody_registered(blank: Served) -> None:
    assert await blank.ask("integration_module", "none") == (404, {"success": False, "errorMsg": "Not found"})


async def test_has_no_scopes_to_update(served: Served) -> None:
    answer = await served.ask(
        "integration_module_update_scopes", "acme-pbx", {"scopes": ["integration_read"]}
    )

    assert answer == (404, {"success": False, "errorMsg": "API method not found"})


async def test_refuses_events_and_calls_before_the_registration(blank: Served) -> None:
    event = await blank.ask("telephony_call_event", {"phone": "+79261234567", "type": "in"})
    upload = await blank.ask("telephony_calls_upload", [CALL])

    assert event == (400, {"success": False, "errorMsg": "Telephony not enabled"})
    assert upload == (
        400,
        {"success": False, "errorMsg": "Telephony not enabled or not supports calls upload"},
    )


async def test_rings_every_code_and_warns_of_unknown_ones(served: Served) -> None:
    event = {"phone": "+79261234567", "type": "in", "codes": ["204", "299"], "callExternalId": "pbx-8f21"}

    answer = await served.ask("telephony_call_event", event)

    assert answer == (200, {"success": True, "notExistCodes": ["299"]})
    assert [(each.extension, each.happening, each.direction) for each in served.hub.events] == [
        ("204", Happening.RINGING, Direction.INBOUND),
        ("299", Happening.RINGING, Direction.INBOUND),
    ]


async def test_takes_a_call_once_and_names_it_when_it_comes_again(served: Served) -> None:
    first = await served.ask("telephony_calls_upload", [CALL])
    again = await served.ask("telephony_calls_upload", [CALL, {**CALL, "externalId": "pbx-8f22"}])

    assert first == (200, {"success": True, "processedCallsCount": 1})
    assert again == (200, {"success": True, "processedCallsCount": 1, "duplicateCalls": ["pbx-8f21"]})
    assert [(each.call_id, each.disposition) for each in served.hub.reports] == [
        ("pbx-8f21", Disposition.ANSWERED),
        ("pbx-8f22", Disposition.ANSWERED),
    ]


async def test_takes_a_call_whose_events_were_heard(served: Served) -> None:
    """An id that is known from events alone is no repeat."""
    event = {"phone": "+79261234567", "type": "in", "codes": ["204"], "callExternalId": "pbx-8f21"}
    await served.ask("telephony_call_event", event)

    assert await served.ask("telephony_calls_upload", [CALL]) == (
        200,
        {"success": True, "processedCallsCount": 1},
    )


async def test_names_the_manager_and_the_customer(served: Served) -> None:
    served.hub.callers["+79261234567"] = Caller(
        number="+79261234567", name="Ivan Petrov", responsible="204", contact=IVAN, employee=VERA
    )

    status, body = await served.ask("telephony_manager", "+79261234567")

    page = "https://hub.example/?phone=%2B79261234567"
    assert status == 200
    assert body == {
        "success": True,
        "manager": {
            "id": 17,
            "firstName": "Vera",
            "lastName": "Orlova",
            "patronymic": "",
            "email": "vera@shop.example",
            "code": "204",
        },
        "customer": {
            "id": 5120,
            "firstName": "Ivan",
            "lastName": "Petrov",
            "email": "ivan@mail.example",
            "phones": [{"number": "+79261234567"}],
        },
        "links": {"newOrderLink": page, "customerLink": page},
    }


async def test_gives_links_alone_for_a_stranger(served: Served) -> None:
    status, body = await served.ask("telephony_manager", "+79990000000")

    assert (status, sorted(body)) == (200, ["links", "success"])
    assert sorted(body["links"]) == ["newCustomerLink", "newOrderLink"]


@pytest.mark.parametrize(("ignores", "is_named"), [(True, True), (False, False)])
async def test_names_a_busy_manager_only_when_asked_to(served: Served, ignores: bool, is_named: bool) -> None:
    busy = replace(VERA, availability=Availability.BUSY)
    served.hub.callers["1"] = Caller(number="1", responsible="204", employee=busy)

    _, body = await served.ask("telephony_manager", "1", details=False, ignore_status=ignores)

    assert ("manager" in body, "customer" in body) == (is_named, False)


async def test_names_a_manager_whom_only_the_pbx_knows(served: Served) -> None:
    served.hub.book.people.clear()
    served.hub.callers["1"] = Caller(number="1", responsible="205")

    _, body = await served.ask("telephony_manager", "1")

    assert (body["manager"]["id"], body["manager"]["code"]) == (18, "205")


async def test_lists_users_by_pages(served: Served) -> None:
    status, body = await served.ask("users", filters={"active": 1, "email": "IGOR@shop.example"}, limit=50)

    assert status == 200
    assert body["pagination"] == {"limit": 50, "totalCount": 1, "currentPage": 1, "totalPageCount": 1}
    assert [(user["id"], user["firstName"], user["status"]) for user in body["users"]] == [
        (18, "Igor", "free")
    ]


async def test_refuses_a_page_size_that_the_api_does_not_have(served: Served) -> None:
    status, body = await served.ask("users", limit=33)

    assert (status, body["errorMsg"], sorted(body["errors"])) == (
        400,
        "Errors in the entity format",
        ["limit"],
    )


async def test_notes_a_status_from_the_pbx(served: Served) -> None:
    known = await served.ask("user_status", 18, "dinner")
    unknown = await served.ask("user_status", 99, "dinner")
    status, body = await served.ask("user_status", 18, "asleep")

    assert known == (200, {"success": True})
    assert unknown == (404, {"success": False, "errorMsg": "Not found"})
    assert (status, sorted(body["errors"])) == (400, ["status"])
    assert served.hub.presences == [("205", Availability.DINNER)]


async def test_serves_the_older_versions_too(blank: Served) -> None:
    v3 = await blank.ask(
        "telephony_settings", "old", "c-3", "http://pbx.example/call", "1", "Old", "", version="v3"
    )
    v4 = await blank.ask(
        "telephony_setting_edit",
        {"code": "pbx4", "clientId": "c-4", "active": True, "image": "http://pbx.example/i.png"},
        version="v4",
    )
    read = await blank.ask("telephony_setting", "pbx4", version="v4")
    event = await blank.ask("telephony_call_event", "+79261234567", "in", "204", "", version="v3")

    assert (v3[0], v4[0], event) == (201, 201, (200, {"success": True}))
    assert read[1]["configuration"]["image"] == "http://pbx.example/i.png"
    assert [(each.extension, each.happening) for each in blank.hub.events] == [("204", Happening.RINGING)]
