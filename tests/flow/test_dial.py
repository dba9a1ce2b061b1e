"""A click rings one phone once, by the right PBX, and its call is known by it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from switchhook.core.call import CallEvent, CallReport, Direction, Disposition, Happening
from switchhook.core.connector import DialOrder, Hub, Link, Role, Side
from switchhook.core.errors import (
    BadMessage,
    HubError,
    Misconfigured,
    NotFound,
    PeerDown,
    TooMany,
    Unsupported,
)
from switchhook.flow.configure import Configured
from switchhook.flow.dial import Dialler
from switchhook.store import open_store
from switchhook.store.connections import ConnectionStatus, set_status
from switchhook.store.dials import Dial, DialState, newest_dials, sweep_unanswered
from tests.fakes import START, FakeClock, eventually
from tests.flow.rig import Rig, open_rig

CRM = Side(role=Role.CRM)
DUMB = Side(role=Role.PBX)


@dataclass
class Exchange:
    """A PBX that notes what it is asked to dial."""

    says: Exception | None = None
    extensions: Sequence[str] | None = None
    orders: list[tuple[str, str, str | None]] = field(default_factory=list)
    gate: asyncio.Event | None = None

    async def dial(self, order: DialOrder, link: Link, hub: Hub) -> None:
        self.orders.append((order.extension, order.number, order.did))
        if self.gate is not None:
            await self.gate.wait()
        if self.says is not None:
            raise self.says

    def side(self) -> Side:
        names = self.extensions
        return Side(role=Role.PBX, dial=self.dial, extensions=None if names is None else lambda link: names)


async def test_a_click_reaches_the_only_pbx_and_is_noted(tmp_path: Path) -> None:
    pbx = Exchange()
    async with open_rig(tmp_path, {"pbx": [pbx.side()], "crm": [CRM]}) as rig:
        made = await rig.connect("pbx", Role.PBX)
        crm = await rig.connect("crm", Role.CRM)
        dial_id = await rig.hub(crm).dial("101", "8 (916) 123-45-67", did="74950000000")
        (dial,) = await dials(rig)

        assert pbx.orders == [("101", "89161234567", "74950000000")]
        assert dial.id == dial_id
        assert (dial.connection_id, dial.asked_by, dial.state) == (made.id, crm.id, DialState.ACCEPTED)
        assert (dial.number, dial.digits) == ("89161234567", "79161234567")


@pytest.mark.parametrize(
    ("extension", "number", "field"),
    [
        ("101", "anonymous", "number"),
        ("101", "", "number"),
        ("101", "1" * 33, "number"),
        ("101", "79161234567\r\nAction: Command", "number"),
        ("101", "79161234567,,1", "number"),
        ("one", "79161234567", "extension"),
        ("101;1", "79161234567", "extension"),
    ],
)
async def test_what_cannot_be_dialled_never_reaches_a_pbx(
    tmp_path: Path, extension: str, number: str, field: str
) -> None:
    pbx = Exchange()
    async with open_rig(tmp_path, {"pbx": [pbx.side()]}) as rig:
        await rig.connect("pbx", Role.PBX)
        with pytest.raises(BadMessage) as caught:
            await dial(rig, extension, number)

        assert caught.value.field == field
        assert pbx.orders == []


async def test_a_double_click_dials_once(tmp_path: Path) -> None:
    pbx, clock = Exchange(), FakeClock()
    async with open_rig(tmp_path, {"pbx": [pbx.side()]}, clock=clock) as rig:
        await rig.connect("pbx", Role.PBX)
        await dial(rig, "101", "79161234567")
        clock.pass_time(1.9)
        with pytest.raises(TooMany):
            await dial(rig, "101", "8 916 123-45-67")
        await dial(rig, "102", "79161234567")
        clock.pass_time(0.1)
        await dial(rig, "101", "+79161234567")

        assert [order[:2] for order in pbx.orders] == [
            ("101", "79161234567"),
            ("102", "79161234567"),
            ("101", "+79161234567"),
        ]


@pytest.mark.parametrize("engine", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
async def test_the_halves_of_a_double_click_may_come_to_two_processes(
    tmp_path: Path, engine: str, request: pytest.FixtureRequest
) -> None:
    pbx, clock = Exchange(), FakeClock()
    where = request.getfixturevalue("fresh_postgres_url") if engine == "postgresql" else None
    async with open_rig(tmp_path, {"pbx": [pbx.side()]}, where=where, clock=clock) as rig:
        await rig.connect("pbx", Role.PBX)
        second_store = await open_store(where or tmp_path / "hub.db")
        second = Dialler(second_store, rig.registry, rig.hubs.of, clock=clock)
        both = [one.dial(rig.account_id, "101", "79161234567") for one in (rig.hubs.dialler, second)]
        results = await asyncio.gather(*both, return_exceptions=True)
        await second_store.close()

        assert sorted(type(result).__name__ for result in results) == ["TooMany", "str"]
        assert len(pbx.orders) == 1


async def test_a_click_that_was_surely_refused_may_be_repeated_at_once(tmp_path: Path) -> None:
    pbx = Exchange(says=Misconfigured("the key is wrong"))
    async with open_rig(tmp_path, {"pbx": [pbx.side()]}, clock=FakeClock()) as rig:
        await rig.connect("pbx", Role.PBX)
        with pytest.raises(Misconfigured):
            await dial(rig, "101", "79161234567")
        pbx.says = None
        await dial(rig, "101", "79161234567")

        assert len(pbx.orders) == 2


@pytest.mark.parametrize(
    ("says", "raised", "state", "reason"),
    [
        (PeerDown("no answer in time"), PeerDown, DialState.UNCLEAR, "no answer in time"),
        (Unsupported("cannot dial"), Unsupported, DialState.REFUSED, "cannot dial"),
        (Misconfigured("no url"), Misconfigured, DialState.REFUSED, "no url"),
        (ZeroDivisionError(), PeerDown, DialState.UNCLEAR, "ZeroDivisionError"),
    ],
)
async def test_what_the_pbx_says_is_noted_and_told_and_never_tried_again(
    tmp_path: Path, says: Exception, raised: type[HubError], state: DialState, reason: str
) -> None:
    pbx = Exchange(says=says)
    async with open_rig(tmp_path, {"pbx": [pbx.side()]}) as rig:
        await rig.connect("pbx", Role.PBX)
        with pytest.raises(raised):
            await dial(rig, "101", "79161234567")
        (noted,) = await dials(rig)

        assert (noted.state, noted.reason) == (state, reason)
        assert len(pbx.orders) == 1


async def test_a_click_is_seen_to_its_end_though_whoever_asked_hung_up(tmp_path: Path) -> None:
    pbx = Exchange(gate=asyncio.Event())
    async with open_rig(tmp_path, {"pbx": [pbx.side()]}) as rig:
        await rig.connect("pbx", Role.PBX)
        asking = asyncio.create_task(dial(rig, "101", "79161234567"))
        await eventually(lambda: bool(pbx.orders))
        asking.cancel()
        assert pbx.gate is not None
        pbx.gate.set()
        await rig.hubs.dialler.close()
        (noted,) = await dials(rig)

        assert noted.state is DialState.ACCEPTED


async def test_the_pbx_that_names_the_extension_is_asked(tmp_path: Path) -> None:
    one, two = Exchange(extensions=["101", "102"]), Exchange(extensions=["201"])
    async with open_rig(tmp_path, {"one": [one.side()], "two": [two.side()]}) as rig:
        await rig.connect("one", Role.PBX)
        await rig.connect("two", Role.PBX)
        await dial(rig, "201", "79161234567")
        await dial(rig, "102", "79161234567")

        assert (len(one.orders), len(two.orders)) == (1, 1)


async def test_else_the_pbx_with_the_newest_call_of_the_extension_is_asked(tmp_path: Path) -> None:
    one, two, clock = Exchange(), Exchange(), FakeClock()
    async with open_rig(tmp_path, {"one": [one.side()], "two": [two.side()]}, clock=clock) as rig:
        first = await rig.connect("one", Role.PBX)
        second = await rig.connect("two", Role.PBX)
        await talk(rig, first, "101")
        clock.pass_time(60)
        await talk(rig, second, "101")
        await talk(rig, first, "102")
        await dial(rig, "101", "79161234567")

        assert (len(one.orders), len(two.orders)) == (0, 1)


async def test_an_extension_that_might_be_anywhere_is_not_guessed_at(tmp_path: Path) -> None:
    one, two = Exchange(), Exchange()
    async with open_rig(tmp_path, {"one": [one.side()], "two": [two.side()]}) as rig:
        await rig.connect("one", Role.PBX)
        await rig.connect("two", Role.PBX)
        with pytest.raises(NotFound, match="101"):
            await dial(rig, "101", "79161234567")

        assert (one.orders, two.orders) == ([], [])


async def test_a_pbx_that_cannot_dial_is_paused_or_anothers_is_not_asked(tmp_path: Path) -> None:
    pbx = Exchange()
    async with open_rig(tmp_path, {"pbx": [pbx.side()], "dumb": [DUMB]}) as rig:
        await rig.connect("dumb", Role.PBX)
        paused = await rig.connect("pbx", Role.PBX)
        await rig.store.write(set_status, rig.account_id, paused.id, ConnectionStatus.PAUSED)
        await rig.registry.refresh()
        with pytest.raises(NotFound):
            await dial(rig, "101", "79161234567")
        with pytest.raises(NotFound):
            await rig.hubs.dialler.dial(rig.account_id + 1, "101", "79161234567")

        assert pbx.orders == []


async def test_the_call_that_comes_of_a_click_is_tied_to_it_once(tmp_path: Path) -> None:
    pbx, clock = Exchange(), FakeClock()
    async with open_rig(tmp_path, {"pbx": [pbx.side()]}, clock=clock) as rig:
        made = await rig.connect("pbx", Role.PBX)
        dial_id = await dial(rig, "101", "8 916 123-45-67")
        clock.pass_time(20)
        await rig.hub(made).accept(
            [goes_out("other", "102"), goes_out("ours", "101"), goes_out("again", "101")]
        )
        history = await rig.hub(made).history(["other", "ours", "again"])

        assert {key: call.dial_id for key, call in history.items()} == {
            "other": None,
            "ours": dial_id,
            "again": None,
        }


async def test_a_call_long_after_the_click_is_not_tied(tmp_path: Path) -> None:
    pbx, clock = Exchange(), FakeClock()
    async with open_rig(tmp_path, {"pbx": [pbx.side()]}, clock=clock) as rig:
        made = await rig.connect("pbx", Role.PBX)
        await dial(rig, "101", "79161234567")
        clock.pass_time(301)
        await rig.hub(made).accept([goes_out("late", "101")])
        history = await rig.hub(made).history(["late"])

        assert history["late"].dial_id is None


async def test_a_click_whose_hub_died_is_unclear(tmp_path: Path) -> None:
    pbx, clock = Exchange(gate=asyncio.Event()), FakeClock()
    async with open_rig(tmp_path, {"pbx": [pbx.side()]}, clock=clock) as rig:
        await rig.connect("pbx", Role.PBX)
        asking = asyncio.create_task(dial(rig, "101", "79161234567"))
        await eventually(lambda: bool(pbx.orders))
        swept = await rig.store.write(sweep_unanswered, before=START + timedelta(minutes=1))
        (noted,) = await dials(rig)
        assert pbx.gate is not None
        pbx.gate.set()
        await asking

        assert (swept, noted.state) == (1, DialState.UNCLEAR)


async def dial(rig: Rig, extension: str, number: str) -> str:
    return await rig.hubs.dialler.dial(rig.account_id, extension, number)


async def dials(rig: Rig) -> list[Dial]:
    return await rig.store.read(newest_dials, rig.account_id)


async def talk(rig: Rig, pbx: Configured, extension: str) -> None:
    report = CallReport(
        call_id=f"{extension} by {pbx.id}",
        direction=Direction.INBOUND,
        number="74951112233",
        started_at=rig.clock.now() - timedelta(seconds=30),
        disposition=Disposition.ANSWERED,
        extension=extension,
        talk_seconds=5,
    )
    await rig.hub(pbx).accept([report])


def goes_out(call_id: str, extension: str) -> CallEvent:
    return CallEvent(
        call_id=call_id,
        happening=Happening.RINGING,
        direction=Direction.OUTBOUND,
        extension=extension,
        number="79161234567",
    )
