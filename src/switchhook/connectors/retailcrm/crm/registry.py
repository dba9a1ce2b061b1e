"""What PBXs registered at this connection, and who is who between their ids and our address book."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from switchhook.connectors.retailcrm.wire.module import Module, SitePhone
from switchhook.connectors.retailcrm.wire.people import DEFAULT_SITE
from switchhook.core.connector import Hub, Link
from switchhook.core.directory import Employee, Line

MODULES = "modules"


def modules_of(link: Link) -> dict[str, Module]:
    """Give every registered module by its code."""
    return msgspec.convert(link.state.get(MODULES, {}), dict[str, Module])


def active_modules(link: Link) -> list[Module]:
    """Give those that may send events and calls."""
    return [module for module in modules_of(link).values() if module.is_active and module.has_telephony]


async def remember(module: Module, link: Link, hub: Hub) -> None:
    modules = {**modules_of(link), module.code: module}
    # Through JSON and back: what is remembered are JSON values, and a tuple is none.
    await hub.pair(state={MODULES: msgspec.json.decode(msgspec.json.encode(modules))})


@dataclass(frozen=True, kw_only=True)
class Staff:
    """Ids and extensions, as the modules' maps pair them and as our address book does; the maps first."""

    modules: Sequence[Module]
    employees: Sequence[Employee]

    def extension_of(self, user_id: int) -> str | None:
        mapped = (module.extension_of(user_id) for module in self.modules)
        booked = (employee.extension for employee in self.employees if employee.id == user_id)
        return next((extension for extension in (*mapped, *booked) if extension is not None), None)

    def user_of(self, extension: str) -> int | None:
        mapped = (module.user_of(extension) for module in self.modules)
        employee = self.employee(extension)
        booked = employee.id if employee is not None else None
        return next((user for user in (*mapped, booked) if user is not None), None)

    def employee(self, extension: str) -> Employee | None:
        return next((each for each in self.employees if each.extension == extension), None)

    def phones(self) -> list[SitePhone]:
        return [phone for module in self.modules for phone in module.phones]


async def staff_of(link: Link, hub: Hub) -> Staff:
    return Staff(modules=active_modules(link), employees=await hub.book.employees())


async def sites_of(hub: Hub) -> dict[str, str]:
    """Give the shops of our lines, code to name. An account has one at least."""
    lines: Sequence[Line] = await hub.book.lines()
    named: Mapping[str, str] = {line.site: line.name for line in reversed(lines) if line.site}
    return dict(sorted(named.items())) or {DEFAULT_SITE: DEFAULT_SITE}
