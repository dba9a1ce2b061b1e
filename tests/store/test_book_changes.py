"""The address book changed some fields at a time: what is not said stays, and what is taken is refused."""

import asyncio

import pytest

from switchhook.core.directory import Employee, GroupKind
from switchhook.core.errors import BadMessage, NotFound
from switchhook.store import Store
from switchhook.store.book_changes import (
    change_contact,
    change_employee,
    change_group,
    change_line,
    get_group,
    get_line,
    page_employees,
    remove_group_by_id,
    remove_line_by_id,
)
from switchhook.store.contacts import add_contact, find_contact_by_number, get_contact
from switchhook.store.employees import add_employee
from switchhook.store.groups import add_group
from switchhook.store.hub_settings import revision
from switchhook.store.lines import add_line


async def test_changes_of_different_fields_at_once_all_stay(store: Store, account_id: int) -> None:
    made = await store.write(add_contact, account_id, name="Anna", phones=["+79101234567"])
    changes = [{"name": "Anna B."}, {"email": "anna@example.com"}, {"responsible": "101"}]

    await asyncio.gather(*(store.write(change_contact, account_id, made.id, one) for one in changes))
    now = await store.read(get_contact, account_id, made.id)

    assert (now.name, now.email, now.responsible) == ("Anna B.", "anna@example.com", "101")
    assert now.phones == made.phones


async def test_a_contact_is_found_by_its_new_number_only(store: Store, account_id: int) -> None:
    made = await store.write(add_contact, account_id, name="Anna", phones=["+79101234567"])

    await store.write(change_contact, account_id, made.id, {"phones": ("8 999 000-00-00",)})

    assert await store.read(find_contact_by_number, account_id, "+79101234567") is None
    found = await store.read(find_contact_by_number, account_id, "+79990000000")
    assert found is not None
    assert found.id == made.id


async def test_an_extension_a_number_and_a_name_that_are_taken_are_refused(
    store: Store, account_id: int
) -> None:
    for extension in ("101", "102"):
        await store.write(add_employee, account_id, name="Ivan", extension=extension)
    line, _ = [
        await store.write(add_line, account_id, number=number, name="Main")
        for number in ("+74951111111", "+74952222222")
    ]
    group, _ = [
        await store.write(add_group, account_id, name=name, kind=GroupKind.RING, extensions=["101"])
        for name in ("sales", "support")
    ]

    with pytest.raises(BadMessage, match="102"):
        await store.write(change_employee, account_id, "101", {"extension": "102"})
    with pytest.raises(BadMessage, match="222-22-22"):
        await store.write(change_line, account_id, line.id, {"number": "8 495 222-22-22"})
    with pytest.raises(BadMessage, match="support"):
        await store.write(change_group, account_id, group.id, {"name": "support"})


async def test_what_is_removed_by_its_id_is_gone_and_the_hub_looks_again(
    store: Store, account_id: int
) -> None:
    line = await store.write(add_line, account_id, number="+74951111111", name="Main")
    group = await store.write(add_group, account_id, name="sales", kind=GroupKind.HUNT, extensions=["101"])
    before = await store.read(revision)

    await store.write(remove_line_by_id, account_id, line.id)
    await store.write(remove_group_by_id, account_id, group.id)

    assert await store.read(revision) == before + 2
    for again in (remove_line_by_id, remove_group_by_id):
        with pytest.raises(NotFound):
            await store.write(again, account_id, line.id)
    for get in (get_line, get_group):
        with pytest.raises(NotFound):
            await store.read(get, account_id, line.id)


async def test_a_page_begins_after_an_id_and_ends_in_time(store: Store, account_id: int) -> None:
    made = [await store.write(add_employee, account_id, name=f"n{n}", extension=f"10{n}") for n in range(5)]

    page = await store.read(page_employees, account_id, after_id=made[1].id, limit=2)

    assert page == made[2:4]
    assert isinstance(page[0], Employee)
