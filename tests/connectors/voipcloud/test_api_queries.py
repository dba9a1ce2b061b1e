"""Which rows of the three histories come, in which order and on which page."""

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from switchhook.core.directory import GroupKind
from tests.connectors.voipcloud.office import (
    ANSWERED,
    KEY,
    MISSED,
    QUEUES,
    RING_GROUPS,
    SAMPLES,
    USERS,
    V1,
    api,
    get,
    many_calls,
    rows,
)
from tests.connectors.voipcloud.readers import read_as_loose, read_as_typed


async def ids(query: str, path: str = USERS) -> list[str]:
    return [row["unique_call_id"] for row in await rows(path, query)]


async def test_offset_50_and_limit_30_of_100_rows_are_the_51st_to_the_80th() -> None:
    found = await rows(USERS, "offset=50&limit=30&sort_by=oldest_first", *many_calls(100))

    assert [row["unique_call_id"] for row in found] == [str(10_050 + index) for index in range(30)]


async def test_the_total_and_the_next_page_are_in_headers_and_lead_through_all_rows_once() -> None:
    played, seen, query = api(*many_calls(25)), [], "sort_by=oldest_first&limit=10"
    for _ in range(3):
        reply = await played.answer(get(USERS, query))
        assert reply.headers["X-Total-Count"] == "25"
        seen += [row["unique_call_id"] for row in read_as_loose(reply.body)]
        link = reply.headers.get("Link", "")
        query = urlsplit(link[1 : link.index(">")]).query if link else ""

    assert seen == [str(10_000 + index) for index in range(25)]
    assert not link


async def test_the_next_page_repeats_what_was_asked_and_no_key() -> None:
    query = f"users_names[]=Mia+Tran&users_names[]=a%2Cb&from_date=2026-03-02&limit=1&token={KEY}&x=1"
    link = (await api(*SAMPLES).answer(get(USERS, query))).headers["Link"]

    assert link.startswith(f"<https://hub.example.org{USERS}?")
    assert link.endswith('>; rel="next"')
    assert parse_qs(urlsplit(link[1:-13]).query) == {
        "users_names[]": ["Mia Tran", "a,b"],
        "from_date": ["2026-03-02"],
        "offset": ["1"],
        "limit": ["1"],
    }


async def test_ten_thousand_rows_are_read_in_small_pages() -> None:
    played = api(*many_calls(1_200))
    asked: list[int] = []
    history = played.history

    async def counted(wanted: Any) -> Any:
        asked.append(wanted.limit)
        return await history(wanted)

    played.history = counted  # type: ignore[method-assign]

    reply = await played.answer(get(USERS, "limit=10000"))

    assert len(read_as_typed(reply.body)) == 1_200
    assert asked == [500, 500, 500]


async def test_past_the_end_there_are_no_rows() -> None:
    reply = await api(*SAMPLES).answer(get(USERS, "offset=300&limit=10"))

    assert (reply.status, read_as_loose(reply.body), reply.headers) == (200, [], {"X-Total-Count": "3"})


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", 3),
        ("from_date=2026-03-02", 3),
        ("to_date=2026-03-01", 0),
        ("from_date=2026-03-02&to_date=2026-03-02", 3),
        ("from_date=2026-03-02T01:10:02.000Z", 2),
        ("from_date=2026-03-02T01:10:02.001Z", 1),
        ("to_date=2026-03-02T01:10:02.000Z", 2),
        ("from_date=2026-03-02T12:10:02%2B11:00", 2),
        ("from_date=2026-03-02T12:10:02+11:00", 2),
        ("from_date=&to_date=&offset=&limit=", 3),
        ("users_names=mia%20tran", 2),
        ("users_names=Mia+Tran,Leo+Park", 3),
        ("users_names=2042", 1),
        ("users=2042", 1),
        ("users_numbers[]=2042", 1),
        ("users_names[0]=2042&users_names[1]=Mia+Tran", 3),
        ("users_names=2042&users_names=Mia+Tran", 3),
        ("users_names=nobody", 0),
        ("users_names=Park,+Leo", 0),
        ("queues_names=Reception", 3),
        ("unique_call_id=177241380212", 1),
        ("unique_call_id=5", 0),
        ("colour=red&page=7", 3),
    ],
)
async def test_which_rows_of_users_are_given(query: str, found: int) -> None:
    assert len(await rows(USERS, query)) == found


async def test_a_repeated_parameter_is_not_split_at_commas() -> None:
    named = replace(ANSWERED, group="Sales, North")

    assert len(await rows(QUEUES, "queues_names=Sales,+North", named)) == 0
    assert len(await rows(QUEUES, "queues_names=Sales,+North&queues_names=x", named)) == 1
    assert len(await rows(QUEUES, "queues_names[]=sales,+north", named)) == 1


@pytest.mark.parametrize(
    ("path", "query", "found"),
    [
        (QUEUES, "queues=reception", 1),
        (QUEUES, "queues_numbers=Reception", 1),
        (QUEUES, "queues_names=Sales", 0),
        (RING_GROUPS, "ringgroups_names=Night", 1),
        (RING_GROUPS, "ringgroups=night", 1),
        (RING_GROUPS, "ringgroups_numbers[]=x", 0),
    ],
)
async def test_which_rows_of_groups_are_given(path: str, query: str, found: int) -> None:
    night = replace(MISSED, group="Night", group_kind=GroupKind.RING)

    assert len(await rows(path, query, ANSWERED, night)) == found


async def test_days_are_those_of_the_keys_zone() -> None:
    """The sample of 01:10 in London is of the day before in New York."""
    here, there = api(*SAMPLES), api(*SAMPLES, zone="America/New_York")

    found = [
        len(read_as_loose((await one.answer(get(USERS, f"from_date={day}&to_date={day}"))).body))
        for one in (here, there)
        for day in ("2026-03-01", "2026-03-02")
    ]

    assert found == [0, 3, 3, 0]


async def test_the_day_on_which_clocks_change_is_whole() -> None:
    """29 March 2026 has 23 hours in London: its last call is of 22:59 UTC."""
    last = datetime(2026, 3, 29, 22, 59, 59, tzinfo=UTC)
    calls = [
        replace(MISSED, id="last", shared_id="1", started_at=last),
        replace(MISSED, id="next", shared_id="2", started_at=last.replace(hour=23)),
    ]

    reply = await api(*calls, zone="Europe/London").answer(
        get(USERS, "from_date=2026-03-29&to_date=2026-03-29")
    )

    assert [row["unique_call_id"] for row in read_as_loose(reply.body)] == ["1"]


async def test_newest_come_first_unless_asked_otherwise() -> None:
    assert await ids("") == ["177241404931", "177241380212", "177241366005"]
    assert await ids("sort_by=newest_first") == await ids("")
    assert await ids("sort_by=oldest_first") == list(reversed(await ids("")))


async def test_the_first_version_knows_no_order() -> None:
    assert await ids("sort_by=oldest_first", f"{V1}/get-user-calls") == await ids("")
    assert await ids("sort_by=whatever", f"{V1}/get-user-calls") == await ids("")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("from_date=2.3.2026", "from_date"),
        ("from_date=2026-02-30", "from_date"),
        ("to_date=2026-13-01", "to_date"),
        ("to_date=0001-01-01", "to_date"),
        ("to_date=9999-12-31", "to_date"),
        ("from_date=2026-03-02T25:00:00Z", "from_date"),
        ("from_date=2026-03-03&to_date=2026-03-02", "from_date"),
        ("from_date=2026-03-02T10:00:00Z&to_date=2026-03-02T09:59:59Z", "from_date"),
        ("sort_by=newest", "sort_by"),
        ("offset=-1", "offset"),
        ("offset=1.5", "offset"),
        ("offset=99999999999999999999", "offset"),
        ("limit=0", "limit"),
        ("limit=10001", "limit"),
        ("limit=ten", "limit"),
        ("limit=%D9%A1", "limit"),
        ("unique_call_id=%00", "unique_call_id"),
        ("unique_call_id=" + "1" * 300, "unique_call_id"),
        ("users_names=a%00b", "users_names"),
        ("users_names=" + "a" * 300, "users_names"),
        ("users_names=" + ",".join(map(str, range(600))), "users_names"),
    ],
)
async def test_a_bad_value_of_a_known_parameter_is_refused_by_its_name(query: str, field: str) -> None:
    reply = await api(*SAMPLES).answer(get(USERS, query))
    said = json.loads(reply.body)

    assert (reply.status, said["status"], said["code"], said["data"]) == (400, "error", 400, [])
    assert field in said["message"]


NAMES = "from_date to_date sort_by users_names users[] offset limit unique_call_id"


@given(st.lists(st.tuples(st.sampled_from(NAMES.split()), st.text(max_size=30)), max_size=6))
async def test_any_query_is_answered_and_never_spoken_of_a_licence(pairs: list[tuple[str, str]]) -> None:
    query = {name: f"{text} licence" if len(text) > 25 else text for name, text in pairs}

    reply = await api(*SAMPLES).answer(replace(get(USERS), query=query))

    assert reply.status in (200, 400)
    assert reply.status == 200 or b"licence" not in reply.body
