"""A status set anywhere reaches everyone else who takes it, once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from switchhook.core.connector import Role, Side
from switchhook.core.directory import Availability
from switchhook.core.errors import BadMessage
from switchhook.flow.configure import Configured
from switchhook.flow.lanes import Lanes
from switchhook.store.employees import add_employee, get_employee, list_employees
from tests.fakes import START, FakeClock, ScriptedPeer
from tests.flow.rig import Rig, open_rig, running

FREE, BUSY, DINNER = Availability.FREE, Availability.BUSY, Availability.DINNER


@dataclass(kw_only=True)
class Office:
    """A PBX and a CRM that take statuses, and one that does not; lanes run in hand-turned time."""

    rig: Rig
    clock: FakeClock
    pbx: ScriptedPeer
    crm: ScriptedPeer
    ids: dict[str, Configured]

    async def tell(self, teller: str, extension: str, availability: Availability) -> None:
        await self.rig.hub(self.ids[teller]).set_presence(extension, availability)

    async def heard(self) -> dict[str, list[tuple[str, Availability]]]:
        """Let everything queued go out; give what each peer was told."""
        for _ in range(40):
            self.clock.pass_time(0.1)
            await self.settle()
        return {"pbx": self.pbx.statuses, "crm": self.crm.statuses}

    async def settle(self) -> None:
        await self.rig.store.write(list_employees, self.rig.account_id)  # whatever was queued is done


@asynccontextmanager
async def open_office(folder: Path) -> AsyncIterator[Office]:
    clock = FakeClock(START)
    pbx, crm = ScriptedPeer(clock), ScriptedPeer(clock)
    sides = {
        "pbx": [Side(role=Role.PBX, set_presence=pbx.set_presence)],
        "crm": [Side(role=Role.CRM, set_presence=crm.set_presence)],
        "deaf": [Side(role=Role.CRM)],
    }
    async with open_rig(folder, sides, clock=clock) as rig:
        ids = {
            "pbx": await rig.connect("pbx", Role.PBX),
            "crm": await rig.connect("crm", Role.CRM),
            "deaf": await rig.connect("deaf", Role.CRM),
        }
        lanes = Lanes(rig.store, rig.hubs.outlets, clock=clock)
        async with running(lanes.run()):
            rig.hubs.presence.listen(lanes.wake)
            yield Office(rig=rig, clock=clock, pbx=pbx, crm=crm, ids=ids)


async def test_a_status_is_noted_and_told_to_everyone_but_the_teller(tmp_path: Path) -> None:
    async with open_office(tmp_path) as office:
        await hire(office.rig, "101")
        await office.tell("crm", "101", BUSY)
        heard = await office.heard()
        employee = await office.rig.store.read(get_employee, office.rig.account_id, "101")

        assert heard == {"pbx": [("101", BUSY)], "crm": []}
        assert employee.availability is BUSY


async def test_an_administrator_is_no_teller(tmp_path: Path) -> None:
    async with open_office(tmp_path) as office:
        await hire(office.rig, "101")
        await office.rig.hubs.presence.set_presence(office.rig.account_id, "101", DINNER)
        heard = await office.heard()

        assert heard == {"pbx": [("101", DINNER)], "crm": [("101", DINNER)]}


@pytest.mark.parametrize("is_known", [True, False])
async def test_the_echo_of_what_a_peer_was_told_goes_nowhere(tmp_path: Path, is_known: bool) -> None:
    async with open_office(tmp_path) as office:
        if is_known:
            await hire(office.rig, "101")
        await office.tell("crm", "101", BUSY)
        await office.heard()
        await office.tell("pbx", "101", BUSY)
        await office.tell("crm", "101", BUSY)
        heard = await office.heard()

        assert heard == {"pbx": [("101", BUSY)], "crm": []}


async def test_a_status_that_changes_back_is_told_again(tmp_path: Path) -> None:
    async with open_office(tmp_path) as office:
        await hire(office.rig, "101")
        for teller, availability in (("crm", BUSY), ("pbx", FREE), ("crm", BUSY)):
            await office.tell(teller, "101", availability)
            heard = await office.heard()

        assert heard == {"pbx": [("101", BUSY), ("101", BUSY)], "crm": [("101", FREE)]}


async def test_a_status_of_an_unknown_extension_is_passed_on_and_makes_nobody_up(tmp_path: Path) -> None:
    async with open_office(tmp_path) as office:
        await office.tell("crm", "909", BUSY)
        heard = await office.heard()

        assert heard == {"pbx": [("909", BUSY)], "crm": []}
        assert await office.rig.store.read(list_employees, office.rig.account_id) == []


async def test_what_is_no_extension_is_refused(tmp_path: Path) -> None:
    async with open_office(tmp_path) as office:
        with pytest.raises(BadMessage, match="number of digits"):
            await office.tell("crm", "101\r\nAction: Logoff", BUSY)


async def hire(rig: Rig, extension: str) -> None:
    await rig.store.write(add_employee, rig.account_id, name=f"Employee {extension}", extension=extension)
