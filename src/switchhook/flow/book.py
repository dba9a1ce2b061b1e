"""The account's address book as connectors see it."""

from collections.abc import Sequence

from switchhook.core.directory import Contact, Employee, Group, Line
from switchhook.store import Store
from switchhook.store import employees as people
from switchhook.store.call_rows import Tx
from switchhook.store.contacts import find_contact_by_number
from switchhook.store.groups import list_groups
from switchhook.store.hub_settings import revision
from switchhook.store.lines import list_lines


class AccountBook:
    """A `Book` over the store.

    Of what it reads it keeps the employees, who are asked for with every message to a CRM, and asks whether
    anything was changed since: that is one row.
    """

    def __init__(self, store: Store, account_id: int, *, region: str = "RU") -> None:
        self._store = store
        self._account_id = account_id
        self._region = region
        self._employees: Sequence[Employee] = ()
        self._revision: int | None = None  # of the store, when the employees were read

    async def employees(self) -> Sequence[Employee]:
        if self._revision is None or await self._store.glance(revision) != self._revision:
            self._revision, self._employees = await self._store.read(_employees, self._account_id)
        return self._employees

    async def lines(self) -> Sequence[Line]:
        return await self._store.read(list_lines, self._account_id)

    async def groups(self) -> Sequence[Group]:
        return await self._store.read(list_groups, self._account_id)

    async def contact(self, number: str) -> Contact | None:
        return await self._store.read(find_contact_by_number, self._account_id, number, region=self._region)

    async def learn_employees(self, employees: Sequence[Employee]) -> None:
        await self._store.write(people.learn_employees, self._account_id, list(employees))


def _employees(tx: Tx, account_id: int) -> tuple[int, Sequence[Employee]]:
    # In this order: should they change in between, they are read once more the next time.
    return revision(tx), tuple(people.list_employees(tx, account_id))
