"""Trying a connection sends a signed test event and says in words what came back, never the secret."""

from typing import cast

import pytest

from switchhook.core.connector import Finding, Hub, Link
from tests.connectors.webhook.receiver import (
    OLD_SECRET,
    SECRET,
    SIDE,
    link_to,
    receiving,
    way_out,
)
from tests.servers.ports import free_port


async def tried(link: Link) -> Finding:
    assert SIDE.probe is not None
    return (await SIDE.probe(link, cast(Hub, None)))[0]


async def test_a_test_event_is_signed_and_needs_no_choice() -> None:
    async with receiving() as receiver, way_out() as http:
        finding = await tried(link_to(receiver.url, http, events="call.final"))
        again = await tried(link_to(receiver.url, http))
        for got in receiver.got:
            got.verify(SECRET)

    assert (finding.is_ok, again.is_ok) == (True, True)
    assert "204" in finding.detail
    assert receiver.types == ["test", "test"]
    assert receiver.got[0].event["data"] == {"connection": {"id": "c-hook", "name": "Our program"}}
    assert receiver.got[0].id != receiver.got[1].id


@pytest.mark.parametrize(
    ("status", "headers", "words"),
    [
        ("401 Unauthorized", [], "refuses our signature (401): no such signature"),
        ("410 Gone", [], "it is gone (410)"),
        ("404 Not Found", [], "refuses this message (404)"),
        ("500 Internal Server Error", [], "is failing (500)"),
        (
            "302 Found",
            ["Location: https://elsewhere.example/login"],
            "redirects to https://elsewhere.example/login",
        ),
    ],
)
async def test_what_went_wrong_is_said_in_words(status: str, headers: list[str], words: str) -> None:
    async with receiving() as receiver, way_out() as http:
        receiver.say(status, *headers, body=b"no such\r\n\x07signature\x00")
        finding = await tried(link_to(receiver.url, http))

    assert not finding.is_ok
    assert words in finding.detail
    assert "\x07" not in finding.detail


async def test_a_receiver_that_is_away_is_said_in_words() -> None:
    async with way_out() as http:
        finding = await tried(link_to(f"http://127.0.0.1:{free_port()}/", http))

    assert (finding.is_ok, "refuses connections" in finding.detail) == (False, True)


async def test_an_address_without_a_grant_is_said_in_words() -> None:
    async with receiving() as receiver, way_out(allow_private=False) as http:
        finding = await tried(link_to(receiver.url.replace(f":{receiver.peer.port}", ""), http))

    assert (finding.is_ok, receiver.peer.connections) == (False, 0)
    assert "an administrator may allow private addresses" in finding.detail


@pytest.mark.parametrize("secret", [SECRET, OLD_SECRET], ids=["current", "old"])
@pytest.mark.parametrize("status", ["400 Bad Request", "500 Internal Server Error"])
async def test_a_secret_that_the_receiver_repeats_is_not_shown(secret: str, status: str) -> None:
    said = f"wrong: {secret} / {secret.removeprefix('whsec_')}".encode()
    async with receiving() as receiver, way_out() as http:
        receiver.say(status, body=said)
        finding = await tried(link_to(receiver.url, http, old_secret=OLD_SECRET))

    assert "wrong: … / …" in finding.detail
    assert secret.removeprefix("whsec_") not in finding.detail


async def test_plain_http_is_said_to_be_readable() -> None:
    async with receiving() as receiver, way_out() as http:
        assert SIDE.probe is not None
        findings = await SIDE.probe(link_to(receiver.url, http), cast(Hub, None))

    assert [(one.what, one.is_ok) for one in findings] == [("signed test event", True), ("transport", True)]
