"""Sending: where to, signed how, sent again how, and what answers mean."""

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from switchhook.connectors.voipcloud.as_pbx import SIDE
from switchhook.connectors.voipcloud.pbx.probing import probe
from switchhook.connectors.voipcloud.pbx.sending import HEARD, deliver, hears_for
from switchhook.connectors.voipcloud.pbx.targets import EVENTS, targets_of
from switchhook.core.call import Change, ChangeKind
from switchhook.core.connector import Finding, Link
from switchhook.core.edge import Reply, Request
from switchhook.core.errors import BadMessage, Misconfigured
from switchhook.core.outcome import Delivered, GiveUp, Locked, Outcome, TryAgain
from tests.connectors.planfix.hub import real_net
from tests.connectors.planfix.peer import Behaviour, listening, says, says_in_turn
from tests.connectors.voipcloud.office import ANSWERED, MISSED, at, hub, link

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
NOW = datetime(2026, 3, 2, 1, 16, tzinfo=UTC)
ENDED = Change(kind=ChangeKind.LEG_ENDED, at=at("01:15:44"), extensions=("2041",))
RANG = Change(kind=ChangeKind.LEG_RINGING, at=at("01:14:09"), extensions=("2041",))


async def sent(
    behave: Behaviour, settings: Mapping[str, str] | None = None, *, times: int = 1
) -> tuple[list[Outcome], Sequence[Request], Link]:
    """Send one change so many times, a minute apart; give what it came to, what was sent, and the link."""
    async with listening(behave) as peer, real_net() as net:
        to = link({"url": f"{peer.url}/events", **(settings or {})}, http=net)
        played = hub(to)
        outcomes: list[Outcome] = []
        for attempt in range(times):
            when = NOW + timedelta(minutes=attempt)
            outcomes.append(await deliver(ENDED, ANSWERED, played.link, played, at=when))
    return outcomes, peer.requests, played.link


async def outcome_of(behave: Behaviour, **settings: str) -> Outcome:
    (outcome,), _, _ = await sent(behave, settings)
    return outcome


async def test_a_message_that_is_sent_again_is_the_same_to_the_byte() -> None:
    replies = [Reply(status=503), Reply(status=500), Reply(status=200)]

    outcomes, requests, _ = await sent(says_in_turn(replies), {"signing_secret": SECRET}, times=3)

    assert [type(one) for one in outcomes] == [TryAgain, TryAgain, Delivered]
    assert len({request.body for request in requests}) == 1
    assert len({request.headers["x-pbx-delivery"] for request in requests}) == 1
    assert len({request.headers["webhook-id"] for request in requests}) == 1
    # The signature has the time of sending in it, so that a late copy of it is worth nothing.
    assert len({request.headers["webhook-signature"] for request in requests}) == 3


async def test_every_message_has_an_id_of_its_own() -> None:
    async with listening(says()) as peer, real_net() as net:
        for connection in ("c1", "c2"):
            for change in (RANG, ENDED):
                for one in (ANSWERED, MISSED):
                    to = Link(**{**vars(link({"url": peer.url}, http=net)), "id": connection})
                    await deliver(change, one, to, hub(to), at=NOW)

    assert len({request.headers["x-pbx-delivery"] for request in peer.requests}) == 8


async def test_without_a_signing_secret_nothing_is_signed() -> None:
    _, (request,), _ = await sent(says())

    assert not [name for name in request.headers if name.startswith("webhook-")]
    assert request.headers["x-pbx-token"] == "office-secret"


async def signed(at_time: datetime | None = None) -> Request:
    async with listening(says()) as peer, real_net() as net:
        to = link({"url": peer.url, "signing_secret": SECRET}, http=net)
        await deliver(ENDED, ANSWERED, to, hub(to), at=at_time or datetime.now(UTC))
    return peer.requests[0]


async def test_a_verifier_of_standard_webhooks_takes_our_signature() -> None:
    request = await signed()

    said = Webhook(SECRET).verify(request.body, dict(request.headers))

    assert said["type"] == "user_inbound_completed"


@pytest.mark.parametrize(
    ("what", "body", "headers"),
    [
        ("forged", b"", {"webhook-signature": "v1," + base64.b64encode(bytes(32)).decode()}),
        ("of another message", b"", {"webhook-id": "another"}),
        ("its body changed", b'{"type":"user_inbound"}', {}),
        ("its body cut", b"cut", {}),
        ("its time changed", b"", {"webhook-timestamp": str(int(datetime.now(UTC).timestamp()) - 30)}),
        ("unsigned", b"", {"webhook-signature": ""}),
    ],
)
async def test_a_verifier_refuses_what_is_not_as_we_sent_it(
    what: str, body: bytes, headers: dict[str, str]
) -> None:
    request = await signed()
    changed = request.body[:-10] if body == b"cut" else body or request.body

    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(changed, {**request.headers, **headers})


@pytest.mark.parametrize("minutes", [-6, 6])
async def test_a_verifier_refuses_a_message_of_another_time(minutes: int) -> None:
    request = await signed(datetime.now(UTC) + timedelta(minutes=minutes))

    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(request.body, dict(request.headers))


async def test_another_secret_signs_otherwise() -> None:
    request = await signed()

    with pytest.raises(WebhookVerificationError):
        Webhook(base64.b64encode(bytes(32)).decode()).verify(request.body, dict(request.headers))


@pytest.mark.parametrize(
    "secret", ["short", "whsec_", "whsec_" + "A" * 31, "not base64 at all, but long enough"]
)
async def test_a_signing_secret_that_is_none_stops_the_connection_and_is_not_shown(secret: str) -> None:
    outcomes, requests, _ = await sent(says(), {"signing_secret": secret})

    (outcome,) = outcomes
    assert isinstance(outcome, Locked)
    assert "whsec_ and base64" in outcome.reason
    assert secret.removeprefix("whsec_") not in outcome.reason or secret == "whsec_"
    assert not requests


@pytest.mark.parametrize("status", [200, 201, 202, 203, 204, 206, 299])
async def test_every_success_is_one(status: int) -> None:
    assert isinstance(await outcome_of(says(status)), Delivered)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, GiveUp),
        (401, Locked),
        (403, Locked),
        (404, GiveUp),
        (408, TryAgain),
        (413, GiveUp),
        (422, GiveUp),
        (425, TryAgain),
        (429, TryAgain),
        (500, TryAgain),
        (503, TryAgain),
    ],
)
async def test_what_other_answers_mean(status: int, kind: type[Outcome]) -> None:
    assert isinstance(await outcome_of(says(status)), kind)


async def test_nobody_there_is_tried_again() -> None:
    outcome = await outcome_of(says(), url="http://127.0.0.1:9/")

    assert isinstance(outcome, TryAgain)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("120", 120.0), ("Mon, 02 Mar 2026 01:18:00 GMT", 120.0), ("soon", None), ("-5", None)],
)
async def test_a_receiver_may_ask_to_wait(header: str, seconds: float | None) -> None:
    outcome = await outcome_of(says(429, Retry_After=header))

    assert isinstance(outcome, TryAgain)
    assert outcome.retry_after_seconds == seconds


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_nobody_is_followed_elsewhere(status: int) -> None:
    async with listening(says()) as elsewhere:
        outcome = await outcome_of(says(status, Location=f"{elsewhere.url}/stolen"))

    assert isinstance(outcome, GiveUp)
    assert str(status) in outcome.reason
    assert elsewhere.requests == []


async def test_a_farewell_stops_the_connection_and_its_own_trials() -> None:
    (outcome,), _, left = await sent(says(410))

    assert isinstance(outcome, Locked)
    assert "410" in outcome.reason
    findings, requests = await tried(says(), url=left.settings["url"], state=left)
    assert not findings[0].is_ok
    assert requests == []


async def test_a_farewell_is_forgotten_once_the_address_takes_events_again() -> None:
    outcomes, _, left = await sent(says_in_turn([Reply(status=410), Reply(status=200)]), times=2)

    assert [type(one) for one in outcomes] == [Locked, Delivered]
    assert not left.state["gone"]


async def test_events_may_go_to_addresses_of_their_own() -> None:
    async with listening(says()) as peer, real_net() as net:
        own = f"user_inbound={peer.url}/rings?a=1,2, queue_call={peer.url}/sums"
        to = link({"url": f"{peer.url}/rest", "event_urls": own}, http=net)
        final = Change(kind=ChangeKind.CALL_FINAL, at=NOW)
        for change in (RANG, ENDED, final):
            await deliver(change, ANSWERED, to, hub(to), at=NOW)

    assert [request.path for request in peer.requests] == ["/rings", "/rest", "/sums"]
    assert peer.requests[0].query == {"a": "1,2"}


def test_every_event_is_ticked_unless_some_are_named() -> None:
    settings = {"url": "https://crm.example.org"}

    assert len(targets_of(link(settings)).ticked) == len(EVENTS) == 11
    assert len(targets_of(link({**settings, "events": ""})).ticked) == 11
    some = targets_of(link({**settings, "events": "Voicemail, queue_call user_inbound"})).ticked
    assert sorted(kind.value for kind in some) == ["queue_call", "user_inbound", "voicemail"]


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"url": ""}, "url"),
        ({"events": "user_inbound,calls"}, "events"),
        ({"event_urls": "calls=https://a.example"}, "event_urls"),
        ({"event_urls": "voicemail="}, "event_urls"),
        ({"event_urls": "https://a.example"}, "event_urls"),
    ],
)
def test_a_setting_that_is_wrong_is_named(settings: dict[str, str], field: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        targets_of(link({"url": "https://crm.example.org", **settings}))

    assert caught.value.field == field


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("events", "voicemail, queue_call", "voicemail, calls"),
        ("event_urls", "voicemail=https://a.example/b,c", "voicemail=a.example"),
        ("signing_secret", SECRET, "whsec_short-canary"),
    ],
)
def test_a_setting_is_judged_when_it_is_set(name: str, good: str, bad: str) -> None:
    check = next(one.check for one in SIDE.fields if one.name == name)
    assert check is not None

    check(good)
    with pytest.raises(BadMessage) as caught:
        check(bad)
    assert "canary" not in caught.value.reason


@pytest.mark.parametrize(
    ("events", "heard"),
    [
        ("all", sorted(ChangeKind(kind) for kind in HEARD)),
        ("user_inbound, user_outbound_completed", [ChangeKind.LEG_ENDED, ChangeKind.LEG_RINGING]),
        ("ring_group_call", [ChangeKind.CALL_FINAL]),
        ("voicemail", [ChangeKind.RECORDING_READY]),
        ("no such event", sorted(ChangeKind(kind) for kind in HEARD)),
    ],
)
def test_what_no_event_tells_is_not_queued(events: str, heard: list[ChangeKind]) -> None:
    is_heard = hears_for(link({"url": "https://crm.example.org", "events": events}))

    assert sorted(kind for kind in ChangeKind if is_heard(Change(kind=kind, at=NOW))) == heard


async def test_a_wrong_setting_stops_the_connection() -> None:
    assert isinstance(await outcome_of(says(), events="calls"), Locked)


async def test_a_forbidden_address_stops_the_connection() -> None:
    async with listening(says()) as peer, real_net() as net:
        to = link({"url": "file:///etc/passwd"}, http=net)
        outcome = await deliver(ENDED, ANSWERED, to, hub(to), at=NOW)

    assert isinstance(outcome, Locked)
    assert peer.requests == []


async def tried(
    behave: Behaviour, *, state: Link | None = None, **settings: str
) -> tuple[Sequence[Finding], Sequence[Request]]:
    async with listening(behave) as peer, real_net() as net:
        given = {"url": f"{peer.url}/events", **settings}
        to = link(given, http=net, state=state.state if state else None)
        findings = await probe(to, hub(to), at=NOW)
    return findings, peer.requests


async def test_a_trial_tells_of_no_call() -> None:
    findings, (request,) = await tried(says(), signing_secret=SECRET)

    assert [one.is_ok for one in findings] == [True, True]
    assert (request.method, json.loads(request.body)) == ("POST", [])
    assert request.headers["x-pbx-token"] == "office-secret"
    assert "webhook-signature" in request.headers


@pytest.mark.parametrize(
    ("status", "is_ok", "words"),
    [
        (400, True, "empty list"),
        (422, True, "empty list"),
        (401, False, "key"),
        (403, False, "key"),
        (404, False, "404"),
        (405, False, "405"),
        (410, False, "410"),
        (302, False, "302"),
        (500, False, "500"),
    ],
)
async def test_a_trial_says_what_is_wrong(status: int, is_ok: bool, words: str) -> None:
    findings, _ = await tried(says(status))

    assert findings[0].is_ok is is_ok
    assert words in findings[0].detail


async def test_a_trial_tries_every_address_that_is_used() -> None:
    async with listening(says()) as own:
        findings, requests = await tried(
            says(404), events="voicemail,user_inbound", event_urls=f"voicemail={own.url}/vm"
        )

    assert [one.is_ok for one in findings] == [False, True, True]
    assert (len(requests), len(own.requests)) == (1, 1)


async def test_a_trial_of_wrong_settings_sends_nothing() -> None:
    findings, requests = await tried(says(), events="calls")

    assert [one.is_ok for one in findings] == [False]
    assert not requests


def test_secrets_are_marked_as_such() -> None:
    assert {one.name for one in SIDE.fields if one.is_secret} == {"token", "signing_secret"}
    assert {one.name for one in SIDE.fields if one.is_required} == {"url", "token"}


async def test_what_goes_out_holds_no_key_but_in_its_header() -> None:
    _, (request,), _ = await sent(says(), {"signing_secret": SECRET})

    assert b"office-secret" not in request.body
    assert not [
        name for name, value in request.headers.items() if "office-secret" in value and name != "x-pbx-token"
    ]
