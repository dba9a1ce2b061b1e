"""The address book by id and by page, and changed some fields at a time: as the REST API asks for it.

Employees, lines and groups are few, so pages are cut from whole lists; contacts are never read whole.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar

import sqlalchemy as sa
from msgspec.structs import replace

from switchhook.core.directory import Contact, Employee, Group, Line
from switchhook.core.errors import NotFound
from switchhook.core.number import read_number
from switchhook.store.contacts import get_contact, update_contact
from switchhook.store.employees import get_employee, list_employees, update_employee
from switchhook.store.groups import list_groups, update_group
from switchhook.store.hub_settings import bump
from switchhook.store.lines import list_lines, update_line
from switchhook.store.tables.book import contacts, employees, groups, lines

Changes = Mapping[str, Any]
"""Fields of the value to be changed, with what they shall be."""


class Numbered(Protocol):
    @property
    def id(self) -> int: ...


N = TypeVar("N", bound=Numbered)


def page_employees(tx: sa.Connection, account_id: int, *, after_id: int, limit: int) -> list[Employee]:
    """Give a page by id; the next one begins after the last id of this one."""
    return _page(list_employees(tx, account_id), after_id, limit)


def page_lines(tx: sa.Connection, account_id: int, *, after_id: int, limit: int) -> list[Line]:
    """Give a page by id, as `page_employees`."""
    return _page(list_lines(tx, account_id), after_id, limit)


def page_groups(tx: sa.Connection, account_id: int, *, after_id: int, limit: int) -> list[Group]:
    """Give a page by id, as `page_employees`."""
    return _page(list_groups(tx, account_id), after_id, limit)


def get_line(tx: sa.Connection, account_id: int, line_id: int) -> Line:
    """Raises: NotFound."""
    return _one_of(list_lines(tx, account_id), line_id, "line")


def get_group(tx: sa.Connection, account_id: int, group_id: int) -> Group:
    """Raises: NotFound."""
    return _one_of(list_groups(tx, account_id), group_id, "group")


def change_contact(
    tx: sa.Connection, account_id: int, contact_id: int, changes: Changes, *, region: str = "RU"
) -> Contact:
    """Raises: NotFound."""
    _hold(tx, contacts, account_id, contacts.c.id == contact_id)
    changed = replace(get_contact(tx, account_id, contact_id), **changes)
    update_contact(tx, account_id, changed, region=region)
    return changed


def change_employee(
    tx: sa.Connection, account_id: int, extension: str, changes: Changes, *, region: str = "RU"
) -> Employee:
    """Change the employee who has this extension.

    Raises:
        BadMessage: someone else has the new extension.
        NotFound: nobody has the old one.
    """
    _hold(tx, employees, account_id, employees.c.extension == extension)
    changed = replace(get_employee(tx, account_id, extension), **changes)
    if "numbers" in changes:
        numbers = tuple(read_number(number, region).e164 or number for number in changed.numbers)
        changed = replace(changed, numbers=numbers)
    update_employee(tx, account_id, changed)
    return changed


def change_line(
    tx: sa.Connection, account_id: int, line_id: int, changes: Changes, *, region: str = "RU"
) -> Line:
    """Change one of our numbers.

    Raises:
        BadMessage: another line has the new number.
        NotFound: there is no such line.
    """
    _hold(tx, lines, account_id, lines.c.id == line_id)
    changed = replace(get_line(tx, account_id, line_id), **changes)
    update_line(tx, account_id, changed, region=region)
    return changed


def change_group(tx: sa.Connection, account_id: int, group_id: int, changes: Changes) -> Group:
    """Change a group; lines that refer to it by its old name are not.

    Raises:
        BadMessage: another group has the new name.
        NotFound: there is no such group.
    """
    _hold(tx, groups, account_id, groups.c.id == group_id)
    changed = replace(get_group(tx, account_id, group_id), **changes)
    update_group(tx, account_id, changed)
    return changed


def remove_line_by_id(tx: sa.Connection, account_id: int, line_id: int) -> None:
    """Raises: NotFound."""
    _remove(tx, lines, account_id, line_id, "line")


def remove_group_by_id(tx: sa.Connection, account_id: int, group_id: int) -> None:
    """Raises: NotFound."""
    _remove(tx, groups, account_id, group_id, "group")


def _page(found: Sequence[N], after_id: int, limit: int) -> list[N]:
    return [one for one in found if one.id > after_id][:limit]


def _one_of(found: Sequence[N], wanted_id: int, what: str) -> N:
    one = next((one for one in found if one.id == wanted_id), None)
    if one is None:
        raise NotFound(f"no such {what}: {wanted_id}")
    return one


def _hold(tx: sa.Connection, table: sa.Table, account_id: int, which: sa.ColumnElement[bool]) -> None:
    """Hold a row until the transaction ends, so that two changes of other fields both stay."""
    tx.execute(sa.select(table.c.id).where(table.c.account_id == account_id, which).with_for_update())


def _remove(tx: sa.Connection, table: sa.Table, account_id: int, row_id: int, what: str) -> None:
    mine = (table.c.account_id == account_id) & (table.c.id == row_id)
    if not tx.execute(sa.delete(table).where(mine)).rowcount:
        raise NotFound(f"no such {what}: {row_id}")
    bump(tx)
