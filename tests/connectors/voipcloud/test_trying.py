"""`connection try`: one harmless request, and words about all that may be wrong."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from switchhook.connectors.voipcloud.crm.trying import probe
from switchhook.core.connector import Finding
from switchhook.core.directory import Employee
from switchhook.core.edge import Reply
from tests.connectors.voipcloud.desk import (
    NOW,
    PUBLIC_URL,
    KeepingHub,
    PlayedPbx,
    link_to,
    pbx_on_loopback,
    real_net,
    refusal,
    row,
)


async def tried(
    pbx: PlayedPbx, *, state: Mapping[str, Any] | None = None, staff: Sequence[Employee] = (), **settings: str
) -> dict[str, Finding]:
    async with pbx_on_loopback(pbx), real_net() as net:
        given = {"url": pbx.url, "allow_private": "true", **settings}
        hub = KeepingHub(link_to(given, http=net, state=state), staff=staff)
        findings = await probe(hub.link, hub, today=NOW.date())
    return {finding.what: finding for finding in findings}


async def test_a_right_connection_has_nothing_wrong() -> None:
    pbx = PlayedPbx(rows=[row("1", NOW)])

    findings = await tried(pbx)

    assert all(finding.is_ok for finding in findings.values())
    assert findings["call history"].detail == "a call of today was read"
    assert f"{PUBLIC_URL}/x/k1/webhooks" in findings["events"].detail
    assert [query["limit"] for query in pbx.queries] == ["1"]


@pytest.mark.parametrize(
    ("reply", "what", "words"),
    [
        (refusal(401, "Not authorised"), "API key and listed address", "does not list our address"),
        (refusal(402, "No"), "call history", "licence"),
        (refusal(404, "No"), "call history", "no API v2"),
        (refusal(500, "Oops"), "PBX address", "failing"),
        (refusal(429, "slower"), "call history", "later"),
        (Reply(body=b"<html>"), "call history", "JSON"),
    ],
)
async def test_what_is_wrong_is_said_in_words(reply: Reply, what: str, words: str) -> None:
    findings = await tried(PlayedPbx(fails=reply))

    assert not findings[what].is_ok
    assert words in findings[what].detail


async def test_nobody_at_the_address() -> None:
    async with real_net() as net:
        hub = KeepingHub(link_to({"url": "http://127.0.0.1:9", "allow_private": "true"}, http=net))
        first, *_ = await probe(hub.link, hub, today=NOW.date())

    assert not first.is_ok
    assert "refuses connections" in first.detail


async def test_a_refused_secret_of_the_events_is_shown() -> None:
    refused = {"reason": "x-pbx-token does not match", "at": "2026-03-02T09:00:00.000Z"}

    findings = await tried(PlayedPbx(), state={"refused": refused})

    assert not findings["events"].is_ok
    assert "x-pbx-token does not match" in findings["events"].detail


async def test_users_without_an_employee_are_named_and_no_fault() -> None:
    state = {"strangers": {"2042": "Leo Park", "2041": "Mia Tran"}}

    findings = await tried(PlayedPbx(), state=state, staff=[Employee(id=1, name="Mia", extension="2041")])

    assert findings["users"] == Finding("users", True, "not in our address book: 2042 Leo Park")
