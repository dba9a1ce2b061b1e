"""A hub with an address book and a CRM, as a PBX that asks who is calling finds it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from switchhook.core.api import Scope
from switchhook.core.connector import Connector, Link, Role, Side
from switchhook.core.directory import CallerAnswer, GroupKind
from switchhook.store.contacts import add_contact
from switchhook.store.employees import add_employee
from switchhook.store.groups import add_group
from switchhook.store.lines import add_line
from tests.web.tiny import TinyHub, Told, scripted_hub

NUMBER = "79161234567"
NAME = "ООО «Ромашка»"
DID = "74951234567"


@dataclass
class Crm:
    """A CRM that knows one caller, or misbehaves."""

    says: CallerAnswer | Exception | None = None
    is_silent: bool = False
    asked: list[str] = field(default_factory=list)

    async def who_is(self, number: str, link: Link) -> CallerAnswer | None:
        self.asked.append(number)
        if self.is_silent:
            await asyncio.sleep(60)
        if isinstance(self.says, Exception):
            raise self.says
        return self.says

    def connector(self) -> Connector:
        return Connector(key="crm", title="CRM", sides={Role.CRM: Side(role=Role.CRM, who_is=self.who_is)})


@dataclass
class Office:
    """A hub whose address book has Ivan, whose client Romashka is, and a line with its group."""

    hub: TinyHub
    crm: Crm
    crm_id: str
    key: str  # for lookups and nothing else

    async def ask(self, what: str, query: str = f"number={NUMBER}", *, key: str | None = None) -> Told:
        return await self.hub.ask(f"/lookup/{self.key if key is None else key}/{what}?{query}", None)

    async def write(self, verb: Any, *args: object, **kwargs: object) -> Any:
        desk = self.hub.now.desk
        return await desk.store.write(verb, desk.account_id, *args, **kwargs)


@asynccontextmanager
async def open_office(folder: Path) -> AsyncIterator[Office]:
    crm = Crm()
    async with scripted_hub(folder, crm.connector(), given={"lookup_deadline_ms": 600}) as hub:
        _, key = await hub.key(scopes=[Scope.LOOKUP])
        made = await hub.connect_to(crm.connector(), Role.CRM)
        office = Office(hub, crm, made.id, key)
        await office.write(add_employee, name="Ivan Petrov", extension="101")
        await office.write(add_employee, name="Olga", extension="102")
        await office.write(add_contact, name=NAME, phones=["+" + NUMBER], responsible="101")
        await office.write(add_group, name="sales", kind=GroupKind.RING, extensions=["102", "101", "900"])
        await office.write(add_line, number="+" + DID, name="Sales", group="sales")
        yield office
