"""What the vendor's documents show and what connectors were seen to send, read as it should be."""

import json
from pathlib import Path

import pytest

from switchhook.connectors.planfix import CONNECTOR, wire
from switchhook.connectors.planfix.as_crm import presented_key, serve
from switchhook.core.connector import Role
from tests.connectors.planfix.hub import ScriptedHub, link_to
from tests.connectors.planfix.sent import PLANFIX_KEY, requests, shown

FOLDER = Path(__file__).parent / "golden"
CASES = [pytest.param(case, id=case.name) for case in sorted(FOLDER.iterdir())]


@pytest.mark.parametrize("case", CASES)
async def test_reads_what_is_sent(case: Path) -> None:
    hub = ScriptedHub()
    link = link_to(Role.PBX)

    replies = [await serve(request, link, hub) for request in requests(case)]

    assert [shown(event) for event in hub.events] == json.loads((case / "events.json").read_text())
    assert {(reply.status, reply.body) for reply in replies} == {(200, b"")}


@pytest.mark.parametrize("case", CASES)
async def test_keeps_what_was_sent_but_for_the_key(case: Path) -> None:
    hub = ScriptedHub()
    for request in requests(case):
        await serve(request, link_to(Role.PBX), hub)

    for request, event in zip(requests(case), hub.events, strict=True):
        form = wire.read_form(request.body, request.headers.get("content-type", ""))
        assert event.as_sent == {name: value for name, value in form.items() if name != "planfix_token"}
        assert PLANFIX_KEY not in str(event)


@pytest.mark.parametrize("case", CASES)
def test_the_key_in_the_request_finds_the_connection(case: Path) -> None:
    for request in requests(case):
        assert presented_key(request) == PLANFIX_KEY
        assert request.path in CONNECTOR.root_paths


@pytest.mark.parametrize("case", CASES)
def test_every_case_names_its_source(case: Path) -> None:
    assert (case / "source.txt").read_text().strip()
