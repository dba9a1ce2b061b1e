"""Who works here, by extension."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from switchhook.core.directory import Availability, Employee
from switchhook.core.errors import BadMessage, NotFound
from switchhook.core.number import read_number
from switchhook.store.hub_settings import bump
from switchhook.store.inserts import insert_into
from switchhook.store.many import Find
from switchhook.store.tables.book import employees

BY_EXTENSION = Find(
    sa.select(employees).where(
        employees.c.account_id == sa.bindparam("account"), employees.c.extension == sa.bindparam("extension")
    ),
    *("account", "extension"),
)


def add_employee(
    tx: sa.Connection,
    account_id: int,
    *,
    name: str,
    extension: str,
    login: str | None = None,
    email: str | None = None,
    numbers: Sequence[str] = (),
    region: str = "RU",
) -> Employee:
    """Raises: BadMessage: someone has this extension."""
    employee = Employee(
        id=0,
        name=name,
        extension=extension,
        login=login,
        email=email,
        numbers=tuple(read_number(number, region).e164 or number for number in numbers),
    )
    added = _insert_new(tx, account_id, employee)
    if added is None:
        raise BadMessage(f"extension {extension} is taken", field="extension")
    bump(tx)
    return added


def learn_employees(tx: sa.Connection, account_id: int, learned: Iterable[Employee]) -> list[Employee]:
    """Add those whose extension is not known yet, and give them; known ones stay as they are."""
    added = [_insert_new(tx, account_id, employee) for employee in learned]
    new = [employee for employee in added if employee is not None]
    if new:
        bump(tx)
    return new


def list_employees(tx: sa.Connection, account_id: int) -> list[Employee]:
    """Give them by id: the order in which they came."""
    found = sa.select(employees).where(employees.c.account_id == account_id).order_by(employees.c.id)
    return [shown(row._mapping) for row in tx.execute(found)]


def find_employee(tx: sa.Connection, account_id: int, extension: str) -> Employee | None:
    found = BY_EXTENSION.run(tx, account_id, extension)
    return shown(found[0]) if found else None


def get_employee(tx: sa.Connection, account_id: int, extension: str) -> Employee:
    """Raises: NotFound."""
    found = find_employee(tx, account_id, extension)
    if found is None:
        raise _not_found(extension)
    return found


def update_employee(tx: sa.Connection, account_id: int, employee: Employee) -> None:
    """Store all of it over the one with its id.

    Raises:
        BadMessage: someone else has this extension.
        NotFound: there is nobody with this id.
    """
    holder = find_employee(tx, account_id, employee.extension)
    if holder is not None and holder.id != employee.id:
        raise BadMessage(f"extension {employee.extension} is taken", field="extension")
    mine = (employees.c.account_id == account_id) & (employees.c.id == employee.id)
    if not tx.execute(sa.update(employees).where(mine).values(**_columns(employee))).rowcount:
        raise NotFound(f"no such employee: {employee.id}")
    bump(tx)


def set_availability(tx: sa.Connection, account_id: int, extension: str, availability: Availability) -> bool:
    """Note a status; tell whether it is another than before.

    Raises: NotFound.
    """
    changes = _has_extension(account_id, extension) & (employees.c.availability != availability.value)
    if tx.execute(sa.update(employees).where(changes).values(availability=availability.value)).rowcount:
        bump(tx)
        return True
    get_employee(tx, account_id, extension)
    return False


def remove_employee(tx: sa.Connection, account_id: int, extension: str) -> None:
    """Raises: NotFound."""
    if not tx.execute(sa.delete(employees).where(_has_extension(account_id, extension))).rowcount:
        raise _not_found(extension)
    bump(tx)


def _insert_new(tx: sa.Connection, account_id: int, employee: Employee) -> Employee | None:
    insert = insert_into(tx, employees).values(account_id=account_id, **_columns(employee))
    unless_taken = insert.on_conflict_do_nothing(index_elements=["account_id", "extension"])
    row = tx.execute(unless_taken.returning(employees)).first()
    return None if row is None else shown(row._mapping)


def _has_extension(account_id: int, extension: str) -> sa.ColumnElement[bool]:
    return (employees.c.account_id == account_id) & (employees.c.extension == extension)


def _not_found(extension: str) -> NotFound:
    return NotFound(f"nobody has extension {extension}")


def _columns(employee: Employee) -> dict[str, object]:
    return {
        "name": employee.name,
        "extension": employee.extension,
        "login": employee.login,
        "email": employee.email,
        "availability": employee.availability.value,
        "numbers": msgspec.json.encode(employee.numbers).decode(),
    }


def shown(stored: Mapping[Any, Any]) -> Employee:
    """Read an employee out of a whole row of the table."""
    return Employee(
        id=stored["id"],
        name=stored["name"],
        extension=stored["extension"],
        login=stored["login"],
        email=stored["email"],
        availability=Availability(stored["availability"]),
        numbers=msgspec.json.decode(stored["numbers"], type=tuple[str, ...]),
    )
