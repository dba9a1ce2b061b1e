"""What the vendor's documents show and what its clients were seen to read, taken in as it should be."""

import json
from pathlib import Path

import pytest

from switchhook.connectors.voipcloud.as_crm import serve
from switchhook.connectors.voipcloud.crm.parties import Plan
from switchhook.connectors.voipcloud.crm.reports import report_of_row
from switchhook.connectors.voipcloud.wire.envelope import read_envelope
from switchhook.connectors.voipcloud.wire.row import read_rows
from switchhook.core.api import HistoryKind
from switchhook.core.edge import Request
from tests.connectors.voipcloud.desk import WEBHOOK_TOKEN, KeepingHub, link_to, shown

CASES = sorted((Path(__file__).parent / "golden").iterdir())
EVENTS = [pytest.param(case, id=case.name) for case in CASES if (case / "body.json").exists()]
ROWS = [
    pytest.param(case, kind, id=case.name)
    for case in CASES
    for kind in HistoryKind
    if (case / f"{kind.value}.json").exists()
]


@pytest.mark.parametrize("case", EVENTS)
async def test_takes_events_as_they_are_sent(case: Path) -> None:
    hub = KeepingHub()
    headers = {"x-pbx-token": WEBHOOK_TOKEN, "content-type": "application/json"}
    body = (case / "body.json").read_bytes()

    reply = await serve(Request(method="POST", path="/webhooks", headers=headers, body=body), link_to(), hub)

    assert (reply.status, json.loads(reply.body)) == (200, {"status": "success"})
    assert [shown(one) for one in hub.news] == json.loads((case / "news.json").read_text())


@pytest.mark.parametrize(("case", "kind"), ROWS)
def test_takes_rows_as_they_are_answered(case: Path, kind: HistoryKind) -> None:
    envelope = read_envelope((case / f"{kind.value}.json").read_bytes())

    reports = [report_of_row(row, Plan()) for row in read_rows(envelope.data, kind)]

    assert [shown(one) for one in reports if one is not None] == json.loads((case / "news.json").read_text())


@pytest.mark.parametrize("case", EVENTS)
async def test_keeps_what_was_sent(case: Path) -> None:
    hub = KeepingHub()
    body = (case / "body.json").read_bytes()
    headers = {"x-pbx-token": WEBHOOK_TOKEN}
    await serve(Request(method="POST", path="/webhooks", headers=headers, body=body), link_to(), hub)

    sent = json.loads(body)
    first = sent[0] if isinstance(sent, list) else sent
    kept = shown(hub.news[0]) and getattr(hub.news[0], "as_sent", {})
    assert {name: value for name, value in first.items() if isinstance(value, str)}.items() <= kept.items()


def test_every_case_is_read_and_names_its_source() -> None:
    assert len(CASES) == len(EVENTS) + len(ROWS)
    assert all((case / "source.txt").read_text().strip() for case in CASES)
