"""Accounts, employees, lines, groups and API keys are kept as told."""

import msgspec
import pytest

from switchhook.core.directory import Availability, Employee, GroupKind
from switchhook.core.errors import BadMessage, NotFound
from switchhook.store import Store
from switchhook.store.accounts import add_account, ensure_account, find_account, list_accounts
from switchhook.store.api_keys import (
    ApiKey,
    add_api_key,
    find_api_key,
    list_api_keys,
    note_use,
    revoke_api_key,
)
from switchhook.store.employees import (
    add_employee,
    find_employee,
    get_employee,
    learn_employees,
    list_employees,
    remove_employee,
    set_availability,
    update_employee,
)
from switchhook.store.groups import add_group, find_group, list_groups, remove_group, update_group
from switchhook.store.hub_settings import get_setting, remove_setting, revision, set_setting
from switchhook.store.lines import add_line, find_line, list_lines, remove_line, update_line
from switchhook.store.secrets import SecretBox
from tests.store.times import NOW


async def test_makes_an_account_once(store: Store) -> None:
    first = await store.write(ensure_account, at=NOW)
    again = await store.write(ensure_account, at=NOW)
    other = await store.write(add_account, "shop", at=NOW)

    assert first == again
    assert first.name == "default"
    assert await store.read(list_accounts) == [first, other]
    assert await store.read(find_account, "nobody") is None
    with pytest.raises(BadMessage) as caught:
        await store.write(add_account, "shop", at=NOW)
    assert caught.value.field == "name"


async def test_an_extension_belongs_to_one_employee(store: Store, account_id: int) -> None:
    anna = await store.write(
        add_employee,
        account_id,
        name="Анна",
        extension="0101",
        login="anna",
        numbers=["8 916 123-45-67", "внутр"],
    )
    with pytest.raises(BadMessage) as caught:
        await store.write(add_employee, account_id, name="Boris", extension="0101")

    assert caught.value.field == "extension"
    assert await store.read(list_employees, account_id) == [anna]
    assert await store.read(get_employee, account_id, "0101") == anna
    assert anna.numbers == ("+79161234567", "внутр")


async def test_a_number_of_an_employee_is_never_given_out_again(store: Store, account_id: int) -> None:
    first = await store.write(add_employee, account_id, name="Anna", extension="101")
    await store.write(remove_employee, account_id, "101")
    second = await store.write(add_employee, account_id, name="Boris", extension="101")

    assert second.id > first.id


async def test_changes_an_employee_but_not_to_a_taken_extension(store: Store, account_id: int) -> None:
    anna = await store.write(add_employee, account_id, name="Anna", extension="101")
    await store.write(add_employee, account_id, name="Boris", extension="102")
    moved = msgspec.structs.replace(anna, extension="103", name="Anna B.", email="a@example.com")
    await store.write(update_employee, account_id, moved)

    assert await store.read(find_employee, account_id, "103") == moved
    assert await store.read(find_employee, account_id, "101") is None
    with pytest.raises(BadMessage):
        await store.write(update_employee, account_id, msgspec.structs.replace(moved, extension="102"))
    with pytest.raises(NotFound):
        await store.write(update_employee, account_id, msgspec.structs.replace(moved, id=99, extension="9"))


async def test_notes_availability_and_says_whether_it_is_news(store: Store, account_id: int) -> None:
    await store.write(add_employee, account_id, name="Anna", extension="101")
    told = [await store.write(set_availability, account_id, "101", Availability.DINNER) for _ in range(2)]

    assert told == [True, False]
    assert (await store.read(get_employee, account_id, "101")).availability is Availability.DINNER
    with pytest.raises(NotFound):
        await store.write(set_availability, account_id, "102", Availability.FREE)


async def test_learns_only_employees_whose_extension_is_new(store: Store, account_id: int) -> None:
    anna = await store.write(add_employee, account_id, name="Anna", extension="101")
    learned = await store.write(
        learn_employees,
        account_id,
        [Employee(id=7, name="A. Petrova", extension="101"), Employee(id=8, name="Boris", extension="102")],
    )

    assert [(e.name, e.extension) for e in learned] == [("Boris", "102")]
    assert await store.read(list_employees, account_id) == [anna, *learned]


async def test_removes_an_employee_once(store: Store, account_id: int) -> None:
    await store.write(add_employee, account_id, name="Anna", extension="101")
    await store.write(remove_employee, account_id, "101")

    with pytest.raises(NotFound):
        await store.write(remove_employee, account_id, "101")


async def test_a_line_is_one_however_it_is_spelt(store: Store, account_id: int) -> None:
    line = await store.write(
        add_line, account_id, number="8 (495) 123-45-67", name="Shop", site="msk", group="sales"
    )
    with pytest.raises(BadMessage) as caught:
        await store.write(add_line, account_id, number="+74951234567", name="Again")
    changed = msgspec.structs.replace(line, name="Store", group=None)
    await store.write(update_line, account_id, changed)

    assert caught.value.field == "number"
    assert await store.read(find_line, account_id, "74951234567") == changed
    assert await store.read(list_lines, account_id) == [changed]
    await store.write(remove_line, account_id, "+7 495 1234567")
    assert await store.read(find_line, account_id, "74951234567") is None


async def test_keeps_groups_in_their_order(store: Store, account_id: int) -> None:
    sales = await store.write(
        add_group, account_id, name="sales", kind=GroupKind.HUNT, extensions=["102", "101"]
    )
    with pytest.raises(BadMessage):
        await store.write(add_group, account_id, name="sales", kind=GroupKind.RING, extensions=[])
    changed = msgspec.structs.replace(sales, kind=GroupKind.QUEUE, extensions=("101",))
    await store.write(update_group, account_id, changed)

    assert sales.extensions == ("102", "101")
    assert await store.read(find_group, account_id, "sales") == changed
    await store.write(remove_group, account_id, "sales")
    assert await store.read(list_groups, account_id) == []
    with pytest.raises(NotFound):
        await store.write(remove_group, account_id, "sales")


async def test_an_api_key_is_shown_once_and_works_until_revoked(
    store: Store, account_id: int, box: SecretBox
) -> None:
    made, key = await store.write(add_api_key, account_id, box, name="script", at=NOW, allow=["10.1.2.3/8"])
    await store.write(note_use, account_id, made.id, at=NOW)
    found = await store.read(find_api_key, box, key)
    await store.write(revoke_api_key, account_id, made.id, at=NOW)

    assert made.allow == ("10.0.0.0/8",)
    assert found == msgspec.structs.replace(made, last_used_at=NOW)
    assert await store.read(find_api_key, box, key) is None
    assert await store.read(find_api_key, box, "guess") is None
    (listed,) = await store.read(list_api_keys, account_id)
    assert listed.revoked_at == NOW


async def test_refuses_networks_that_are_none(store: Store, account_id: int, box: SecretBox) -> None:
    with pytest.raises(BadMessage) as caught:
        await store.write(add_api_key, account_id, box, name="script", at=NOW, allow=["10.0.0.0/99"])

    assert caught.value.field == "allow"


@pytest.mark.parametrize(
    ("allow", "client", "expected"),
    [
        ((), "203.0.113.9", True),
        (("10.0.0.0/8",), "10.9.9.9", True),
        (("10.0.0.0/8",), "::ffff:10.9.9.9", True),
        (("10.0.0.0/8",), "11.0.0.1", False),
        (("2001:db8::/32", "10.0.0.1/32"), "2001:db8::1", True),
        (("10.0.0.0/8",), "", False),
    ],
)
def test_an_api_key_works_from_its_networks(allow: tuple[str, ...], client: str, expected: bool) -> None:
    key = ApiKey(
        id=1, account_id=1, name="k", allow=allow, created_at=NOW, last_used_at=None, revoked_at=None
    )

    assert key.allows(client) is expected


async def test_settings_of_the_hub_count_as_a_change_when_they_change(store: Store) -> None:
    await store.write(set_setting, "public_url", "https://hub.example")
    await store.write(set_setting, "public_url", "https://hub.example")
    await store.write(remove_setting, "never")

    assert await store.read(get_setting, "public_url") == "https://hub.example"
    assert await store.read(revision) == 1
    await store.write(remove_setting, "public_url")
    assert await store.read(get_setting, "public_url") is None
    assert await store.read(revision) == 2
