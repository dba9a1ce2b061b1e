"""What the pages are given to work with, and the names that they show instead of ids."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from switchhook.core.call import Call
from switchhook.core.number import international_digits, read_number
from switchhook.flow.live import Live
from switchhook.flow.registry import Registry
from switchhook.store import Store
from switchhook.store.answers import answers_about
from switchhook.store.contacts import find_contact_by_number
from switchhook.store.employees import list_employees
from switchhook.store.lines import list_lines
from switchhook.web.limits import WrongTries
from switchhook.web.sessions import Signer
from switchhook.web.switch import Proxies
from switchhook.web.views import Names


@dataclass(kw_only=True)
class Hall:
    """One for the process."""

    store: Store
    registry: Registry
    live: Live
    signer: Signer
    region: str = "RU"
    is_tls: bool = False
    proxies: Proxies = field(default_factory=Proxies)
    wrong_links: WrongTries = field(default_factory=WrongTries)
    # Set when the hub stops: open streams then end.
    is_closing: asyncio.Event = field(default_factory=asyncio.Event)
    _names: dict[int, tuple[int, Names]] = field(default_factory=dict)

    async def names(self, account_id: int, calls: Iterable[Call] = ()) -> Names:
        """Give the account's names; of callers only these calls': there may be half a million."""
        known = await self._book(account_id)
        contacts: dict[str, str] = {}
        for call in calls:
            if not call.contact_name and call.number and call.number not in contacts:
                contacts[call.number] = await self._caller(account_id, call.number)
        return Names(
            employees=known.employees,
            lines=known.lines,
            connections=known.connections,
            contacts=contacts,
            region=self.region,
        )

    async def _book(self, account_id: int) -> Names:
        """Employees, lines and connections: read again when the configuration's revision has moved."""
        revision = self.registry.snapshot.revision
        known = self._names.get(account_id)
        if known is not None and known[0] == revision:
            return known[1]
        employees = await self.store.read(list_employees, account_id)
        lines: dict[str, str] = {}
        for line in await self.store.read(list_lines, account_id):
            number = read_number(line.number, self.region)
            lines |= {line.number: line.name, (number.e164 or line.number): line.name}
        names = Names(
            employees={one.extension: one.name for one in employees},
            lines=lines,
            connections=self._connections(account_id),
            region=self.region,
        )
        self._names[account_id] = (revision, names)
        return names

    def _connections(self, account_id: int) -> Mapping[str, str]:
        of_account = self.registry.snapshot.by_account.get(account_id, ())
        return {one.id: one.row.name for one in of_account}

    async def _caller(self, account_id: int, number: str) -> str:
        """Name a caller: our own book first, else what a CRM last said when somebody asked."""
        contact = await self.store.read(find_contact_by_number, account_id, number, region=self.region)
        if contact is not None:
            return contact.name
        digits = international_digits(read_number(number, self.region))
        said = await self.store.read(answers_about, account_id, digits) if digits else []
        return next((one.answer.name for one in said if one.answer and one.answer.name), "")

    @property
    def public_url(self) -> str:
        return self.registry.snapshot.public_url
