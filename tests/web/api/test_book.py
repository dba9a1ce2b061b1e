"""The address book by the API: contacts, employees, lines and groups, made, shown, changed and removed."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.web.api.client import Client

ANNA: dict[str, Any] = {
    "name": "Anna",
    "phones": ["8 910 123-45-67"],
    "responsible": "101",
    "email": "anna@example.com",
}
IVAN: dict[str, Any] = {"name": "Ivan", "extension": "101", "login": "ivan", "numbers": ["8 916 111-22-33"]}
MAIN: dict[str, Any] = {"number": "74951234567", "name": "Main office", "site": "msk", "group": "sales"}
SALES: dict[str, Any] = {"name": "sales", "kind": "ring", "extensions": ["101", "102", "101"]}

THINGS: Mapping[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "/contacts": (ANNA, {"name": "Anna B."}),
    "/employees": (IVAN, {"name": "Ivan B."}),
    "/lines": (MAIN, {"name": "Warehouse"}),
    "/groups": (SALES, {"name": "support"}),
}


@pytest.fixture
def client(kept_client: Client) -> Client:
    return kept_client


def address(path: str, thing: dict[str, object]) -> str:
    return f"{path}/{thing['extension' if path == '/employees' else 'id']}"


@pytest.mark.parametrize("path", THINGS)
async def test_a_thing_is_made_shown_listed_changed_and_removed(client: Client, path: str) -> None:
    new, changes = THINGS[path]
    made = await client.post(path, new)
    where = address(path, made.json)
    shown, listed = await client.get(where), await client.get(path)
    changed = await client.patch(where, changes)
    removed, gone = await client.delete(where), await client.get(where)

    assert (made.status, made.headers["location"]) == (201, f"/api/v1{where}")
    assert shown.json == made.json
    assert listed.json == {"items": [made.json], "next": None}
    assert changed.json == {**made.json, **changes}
    assert (removed.status, removed.body) == (204, b"")
    assert (gone.status, gone.problem) == (404, "not_found")


@pytest.mark.parametrize("path", THINGS)
async def test_pages_give_everything_once(client: Client, path: str) -> None:
    for number in range(5):
        distinct = {"name": f"one {number}", "extension": f"10{number}", "number": f"7495123456{number}"}
        new = THINGS[path][0]
        assert (
            await client.post(path, {**new, **{k: v for k, v in distinct.items() if k in new}})
        ).status == 201
    found: list[int] = []
    cursor: str | None = ""
    pages = 0
    while cursor is not None:
        page = (await client.get(f"{path}?limit=2" + (f"&cursor={cursor}" if cursor else ""))).json
        found += [one["id"] for one in page["items"]]
        cursor, pages = page["next"], pages + 1

    assert pages == 3
    assert len(found) == len(set(found)) == 5


async def test_what_a_change_leaves_out_stays_and_null_takes_away(client: Client) -> None:
    made = (await client.post("/contacts", ANNA)).json

    changed = await client.patch(f"/contacts/{made['id']}", {"email": None, "phones": ["+79990000000"]})

    assert changed.json == {**made, "email": None, "phones": ["+79990000000"]}


async def test_contacts_are_searched_by_name_and_number(client: Client) -> None:
    await client.post("/contacts", ANNA)
    await client.post("/contacts", {"name": "Boris", "phones": ["+79990000000"]})

    by_name = await client.get("/contacts", params={"search": "ANN"})
    by_number = await client.get("/contacts", params={"search": "000-00-00"})

    assert [one["name"] for one in by_name.json["items"]] == ["Anna"]
    assert [one["name"] for one in by_number.json["items"]] == ["Boris"]


@pytest.mark.parametrize(
    ("path", "field"), [("/employees", "extension"), ("/lines", "number"), ("/groups", "name")]
)
async def test_what_is_taken_is_a_conflict_that_names_its_field(
    client: Client, path: str, field: str
) -> None:
    new = THINGS[path][0]
    await client.post(path, new)
    other = (await client.post(path, {**new, field: "205"})).json

    again = await client.post(path, new)
    moved = await client.patch(address(path, other), {field: new[field]})

    assert [(one.status, one.problem, one.wrong) for one in (again, moved)] == [
        (409, "conflict", [field])
    ] * 2


async def test_an_employee_keeps_their_numbers_as_calls_are_compared(client: Client) -> None:
    made = await client.post("/employees", IVAN)
    changed = await client.patch("/employees/101", {"numbers": ["8 (916) 444-55-66", "x"]})

    assert made.json["numbers"] == ["+79161112233"]
    assert changed.json["numbers"] == ["+79164445566", "x"]


async def test_a_group_has_each_member_once(client: Client) -> None:
    made = await client.post("/groups", SALES)

    assert made.json["extensions"] == ["101", "102"]


@pytest.mark.parametrize("path", THINGS)
async def test_a_name_loses_what_cannot_be_seen_and_must_have_something_left(
    client: Client, path: str
) -> None:
    made = await client.post(path, {**THINGS[path][0], "name": "An\u202ena\u200b"})
    blank = [
        await client.post(path, {**THINGS[path][0], "name": "\u200b\u200d"}),
        await client.patch(address(path, made.json), {"name": "\u2060"}),
    ]

    assert made.json["name"] == "Anna"
    assert [(one.status, one.wrong) for one in blank] == [(400, ["name"])] * 2


async def test_what_is_made_says_where_it_is_whatever_its_name(client: Client) -> None:
    made = await client.post("/employees", {**IVAN, "extension": "*1#2"})

    assert (await client.get(made.headers["location"])).json == made.json


async def test_presence_is_put_and_told(client: Client) -> None:
    await client.post("/employees", IVAN)

    put = await client.put("/employees/101/presence", {"availability": "dinner"})
    shown = await client.get("/employees/101")
    unknown = await client.put("/employees/999/presence", {"availability": "busy"})

    assert (put.status, put.json["availability"]) == (200, "dinner")
    assert shown.json["availability"] == "dinner"
    assert unknown.problem == "not_found"
