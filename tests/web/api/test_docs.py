"""The documents of the API keep up with it, and its page is safe to open."""

import re
from pathlib import Path

from switchhook.core.api import Scope
from switchhook.web.api.operations import OPERATIONS, ROOMS
from switchhook.web.api.problem import KINDS
from tests.web.hubs import TestHub

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "api.md").read_text()


def test_every_operation_is_on_the_page_with_its_scope() -> None:
    rows = {line.split(" | ")[0].strip("| `"): line for line in PAGE.splitlines() if line.startswith("| `")}

    wanted = {f"{one.method} {one.path}": one for one in OPERATIONS}
    listed = {row: line for row, line in rows.items() if row.partition(" ")[0].isupper() and "/" in row}
    assert set(listed) == set(wanted)
    assert {row for row, line in listed.items() if f"`{wanted[row].scope.value}`" not in line} == set()


def test_every_problem_scope_and_filter_is_on_the_page() -> None:
    calls = next(one for one in OPERATIONS if one.id == "list_calls")
    words = {*KINDS, *(scope.value for scope in Scope), *calls.shapes["query"].__struct_encode_fields__}

    assert {word for word in words if f"`{word}`" not in PAGE} == set()


def test_every_operation_has_a_name_of_its_own() -> None:
    names = [one.id for one in OPERATIONS]

    assert len(names) == len(set(names))
    assert len(OPERATIONS) == sum(
        text.count("\n@operation(") for text in (Path(str(room.__file__)).read_text() for room in ROOMS)
    )


async def test_the_page_shows_every_operation_and_loads_only_our_own_files(hub: TestHub) -> None:
    response = await hub.get("/api/docs")
    page = await response.text()
    linked = re.findall(r'(?:src|href)="([^"]+)"', page)

    assert response.status == 200
    assert "unsafe" not in response.headers["Content-Security-Policy"]
    assert all(f'id="{one.id}"' in page for one in OPERATIONS)
    assert all(link.startswith(("/", "#")) for link in linked)
    assert "<style" not in page
    assert "<script" not in page
    assert not re.search(r'\s(?:on[a-z]+|style)="', page)
    for link in {link for link in linked if link.startswith("/")}:
        assert (await hub.get(link)).status == 200, link
    assert {link[1:] for link in linked if link.startswith("#")} <= set(re.findall(r'id="([^"]+)"', page))
