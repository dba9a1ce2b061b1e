"""The account's address book as connectors see it."""

from collections.abc import Sequence
from typing import Protocol

from switchhook.core.directory import Contact, Employee, Group, Line


class Book(Protocol):
    """The account's address book, for connectors whose protocol asks for lists."""

    async def employees(self) -> Sequence[Employee]: ...
    async def lines(self) -> Sequence[Line]: ...
    async def groups(self) -> Sequence[Group]: ...
    async def contact(self, number: str) -> Contact | None: ...

    async def learn_employees(self, employees: Sequence[Employee]) -> None:
        """Add those whose extension is not known yet; `id` is ignored. Never changes a known one."""
        ...
