"""The account's book: what a connector is told is what is stored, whoever changed it."""

from switchhook.core.directory import Availability
from switchhook.flow.book import AccountBook
from switchhook.store import employees
from tests.flow.exchange import Exchange


async def extensions(book: AccountBook) -> list[str]:
    return [employee.extension for employee in await book.employees()]


async def test_employees_are_those_of_this_very_moment(exchange: Exchange) -> None:
    store, account_id = exchange.store, exchange.account_id
    book = AccountBook(store, account_id)
    none = await extensions(book)
    for name, extension in (("Anna", "101"), ("Boris", "102")):
        await store.write(employees.add_employee, account_id, name=name, extension=extension)
    both = await extensions(book)
    await store.write(employees.remove_employee, account_id, "101")
    one = await extensions(book)
    await store.write(employees.set_availability, account_id, "102", Availability.DINNER)
    (boris,) = await book.employees()

    assert none == []
    assert both == ["101", "102"]
    assert one == ["102"]
    assert boris.availability is Availability.DINNER


async def test_employees_are_read_once_while_nothing_changes(exchange: Exchange) -> None:
    store, account_id = exchange.store, exchange.account_id
    await store.write(employees.add_employee, account_id, name="Anna", extension="101")
    book = AccountBook(store, account_id)

    assert await book.employees() is await book.employees()


async def test_each_account_has_its_own(exchange: Exchange) -> None:
    store, account_id = exchange.store, exchange.account_id
    await store.write(employees.add_employee, account_id, name="Anna", extension="101")

    assert await extensions(AccountBook(store, account_id)) == ["101"]
    assert await extensions(AccountBook(store, account_id + 1000)) == []
