"""The account's address book as connectors see it."""

from collections.abc import Sequence

from switchhook.core.directory import Contact, Employee, Group, Line
from switchhook.store import Store
from switchhook.store import employees as people
from switchhook.store.contacts import find_contact_by_number
from switchhook.store.groups import list_groups
from switchhook.store.lines import list_lines


class AccountBook:
    """A `Book` over the store; keeps nothing itself."""

    def __init__(self, store: Store, account_id: int, *, region: str = "RU") -> None:
        self._store = store
        self._account_id = account_id
        self._region = region

    async def employees(self) -> Sequence[Employee]:
        return await self._store.read(people.list_employees, self._account_id)

    async def lines(self) -> Sequence[Line]:
        return await self._store.read(list_lines, self._account_id)

    async def groups(self) -> Sequence[Group]:
        return await self._store.read(list_groups, self._account_id)

    async def contact(self, number: str) -> Contact | None:
        return await self._store.read(find_contact_by_number, self._account_id, number, region=self._region)

    async def learn_employees(self, employees: Sequence[Employee]) -> None:
        await self._store.write(people.learn_employees, self._account_id, list(employees))
