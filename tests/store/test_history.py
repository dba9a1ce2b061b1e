"""Histories of users and groups: whose rows, in which order, how many, and with which words."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from switchhook.core.api import HistoryKind, HistoryPage, HistoryQuery
from switchhook.core.call import Call, Direction
from switchhook.core.directory import GroupKind
from switchhook.core.numeric_id import digits_of, numeric_id
from switchhook.flow.ids import RandomIds
from switchhook.store import Store, party_days
from switchhook.store import history as histories
from switchhook.store.accounts import add_account
from switchhook.store.employees import add_employee
from switchhook.store.history import DEEP, history
from tests.store.kept_calls import ended, keep
from tests.store.times import NOW

USERS, QUEUES, RING_GROUPS = HistoryKind.USER, HistoryKind.QUEUE, HistoryKind.RING_GROUP


async def page(store: Store, account_id: int, **wanted: object) -> HistoryPage:
    asked = {"kind": USERS, "is_newest_first": False, **wanted}
    return await store.read(history, account_id, HistoryQuery(**asked))  # type: ignore[arg-type]


def shown(page: HistoryPage) -> list[tuple[str, str]]:
    return [(row.call.id, row.extension) for row in page.rows]


async def test_a_call_is_a_row_of_each_user(store: Store, account_id: int) -> None:
    calls = [ended("a", "101", "102"), ended("b", "101", started_at=NOW + timedelta(hours=1))]
    await store.write(keep, account_id, calls)

    oldest_first = await page(store, account_id)
    newest_first = await page(store, account_id, is_newest_first=True)
    assert shown(oldest_first) == [("a", "101"), ("a", "102"), ("b", "101")]
    assert shown(newest_first) == [("b", "101"), ("a", "102"), ("a", "101")]
    assert (oldest_first.total, newest_first.total) == (3, 3)


async def test_offset_50_and_limit_30_are_rows_51_to_80_of_100(store: Store, account_id: int) -> None:
    calls = [ended(f"{n:03}", "101", started_at=NOW + timedelta(hours=n)) for n in range(100)]
    await store.write(keep, account_id, calls)

    found = await page(store, account_id, offset=50, limit=30)
    assert [row.call.id for row in found.rows] == [f"{n:03}" for n in range(50, 80)]
    assert found.total == 100


@pytest.mark.parametrize(("offset", "limit"), [(3, 10), (50, 10), (0, 0), (10**12, 10_000)])
async def test_past_the_end_there_is_nothing(store: Store, account_id: int, offset: int, limit: int) -> None:
    await store.write(keep, account_id, [ended(call, "101") for call in "abc"])

    found = await page(store, account_id, offset=offset, limit=limit)
    assert found == HistoryPage(rows=(), total=3)


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (("101",), ["101"]),
        (("Иван Петров",), ["101"]),
        (("иВАН  пЕТРОВ",), ["101"]),
        (("MIA TRAN", "103"), ["102", "103"]),
        (("103", "103"), ["103"]),  # nobody in the address book has it
        (("Иван",), []),
        (("",), []),
        (("%",), []),
    ],
)
async def test_names_users_by_name_in_any_case_or_by_extension(
    store: Store, account_id: int, names: tuple[str, ...], found: list[str]
) -> None:
    await store.write(add_employee, account_id, name="Иван Петров", extension="101")
    await store.write(add_employee, account_id, name="Mia Tran", extension="102")
    await store.write(keep, account_id, [ended("a", "101", "102", "103", group="Иван Петров")])

    rows = await page(store, account_id, names=names)
    assert [row.extension for row in rows.rows] == found
    assert rows.total == len(found)


async def test_an_employee_is_shown_by_name_and_a_stranger_by_extension(
    store: Store, account_id: int
) -> None:
    await store.write(add_employee, account_id, name="Mia Tran", extension="101")
    await store.write(keep, account_id, [ended("a", "101", "102")])

    assert [row.user_name for row in (await page(store, account_id)).rows] == ["Mia Tran", "102"]


async def test_queues_and_ring_groups_are_histories_of_their_own(store: Store, account_id: int) -> None:
    await store.write(add_employee, account_id, name="Mia Tran", extension="102")
    calls = [
        ended("a", "101", "102", answered="102", group="Приёмная", group_kind=GroupKind.QUEUE),
        ended("b", "101", "103", group="Sales", group_kind=GroupKind.HUNT),
        ended("c", "101"),
    ]
    await store.write(keep, account_id, calls)

    (queued,) = (await page(store, account_id, kind=QUEUES, names=("приёмная",))).rows
    (rung,) = (await page(store, account_id, kind=RING_GROUPS)).rows
    users = (await page(store, account_id, names=("101",))).rows
    assert (queued.call.id, queued.group, queued.group_is_queue) == ("a", "Приёмная", True)
    assert (queued.extension, queued.user_name) == ("102", "Mia Tran")  # who answered
    assert (rung.call.id, rung.group, rung.group_is_queue) == ("b", "Sales", False)
    assert (rung.extension, rung.user_name) == ("103", "103")  # who rang last
    assert [(row.group, row.group_is_queue) for row in users] == [
        ("Приёмная", True),
        ("Sales", False),
        ("", False),
    ]
    assert (await page(store, account_id, kind=QUEUES, names=("sales",))).total == 0


async def test_a_group_that_rang_nobody_has_its_row(store: Store, account_id: int) -> None:
    await store.write(keep, account_id, [ended("a", group="Sales")])

    (row,) = (await page(store, account_id, kind=RING_GROUPS)).rows
    assert (row.extension, row.user_name) == ("", "")


@pytest.mark.parametrize(
    ("since", "until", "found"),
    [
        (0, None, "abcd"),
        (None, 0, ""),
        (1, 25, "b"),  # within a day
        (0, 25, "ab"),
        (1, 26, "bc"),  # over midnight
        (-5, 27, "abcd"),
        (24, 24, ""),
        (25, 1, ""),
        (-1000, 1000, "abcd"),
    ],
)
async def test_a_time_range_has_its_first_moment_and_not_its_last(
    store: Store, account_id: int, since: int | None, until: int | None, found: str
) -> None:
    midnight = NOW.replace(hour=0, minute=0, second=0, microsecond=0)
    hours = {"a": 0, "b": 1, "c": 25, "d": 26}
    calls = [ended(row, "101", started_at=midnight + timedelta(hours=n)) for row, n in hours.items()]
    await store.write(keep, account_id, calls)

    rows = await page(
        store,
        account_id,
        since=None if since is None else midnight + timedelta(hours=since),
        until=None if until is None else midnight + timedelta(hours=until),
    )
    assert "".join(row.call.id for row in rows.rows) == found
    assert rows.total == len(found)


async def test_a_call_is_found_by_its_number(store: Store, account_id: int) -> None:
    ids = RandomIds()
    own, another = ids.new_id(NOW), ids.new_id(NOW)
    call = ended(own, "101", "102", "103")
    click = ended("b", "101", dial_id=ids.new_id(NOW), direction=Direction.OUTBOUND)
    theirs = replace(ended("c", "101"), shared_id="177241404931")
    await store.write(keep, account_id, [call, click, theirs, ended(another, "101")])

    rows = await page(store, account_id, call_id=numeric_id(call), offset=1, limit=1)
    named = await page(store, account_id, call_id=numeric_id(call), names=("103",))
    others = [await page(store, account_id, call_id=numeric_id(one)) for one in (click, theirs)]
    assert (shown(rows), rows.total) == ([(own, "102")], 3)
    assert (shown(named), named.total) == ([(own, "103")], 1)
    assert [shown(one) for one in others] == [[("b", "101")], [("c", "101")]]
    everything = (await page(store, account_id)).rows
    assert {row.call.id: row.call_id for row in everything} == {
        own: numeric_id(call),
        another: digits_of(another),
        "b": numeric_id(click),
        "c": "177241404931",
    }


async def test_a_number_is_of_its_account_and_kind(store: Store, account_id: int) -> None:
    call = ended(RandomIds().new_id(NOW), "101")
    await store.write(keep, account_id, [call])
    other = await store.write(add_account, "other", at=NOW)

    assert (await page(store, account_id, call_id=numeric_id(call))).total == 1
    assert (await page(store, other.id, call_id=numeric_id(call))).total == 0
    assert (await page(store, account_id, kind=QUEUES, call_id=numeric_id(call))).total == 0


@pytest.mark.parametrize("call_id", ["", "0", "a", "-1", "12 ", "²", "9" * 19, "12345678901234567"])
async def test_a_number_that_no_call_has_finds_nothing(store: Store, account_id: int, call_id: str) -> None:
    await store.write(keep, account_id, [ended("a", "101")])

    assert await page(store, account_id, call_id=call_id) == HistoryPage(rows=(), total=0)


async def test_a_row_carries_the_call_as_it_now_stands(store: Store, account_id: int) -> None:
    await store.write(keep, account_id, [ended("a", "101")])
    later: Call = ended("a", "101", answered="101", recordings=1)
    await store.write(keep, account_id, [later])

    assert [row.call for row in (await page(store, account_id)).rows] == [later]


@pytest.mark.parametrize("names", [(), ("101",), ("101", "102", "103")])
async def test_a_deep_page_is_where_it_would_be_by_counting(
    store: Store, account_id: int, names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Far down only an index is looked at, and beyond some thousands of rows days are passed over whole."""
    shallow = 2 * DEEP
    for module in (histories, party_days):
        monkeypatch.setattr(module, "SHALLOW", shallow)
    users = ("101",) if names == ("101",) else ("101", "102", "103")
    calls = [
        ended(f"{n:05}", *users, started_at=NOW + timedelta(minutes=9 * n))
        for n in range((shallow + 500) // len(users))
    ]
    await store.write(keep, account_id, calls)
    rows = [(call.id, user) for call in calls for user in users]

    for offset in (DEEP, DEEP + 1, shallow, shallow + 1, shallow + 333, len(rows) - 3):
        for is_newest_first in (False, True):
            found = await page(
                store,
                account_id,
                names=names,
                offset=offset,
                limit=170,
                is_newest_first=is_newest_first,
                since=NOW - timedelta(hours=1),
                until=calls[-1].started_at + timedelta(seconds=1),
            )
            ordered = rows[::-1] if is_newest_first else rows
            assert shown(found) == ordered[offset : offset + 170]
            assert found.total == len(rows)
