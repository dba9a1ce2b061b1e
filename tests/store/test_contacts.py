"""The address book names callers surely or not at all."""

import msgspec
import pytest

from switchhook.core.contact_files import ContactDraft
from switchhook.core.errors import NotFound
from switchhook.store import Store
from switchhook.store.contacts import (
    IMPORT_CHUNK,
    add_contact,
    chunks,
    find_contact_by_number,
    get_contact,
    import_contacts,
    list_contacts,
    remove_contact,
    update_contact,
)


async def name_of(store: Store, account_id: int, number: str) -> str | None:
    found = await store.read(find_contact_by_number, account_id, number)
    return found.name if found else None


@pytest.mark.parametrize(
    "number", ["+79161234567", "89161234567", "79161234567", "9161234567", "(916) 123-45-67", "0079161234567"]
)
async def test_finds_a_caller_however_the_number_is_sent(store: Store, account_id: int, number: str) -> None:
    ivan = await store.write(
        add_contact,
        account_id,
        name="Иван",
        phones=["8 (916) 123-45-67", "+7 495 111-22-33"],
        responsible="101",
    )

    assert await store.read(find_contact_by_number, account_id, number) == ivan


@pytest.mark.parametrize("number", ["", "anonymous", "101", "+4930123456", "+79161234568"])
async def test_names_no_stranger(store: Store, account_id: int, number: str) -> None:
    await store.write(add_contact, account_id, name="Иван", phones=["+79161234567"])

    assert await name_of(store, account_id, number) is None


async def test_last_ten_digits_name_a_contact_that_is_the_only_one(store: Store, account_id: int) -> None:
    await store.write(add_contact, account_id, name="Иван", phones=["0 0 0 9161234567"])

    assert await name_of(store, account_id, "+79161234567") == "Иван"


async def test_last_ten_digits_of_two_contacts_name_neither(store: Store, account_id: int) -> None:
    await store.write(add_contact, account_id, name="Иван", phones=["0 0 0 9161234567"])
    await store.write(add_contact, account_id, name="Пётр", phones=["0 0 1 9161234567"])

    assert await name_of(store, account_id, "+79161234567") is None


async def test_an_exact_number_goes_before_last_digits(store: Store, account_id: int) -> None:
    await store.write(add_contact, account_id, name="Иван", phones=["0 0 0 9161234567"])
    await store.write(add_contact, account_id, name="Пётр", phones=["+79161234567"])

    assert await name_of(store, account_id, "+79161234567") == "Пётр"


async def test_numbers_in_full_of_two_countries_are_two_callers(store: Store, account_id: int) -> None:
    await store.write(add_contact, account_id, name="Иван", phones=["+7 916 123-45-67"])

    assert await name_of(store, account_id, "+1 916 123-45-67") is None


async def test_a_number_of_two_contacts_names_the_first(store: Store, account_id: int) -> None:
    for name in ("Иван", "Пётр"):
        await store.write(add_contact, account_id, name=name, phones=["+79161234567"])

    assert await name_of(store, account_id, "+79161234567") == "Иван"


async def test_finds_a_short_number_exactly(store: Store, account_id: int) -> None:
    await store.write(add_contact, account_id, name="Taxi", phones=["0321"])

    assert await name_of(store, account_id, "0321") == "Taxi"
    assert await name_of(store, account_id, "321") is None


async def test_a_changed_contact_is_found_by_its_new_number_only(store: Store, account_id: int) -> None:
    ivan = await store.write(add_contact, account_id, name="Иван", phones=["+79161234567"])
    changed = msgspec.structs.replace(ivan, phones=("+79160000000",), email="i@example.com")
    await store.write(update_contact, account_id, changed)

    assert await store.read(get_contact, account_id, ivan.id) == changed
    assert await name_of(store, account_id, "+79161234567") is None
    assert await name_of(store, account_id, "+79160000000") == "Иван"


async def test_a_removed_contact_is_found_no_more(store: Store, account_id: int) -> None:
    ivan = await store.write(add_contact, account_id, name="Иван", phones=["+79161234567"])
    await store.write(remove_contact, account_id, ivan.id)

    assert await name_of(store, account_id, "+79161234567") is None
    for verb in (get_contact, remove_contact):
        with pytest.raises(NotFound):
            await store.write(verb, account_id, ivan.id)


async def test_pages_come_by_id_without_a_gap(store: Store, account_id: int) -> None:
    for number in range(7):
        await store.write(add_contact, account_id, name=f"Name {number}")
    pages, after = [], 0
    while page := await store.read(list_contacts, account_id, after_id=after, limit=3):
        pages.append([contact.name for contact in page])
        after = page[-1].id

    assert pages == [["Name 0", "Name 1", "Name 2"], ["Name 3", "Name 4", "Name 5"], ["Name 6"]]


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ("иваН", ["Иван 100%"]),
        ("100%", ["Иван 100%"]),
        ("%", ["Иван 100%"]),
        ("45-67", ["Иван 100%"]),
        ("+7 916 123-45-67", ["Иван 100%"]),
        ("916", []),
        ("Ё", ["Пётр"]),
    ],
)
async def test_searches_names_and_ends_of_numbers(
    store: Store, account_id: int, search: str, expected: list[str]
) -> None:
    await store.write(add_contact, account_id, name="Иван 100%", phones=["+79161234567"])
    await store.write(add_contact, account_id, name="Пётр", phones=["+79167654321"])

    assert [c.name for c in await store.read(list_contacts, account_id, search=search)] == expected


async def test_imports_in_chunks_and_only_what_is_new(store: Store, account_id: int) -> None:
    drafts = [
        ContactDraft(name=f"Name {number}", phones=(f"+7916{number:07d}", str(number)))
        for number in range(IMPORT_CHUNK + 20)
    ]
    added = [await store.write(import_contacts, account_id, chunk) for chunk in chunks(drafts)]
    again = [await store.write(import_contacts, account_id, chunk) for chunk in chunks(drafts)]
    twice = await store.write(import_contacts, account_id, [ContactDraft(name="Новый")] * 2)

    assert added == [IMPORT_CHUNK, 20]
    assert again == [0, 0]
    assert twice == 1
    assert await name_of(store, account_id, "+79160000007") == "Name 7"
    (seventh,) = await store.read(list_contacts, account_id, search="Name 77")
    assert seventh.phones == ("+79160000077", "77")
