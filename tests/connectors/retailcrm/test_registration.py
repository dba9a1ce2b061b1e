"""Registering at an account: the other role of this connector, served over loopback HTTP, is the account."""

import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from switchhook.connectors.retailcrm import CONNECTOR, as_crm, check_code
from switchhook.connectors.retailcrm.crm.rate import RateLimits
from switchhook.connectors.retailcrm.crm.registry import modules_of
from switchhook.core.connector import Role
from switchhook.core.directory import Employee, Line
from switchhook.core.edge import Reply, Request
from switchhook.core.errors import BadMessage, Misconfigured, PeerDown, Refused
from tests.connectors.retailcrm.http import listening
from tests.connectors.retailcrm.hub import CLIENT_ID, ScriptedHub, crm_hub, pbx_hub
from tests.connectors.retailcrm.telling import way_out

SIDE = CONNECTOR.sides[Role.CRM]
VERA_HERE = Employee(id=1, name="Vera O.", extension="204", email="VERA@shop.example")
BORIS_HERE = Employee(id=2, name="Igor Belov", extension="206")


class Pair:
    """Two hubs: `crm` plays the account, `pbx` registers at it."""

    def __init__(self, crm: ScriptedHub, pbx: ScriptedHub) -> None:
        self.crm, self.pbx = crm, pbx
        self.paths: list[str] = []

    async def register(self) -> None:
        assert SIDE.pair is not None
        self.paths.clear()
        await SIDE.pair(self.pbx.link, self.pbx)

    async def edit_in_crm(self, **members: Any) -> None:
        module = {"code": "switchhook", "integrations": {"telephony": members}}
        request = Request(
            method="POST",
            path="/api/v5/integration-modules/switchhook/edit",
            headers={"x-api-key": self.crm.link.keys["api_key"], "content-type": "application/json"},
            body=json.dumps({"integrationModule": module}).encode(),
        )
        await as_crm.answer(request, self.crm.link, self.crm, limits=RateLimits(lambda: 0.0))

    @property
    def codes(self) -> dict[int, str]:
        return {pair.user_id: pair.code for pair in modules_of(self.crm.link)["switchhook"].codes}


@asynccontextmanager
async def two_hubs(**settings: str) -> AsyncIterator[Pair]:
    crm = pbx_hub(is_registered=False)
    limits = RateLimits(itertools.count().__next__)
    async with way_out() as http:

        async def answer(request: Request) -> Reply:
            pair.paths.append(f"{request.method} {request.path}")
            return await as_crm.answer(request, crm.link, crm, limits=limits)

        async with listening(answer) as url:
            pbx = crm_hub(settings={"url": url, **settings}, state={}, http=http)
            pbx.book.people = [VERA_HERE, BORIS_HERE]
            pair = Pair(crm, pbx)
            yield pair


async def test_registers_everything_that_the_account_needs() -> None:
    async with two_hubs(name="My PBX") as pair:
        pair.pbx.book.numbers = [Line(id=1, number="+74951112233", name="Sales", site="main")]
        await pair.register()

        module = modules_of(pair.crm.link)["switchhook"]
        assert pair.paths == [
            "GET /api/credentials",
            "GET /api/v5/integration-modules/switchhook",
            "GET /api/v5/users",
            "POST /api/v5/integration-modules/switchhook/edit",
            "GET /api/v5/integration-modules/switchhook",
        ]
        assert (module.name, module.client_id, module.is_active) == ("My PBX", CLIENT_ID, True)
        assert module.make_call_url == "https://hub.example/x/abc/make-call"
        assert module.change_user_status_url == "https://hub.example/x/abc/change-user-status"
        assert (module.base_url, module.actions) == ("https://hub.example/x/abc", {"activity": "/activity"})
        assert [module.has_in_events, module.has_out_events, module.has_hangup_events] == [True] * 3
        assert [(each.site, each.phone) for each in module.phones] == [("main", "+74951112233")]


async def test_matches_users_by_e_mail_and_never_by_name() -> None:
    async with two_hubs() as pair:
        await pair.register()

        assert pair.codes == {17: "204"}


async def test_takes_the_map_that_the_administrator_typed() -> None:
    async with two_hubs(extension_map="18=206, 17 = 299") as pair:
        await pair.register()

        assert pair.codes == {18: "206", 17: "299"}


async def test_registers_nothing_again_when_nothing_differs() -> None:
    async with two_hubs() as pair:
        await pair.register()
        await pair.register()

        assert [path for path in pair.paths if path.startswith("POST")] == []


async def test_keeps_and_learns_what_users_edit_in_the_crm() -> None:
    async with two_hubs() as pair:
        await pair.register()
        await pair.edit_in_crm(additionalCodes=[{"userId": 18, "code": "205"}])
        await pair.register()

        learned = [(each.name, each.extension, each.email) for each in pair.pbx.book.learned]
        assert pair.codes == {18: "205"}
        assert learned == [("Igor Belov", "205", "igor@shop.example")]
        assert pair.pbx.link.state["codes"] == [{"user_id": 18, "code": "205"}]


async def test_puts_back_what_only_it_may_edit() -> None:
    async with two_hubs(allow_edit="false") as pair:
        await pair.register()
        await pair.edit_in_crm(additionalCodes=[], makeCallUrl="https://elsewhere.example/")
        await pair.register()

        assert pair.codes == {17: "204"}
        assert modules_of(pair.crm.link)["switchhook"].make_call_url == "https://hub.example/x/abc/make-call"


async def test_a_wrong_key_is_told_in_the_account_s_words() -> None:
    async with two_hubs(api_key="guess") as pair:
        with pytest.raises(Refused, match="Wrong"):
            await pair.register()


@pytest.mark.parametrize("field", ["url", "api_key", "code"])
async def test_names_the_setting_that_is_missing(field: str) -> None:
    async with two_hubs(**{field: " "}) as pair:
        with pytest.raises(Misconfigured) as caught:
            await pair.register()

        assert caught.value.field == field


async def test_a_map_that_cannot_be_read_names_its_field() -> None:
    async with two_hubs(extension_map="Vera: 204") as pair:
        with pytest.raises(Misconfigured) as caught:
            await pair.register()

        assert caught.value.field == "extension_map"


async def test_an_account_that_is_away_is_time_s_business() -> None:
    hub = crm_hub()
    assert SIDE.pair is not None

    with pytest.raises(PeerDown):
        await SIDE.pair(hub.link, hub)


async def test_does_not_come_back_after_it_was_removed_in_the_crm() -> None:
    async with two_hubs() as pair:
        await pair.register()
        await pair.pbx.pair(state={"activity": {"is_active": False, "is_frozen": False}})
        await pair.crm.pair(state={"modules": {}})

        with pytest.raises(Misconfigured, match="was removed in the CRM"):
            await pair.register()


async def test_the_probe_says_what_is_there_and_what_is_not() -> None:
    async with two_hubs(site="shop9") as pair:
        assert SIDE.probe is not None
        before = {each.what: each.is_ok for each in await SIDE.probe(pair.pbx.link, pair.pbx)}
        await pair.register()
        after = {each.what: each.is_ok for each in await SIDE.probe(pair.pbx.link, pair.pbx)}

    works = {"the hub's address": True, "address and key": True, "users": True, "who is calling": True}
    assert before == {**works, "module": False, "shops": False}
    assert after == {**works, "module": True, "shops": False}


@pytest.mark.parametrize("code", ["", "two words", "a/b", "код", "a" * 256])
def test_a_code_that_no_address_can_carry_is_refused(code: str) -> None:
    with pytest.raises(BadMessage):
        check_code(code)


@pytest.mark.parametrize("code", ["switchhook", "Shop_2-b"])
def test_a_code_of_letters_digits_dash_and_underscore_is_taken(code: str) -> None:
    check_code(code)
