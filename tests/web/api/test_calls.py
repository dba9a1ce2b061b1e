"""Calls by the API: found by what is known of them, read to the end and as they change, and as a table."""

import asyncio
import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from urllib.parse import urlencode

from msgspec.structs import replace

from switchhook.core.call import Call, Direction
from switchhook.core.directory import GroupKind
from tests.store.kept_calls import ended, keep
from tests.web.api.client import Client
from tests.web.hubs import planfix_event

BEGAN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
CALLS = (
    ended("a", "101", "102", answered="102", did="74951234567", group="sales", recordings=1),
    ended("b", "103", did="8 (495) 123-45-67", group="sales", group_kind=GroupKind.QUEUE),
    ended("c", "101", answered="101", direction=Direction.OUTBOUND, did="74957654321"),
    ended("d", "102", number="8 (910) 123-45-67", connection_id="c-2"),
)
FILTERS = {
    "": "dcba",
    "from=2026-03-02T09:01:00Z": "dcb",
    "from=2026-03-02T12:01:00%2B03:00": "dcb",
    "to=2026-03-02T09:01:00Z": "a",
    "direction=outbound": "c",
    "disposition=missed": "db",
    "disposition=missed&disposition=answered": "dcba",
    "employee=101": "ca",
    "line=%2B7%20495%20123-45-67": "ba",
    "group=Sales": "ba",
    "number=1234567": "dcba",
    "number=9101234567": "d",
    "number=000": "",
    "has_recording=true": "a",
    "has_recording=false": "dcb",
    "connection=c-2": "d",
    "direction=inbound&employee=102&disposition=answered": "a",
    "limit=2": "dc",
}


async def have(client: Client, calls: Sequence[Call], *, account_id: int = 0) -> None:
    """Have the store keep these calls, a minute between their starts."""
    spaced = [replace(call, started_at=BEGAN + timedelta(minutes=n)) for n, call in enumerate(calls)]
    await client.hub.now.desk.store.write(keep, account_id or client.key.account_id, spaced)


async def test_calls_are_found_by_what_is_known_of_them(client: Client) -> None:
    await have(client, CALLS)

    answers = {query: await client.get(f"/calls?{query}") for query in FILTERS}

    assert {
        query: "".join(one["id"] for one in said.json["items"]) for query, said in answers.items()
    } == FILTERS


async def test_a_call_is_shown_in_the_shape_that_it_has_everywhere(client: Client) -> None:
    await have(client, CALLS[:1])

    (shown,) = (await client.get("/calls")).json["items"]

    assert shown["number"] == {"raw": "+79161234567", "e164": "+79161234567"}
    assert shown["employee"] == {"extension": "102"}
    assert shown["started_at"] == "2026-03-02T09:00:00.000Z"
    assert shown["recordings"][0]["url"] == f"{client.hub.now.public_url}/r/token-a"


async def test_pages_lose_and_repeat_nothing_while_calls_come_in(client: Client) -> None:
    pbx = await client.hub.connect("planfix", "pbx")
    over = {"duration": "0", "is_recorded": "0", "status": "Missed"}
    numbers = count()

    async def one_more() -> None:
        form = planfix_event(pbx, "COMPLETED", f"c{next(numbers)}", **over)
        assert (await client.hub.post("/tel/api", data=form)).status == 200

    async def come_in() -> None:
        while True:
            await one_more()

    for _ in range(60):
        await one_more()
    before = [one["id"] for one in (await client.get("/calls?limit=200")).json["items"]]
    coming = asyncio.create_task(come_in())
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (await client.get("/calls?limit=7" + (f"&cursor={cursor}" if cursor else ""))).json
        assert page["has_more"] is (page["next"] is not None)
        found += [one["id"] for one in page["items"]]
        cursor = page["next"]
    coming.cancel()
    await asyncio.gather(coming, return_exceptions=True)

    assert len(before) == 60
    assert len(found) == len(set(found))
    assert [one for one in found if one in set(before)] == before


async def test_changes_are_read_to_the_end_and_then_only_what_is_new(client: Client) -> None:
    await have(client, CALLS)
    since, found = "0", []
    while True:
        page = (await client.get(f"/calls?since={since}&limit=3")).json
        found += [one["id"] for one in page["items"]]
        since = page["since"]
        if not page["has_more"]:
            break
    nothing = (await client.get(f"/calls?since={since}")).json
    pbx = await client.hub.connect("planfix", "pbx")
    await client.hub.post("/tel/api", data=planfix_event(pbx, "INCOMING", "1"))
    async with asyncio.timeout(20):
        while not (news := (await client.get(f"/calls?since={since}")).json)["items"]:
            pass

    assert sorted(found) == ["a", "b", "c", "d"]
    assert (nothing["items"], nothing["since"]) == ([], since)
    assert [one["phase"] for one in news["items"]] == ["open"]
    assert news["since"] != since


async def test_changes_may_be_filtered(client: Client) -> None:
    await have(client, CALLS)

    page = (await client.get("/calls?since=0&direction=outbound")).json

    assert [one["id"] for one in page["items"]] == ["c"]


async def test_parameters_that_do_not_go_together_are_named(client: Client) -> None:
    both = await client.get("/calls?since=0&cursor=1.a")
    table = await client.get("/calls?since=0&limit=5", headers={"Accept": "text/csv"})

    assert (both.status, both.wrong) == (400, ["cursor"])
    assert (table.status, table.wrong) == (400, ["since", "limit"])


async def test_a_call_is_shown_with_all_that_was_heard_and_passed_on(client: Client) -> None:
    pbx = await client.hub.connect("planfix", "pbx")
    crm = await client.hub.connect("planfix", "crm")
    await client.hub.post("/tel/api", data=planfix_event(pbx, "INCOMING", "peer-id", data_utm="ads"))
    (listed,) = (await client.get("/calls")).json["items"]

    shown = (await client.get(f"/calls/{listed['id']}")).json
    unknown = await client.get("/calls/nothing")

    assert shown["call"]["custom"] == {"utm": "ads"}
    assert [(one["number"], one["kind"], one["extension"]) for one in shown["events"]] == [
        (1, "ringing", "101")
    ]
    assert shown["events"][0]["news"]["as_sent"]["callid"] == "peer-id"
    assert pbx.keys["planfix_token"] not in str(shown)
    assert [(one["connection"], one["kind"]) for one in shown["deliveries"]] == [(crm.id, "leg.ringing")]
    assert (unknown.status, unknown.problem) == (404, "not_found")


async def test_the_table_has_every_call_and_no_formula(client: Client) -> None:
    names = ("=HYPERLINK(1)", "+1", "-1", "@SUM(1)", "\tx", "'=1", 'a"b,c', "Anna")
    await have(
        client,
        [replace(ended(f"n{n}", "101", number="-1+1"), contact_name=name) for n, name in enumerate(names)],
    )

    answer = await client.get("/calls", headers={"Accept": "text/csv"})
    rows = list(csv.DictReader(io.StringIO(answer.body.decode(), newline="")))

    assert answer.type == "text/csv"
    assert answer.headers["content-disposition"] == 'attachment; filename="calls.csv"'
    assert [row["id"] for row in rows] == [f"n{n}" for n in range(len(names) - 1, -1, -1)]
    assert not [
        cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    ]
    assert {row["contact_name"] for row in rows} >= {"'=HYPERLINK(1)", 'a"b,c', "Anna"}
    assert {row["number"] for row in rows} == {"'-1+1"}


async def test_the_table_is_filtered_and_goes_on_over_pages(client: Client) -> None:
    await have(client, [ended(f"n{n:04}", "101") for n in range(1201)])
    query = urlencode({"from": (BEGAN + timedelta(minutes=1)).isoformat()})

    answer = await client.get(f"/calls?{query}", headers={"Accept": "application/json;q=0.5, text/*"})
    rows = answer.body.decode().splitlines()[1:]

    assert [row.partition(",")[0] for row in rows] == [f"n{n:04}" for n in range(1200, 0, -1)]
