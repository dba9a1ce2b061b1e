"""What the vendor's page shows and what its clients were seen to send, read as it should be."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import pytest

from switchhook.connectors.retailcrm import CONNECTOR
from switchhook.core.connector import Role
from switchhook.core.directory import Caller
from switchhook.core.edge import Reply, Request
from tests.connectors.retailcrm.hub import API_KEY, IVAN, VERA, ScriptedHub, crm_hub, pbx_hub

FOLDER = Path(__file__).parent / "golden"
CASES = {case.name: case for case in sorted(FOLDER.iterdir())}
HUBS = {"pbx": pbx_hub, "crm": crm_hub}


def request_of(case: Path) -> Request:
    """Read `request.http`: the head as on the wire; multipart bodies get their CR LF here."""
    head, _, body = (case / "request.http").read_text().partition("\n\n")
    first, *lines = head.splitlines()
    method, target, _ = first.split()
    path, _, query = target.partition("?")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    if "multipart" in headers.get("content-type", ""):
        body = body.replace("\n", "\r\n")
    return Request(
        method=method,
        path=path,
        query=dict(parse_qsl(query, keep_blank_values=True)),
        headers=headers,
        body=body.rstrip("\n").encode(),
    )


def expected_of(case: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((case / "expected.json").read_text())
    return found


async def answered(case: Path) -> tuple[ScriptedHub, Reply]:
    peer = expected_of(case).get("peer", "pbx")
    hub = HUBS[peer]()
    hub.callers["+79261234567"] = Caller(
        number="+79261234567", name="Ivan Petrov", responsible="204", contact=IVAN, employee=VERA
    )
    serve = CONNECTOR.sides[Role(peer)].serve
    assert serve is not None
    return hub, await serve(request_of(case), hub.link, hub)


@pytest.mark.parametrize("name", CASES)
async def test_reads_what_is_sent(name: str) -> None:
    hub, _ = await answered(CASES[name])

    expected = expected_of(CASES[name])
    news = [msgspec.to_builtins(each) for each in hub.news]
    assert [{k: v for k, v in each.items() if k != "as_sent"} for each in news] == expected.get("news", [])
    assert [list(each) for each in hub.dialled] == expected.get("dialled", [])
    assert [list(each) for each in hub.presences] == expected.get("presences", [])
    assert {**hub.link.state, **expected.get("state", {})} == hub.link.state


@pytest.mark.parametrize("name", CASES)
async def test_answers_as_the_vendor_does(name: str) -> None:
    _, reply = await answered(CASES[name])

    shown = {"status": reply.status, "body": json.loads(reply.body)}
    assert shown == expected_of(CASES[name])["reply"]


@pytest.mark.parametrize("name", CASES)
async def test_keeps_what_was_sent_but_for_the_key(name: str) -> None:
    hub, _ = await answered(CASES[name])

    assert all(event.as_sent for event in hub.events)
    assert all(report.as_sent for report in hub.reports)
    assert API_KEY not in repr(hub.news)
