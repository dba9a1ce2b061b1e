"""What a receiver gets and what its answers mean, over real connections."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import cast

import pytest
from standardwebhooks import WebhookVerificationError

from switchhook.core.call import ChangeKind
from switchhook.core.connector import HttpPort, Hub, Link
from switchhook.core.outcome import Delivered, GiveUp, Locked, NotSent, Outcome, TryAgain
from tests.connectors.webhook.receiver import (
    OLD_SECRET,
    SECRET,
    SIDE,
    Receiver,
    link_to,
    receiving,
    way_out,
)
from tests.connectors.webhook.story import Told, example
from tests.servers.ports import free_port

NO_HUB = cast(Hub, None)  # a webhook asks nothing of the hub


@pytest.fixture
async def http() -> AsyncIterator[HttpPort]:
    async with way_out() as http:
        yield http


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


def of(kind: ChangeKind) -> Told:
    return next(one for one in example() if one.change.kind is kind)


async def deliver(link: Link, told: Told | None = None) -> Outcome:
    assert SIDE.deliver is not None
    one = told or of(ChangeKind.LEG_RINGING)
    return await SIDE.deliver(one.change, one.call, link, NO_HUB)


async def test_an_event_is_one_signed_post_of_json(receiver: Receiver, http: HttpPort) -> None:
    outcome = await deliver(link_to(receiver.url, http), of(ChangeKind.CALL_FINAL))
    (got,) = receiver.got
    got.verify(SECRET)

    assert isinstance(outcome, Delivered)
    assert receiver.peer.heads[0].startswith("POST /hooks HTTP/1.1\r\n")
    assert got.headers["content-type"] == "application/json"
    assert (got.event["type"], got.event["data"]["talk_seconds"]) == ("call.final", 65)
    assert SECRET.removeprefix("whsec_") not in receiver.peer.heads[0] + got.body.decode()


async def test_each_attempt_has_the_same_id_and_the_same_bytes(receiver: Receiver, http: HttpPort) -> None:
    link = link_to(receiver.url, http)
    receiver.say("500 Internal Server Error")
    receiver.say("503 Service Unavailable")
    outcomes = [await deliver(link, one) for one in (of(ChangeKind.CALL_ENDED),) * 3]
    for got in receiver.got:
        got.verify(SECRET)

    assert [type(outcome) for outcome in outcomes] == [TryAgain, TryAgain, Delivered]
    assert len({(got.id, got.body) for got in receiver.got}) == 1


async def test_two_receivers_get_ids_of_their_own(receiver: Receiver, http: HttpPort) -> None:
    link = link_to(receiver.url, http)
    await deliver(link)
    await deliver(replace(link, id="c-other"))
    one, other = receiver.got

    assert one.id != other.id
    assert one.body == other.body


@pytest.mark.parametrize("known", [SECRET, OLD_SECRET], ids=["new", "old"])
async def test_while_a_secret_is_replaced_a_receiver_may_know_either(
    receiver: Receiver, http: HttpPort, known: str
) -> None:
    await deliver(link_to(receiver.url, http, old_secret=OLD_SECRET))
    receiver.got[0].verify(known)


async def test_a_secret_that_holds_no_more_signs_nothing(receiver: Receiver, http: HttpPort) -> None:
    await deliver(link_to(receiver.url, http))

    with pytest.raises(WebhookVerificationError):
        receiver.got[0].verify(OLD_SECRET)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("200 OK", Delivered),
        ("202 Accepted", Delivered),
        ("204 No Content", Delivered),
        ("299 Whatever", Delivered),
        ("301 Moved Permanently", GiveUp),
        ("304 Not Modified", GiveUp),
        ("307 Temporary Redirect", GiveUp),
        ("400 Bad Request", GiveUp),
        ("404 Not Found", GiveUp),
        ("422 Unprocessable Content", GiveUp),
        ("401 Unauthorized", Locked),
        ("403 Forbidden", Locked),
        ("410 Gone", Locked),
        ("408 Request Timeout", TryAgain),
        ("425 Too Early", TryAgain),
        ("429 Too Many Requests", TryAgain),
        ("500 Internal Server Error", TryAgain),
        ("504 Gateway Timeout", TryAgain),
    ],
)
async def test_the_status_says_what_becomes_of_the_event(
    receiver: Receiver, http: HttpPort, status: str, outcome: type[Outcome]
) -> None:
    is_bodiless = status[:3] in ("204", "304")
    receiver.say(status, body=b"" if is_bodiless else b"as I said")
    got = await deliver(link_to(receiver.url, http))

    assert type(got) is outcome
    assert isinstance(got, Delivered | GiveUp | Locked | TryAgain)
    assert got.status == int(status[:3])
    assert got.answer == (b"" if is_bodiless else b"as I said")


async def test_a_receiver_that_is_gone_says_so(receiver: Receiver, http: HttpPort) -> None:
    receiver.say("410 Gone")

    assert await deliver(link_to(receiver.url, http)) == Locked(
        "the receiver says that it is gone (410)", 410
    )


@pytest.mark.parametrize("location", ["/hooks/", "https://elsewhere.example/in?token=canary", ""])
async def test_a_redirect_is_named_and_not_followed(
    receiver: Receiver, http: HttpPort, location: str
) -> None:
    receiver.say("302 Found", *([f"Location: {location}"] if location else []))
    outcome = await deliver(link_to(receiver.url, http))

    assert isinstance(outcome, GiveUp)
    assert "redirects are not followed" in outcome.reason
    assert location.partition("?")[0] in outcome.reason
    assert "canary" not in outcome.reason
    assert len(receiver.got) == 1


async def test_a_receiver_may_ask_to_wait(receiver: Receiver, http: HttpPort) -> None:
    link = link_to(receiver.url, http)
    at = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    receiver.say("429 Too Many Requests", "Retry-After: 17")
    receiver.say("503 Service Unavailable", f"Retry-After: {at}")
    receiver.say("503 Service Unavailable", "Retry-After: soon")
    waits = [await deliver(link) for _ in range(3)]

    assert [isinstance(wait, TryAgain) for wait in waits] == [True] * 3
    seconds = [wait.retry_after_seconds for wait in waits if isinstance(wait, TryAgain)]
    assert seconds[0] == 17
    assert seconds[1] is not None
    assert 80 < seconds[1] <= 90
    assert seconds[2] is None


async def test_a_receiver_that_is_away_is_tried_again(http: HttpPort) -> None:
    outcome = await deliver(link_to(f"http://127.0.0.1:{free_port()}/hooks", http))

    assert isinstance(outcome, TryAgain)
    assert "refuses connections" in outcome.reason


async def test_a_huge_answer_is_cut_and_the_event_is_taken(receiver: Receiver, http: HttpPort) -> None:
    receiver.say("200 OK", body=b"x" * 1_000_000)
    outcome = await deliver(link_to(receiver.url, http))

    assert isinstance(outcome, Delivered)
    assert len(outcome.answer) <= 64 * 1024


async def test_an_event_that_is_no_longer_wanted_is_not_sent(receiver: Receiver, http: HttpPort) -> None:
    outcome = await deliver(link_to(receiver.url, http, events="call.final"))

    assert isinstance(outcome, NotSent)
    assert "call.ringing" in outcome.reason
    assert receiver.peer.connections == 0
