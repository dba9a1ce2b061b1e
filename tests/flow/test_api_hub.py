"""What an API may do is of the account of the key that was presented, and of no other."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest_asyncio

from switchhook.core.api import ApiHub, HistoryKind, HistoryQuery
from switchhook.core.call import CallReport, Direction, Disposition
from switchhook.core.connector import DialOrder, Hub, Link, Role, Side
from switchhook.flow.api_hub import AccountApiHub, ApiHubs
from switchhook.flow.configure import Configured
from switchhook.flow.idempotency import Orders
from switchhook.store.accounts import ensure_account
from switchhook.store.api_keys import ApiKey, add_api_key
from switchhook.store.call_parties import write_parties
from switchhook.store.contacts import add_contact
from switchhook.store.employees import add_employee
from tests.fakes import START, FakeClock
from tests.flow.rig import PUBLIC, Rig, open_rig, rings

DIALLED: list[tuple[str, str]] = []


async def dial(order: DialOrder, link: Link, hub: Hub) -> None:
    DIALLED.append((order.extension, order.number))


class Office:
    """A hub of two accounts, each with a PBX, an employee and a key."""

    def __init__(self, rig: Rig, hubs: ApiHubs) -> None:
        self.rig, self.hubs = rig, hubs
        self.pbxs: dict[int, Configured] = {}

    async def account(self, name: str, *, zone: str) -> ApiKey:
        write = self.rig.store.write
        account_id = (await write(ensure_account, name, at=START)).id
        self.pbxs[account_id] = await self.rig.connect("pbx", Role.PBX, account_id=account_id)
        await write(add_employee, account_id, name=f"Anna of {name}", extension="101")
        key, _ = await write(add_api_key, account_id, self.rig.box, name=name, at=START, zone=zone)
        return key

    def hub(self, key: ApiKey) -> AccountApiHub:
        return self.hubs.of(key)

    async def talk(self, key: ApiKey, call_id: str) -> None:
        report = CallReport(
            call_id=call_id,
            direction=Direction.INBOUND,
            number="74951112233",
            started_at=START - timedelta(minutes=5),
            disposition=Disposition.ANSWERED,
            extension="101",
            talk_seconds=30,
        )
        hub = self.rig.hub(self.pbxs[key.account_id])
        await hub.accept([report])
        calls = await hub.history([call_id])
        await self.rig.store.write(write_parties, key.account_id, list(calls.values()))


@pytest_asyncio.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    DIALLED.clear()
    clock = FakeClock()
    async with open_rig(
        tmp_path,
        {"pbx": [Side(role=Role.PBX, dial=dial, extensions=lambda link: ("101", "102"))]},
        clock=clock,
    ) as rig:
        orders = Orders(rig.store, rig.registry, rig.hubs.of, clock=clock)
        yield Office(rig, ApiHubs(rig.store, rig.registry, orders))
        await orders.close()


async def test_it_says_where_the_hub_is_and_in_which_zone_days_are_cut(office: Office) -> None:
    key = await office.account("ours", zone="Australia/Sydney")

    hub: ApiHub = office.hub(key)

    assert (hub.public_url, hub.zone) == (PUBLIC, "Australia/Sydney")


async def test_it_names_the_extensions_of_its_own_accounts_pbxs(office: Office) -> None:
    key = await office.account("ours", zone="UTC")
    alone, _ = await office.rig.store.write(
        add_api_key,
        (await office.rig.store.write(ensure_account, "no PBX", at=START)).id,
        office.rig.box,
        name="alone",
        at=START,
    )

    assert office.hub(key).extensions() == {"101", "102"}
    assert office.hub(alone).extensions() == frozenset()


async def test_the_history_is_that_of_the_keys_account(office: Office) -> None:
    ours = await office.account("ours", zone="UTC")
    theirs = await office.account("theirs", zone="UTC")
    await office.talk(ours, "1")
    await office.talk(theirs, "2")

    page = await office.hub(ours).history(HistoryQuery(kind=HistoryKind.USER))

    assert [(row.call.call_id, row.extension, row.user_name) for row in page.rows] == [
        ("1", "101", "Anna of ours")
    ]
    assert page.total == 1


async def test_open_calls_are_those_that_go_on_in_the_keys_account(office: Office) -> None:
    ours = await office.account("ours", zone="UTC")
    theirs = await office.account("theirs", zone="UTC")
    await office.talk(ours, "ended")
    await office.rig.hub(office.pbxs[ours.account_id]).accept([rings("open")])
    await office.rig.hub(office.pbxs[theirs.account_id]).accept([rings("of others")])

    assert [call.call_id for call in await office.hub(ours).open_calls()] == ["open"]


async def test_a_click_rings_by_the_pbx_of_the_keys_account_once(office: Office) -> None:
    key = await office.account("ours", zone="UTC")

    first = await office.hub(key).dial("101", "+79161234567", idempotency_key="k")
    again = await office.hub(key).dial("101", "+79161234567", idempotency_key="k")

    assert first == again
    assert DIALLED == [("101", "+79161234567")]


async def test_the_book_is_that_of_the_keys_account(office: Office) -> None:
    ours = await office.account("ours", zone="UTC")
    theirs = await office.account("theirs", zone="UTC")
    await office.rig.store.write(add_contact, theirs.account_id, name="Ivan", phones=["+79161234567"])

    assert [one.name for one in await office.hub(ours).book.employees()] == ["Anna of ours"]
    assert await office.hub(ours).book.contact("89161234567") is None
    found = await office.hub(theirs).book.contact("89161234567")
    assert found is not None
    assert found.name == "Ivan"
