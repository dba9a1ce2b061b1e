"""What an account is told of a call, and what it is not told and why."""

from typing import Any

import pytest
from msgspec.structs import replace

from switchhook.core.call import CallReport, Direction, Disposition, Recording, Tick
from switchhook.core.edge import Reply, reply_json
from switchhook.core.outcome import Delivered, GiveUp, Locked, NotSent, TryAgain
from tests.connectors.retailcrm.hub import API_KEY, NOW, VERA, crm_hub
from tests.connectors.retailcrm.telling import (
    DID,
    IN,
    OUT,
    account,
    answers,
    deliver,
    ends,
    rings,
    sent,
    steps_of,
)

ANSWERED, CANCELLED = Disposition.ANSWERED, Disposition.CANCELLED
EVENT = {"phone": "+79261234567", "externalPhone": DID, "callExternalId": "pbx-8f21"}
HANGUP = {**EVENT, "type": "hangup"}


def talk() -> Any:
    """A group of two rings, 204 answers, both end."""
    return steps_of(
        [rings("204"), rings("205")],
        [answers("204"), ends("205", CANCELLED)],
        ends("204", ANSWERED, talk_seconds=10, is_recorded=True),
    )


async def test_tells_a_group_call_from_ring_to_record() -> None:
    async with account() as (peer, hub):
        outcomes = await deliver(talk(), hub)

    assert sent(peer) == [
        ("event", {**EVENT, "type": "in", "codes": ["204", "205"]}),
        ("event", {**HANGUP, "codes": ["205"]}),
        ("event", {**HANGUP, "codes": ["204"], "hangupStatus": "answered"}),
        (
            "upload",
            [
                {
                    "date": "2026-03-04 10:15:30",
                    "type": "in",
                    "phone": "+79261234567",
                    "code": "204",
                    "result": "answered",
                    "duration": 10,
                    "durationWaiting": 10,
                    "externalId": "pbx-8f21",
                    "recordUrl": "https://hub.example/r/t0ken",
                    "externalPhone": DID,
                }
            ],
        ),
    ]
    assert [type(outcome) for outcome in outcomes] == [Delivered] * 4


async def test_sends_the_key_in_a_header_and_the_form_urlencoded() -> None:
    async with account() as (peer, hub):
        await deliver(talk(), hub)

    first = peer.requests[0]
    assert (first.method, first.path, first.content_type) == (
        "POST",
        "/api/v5/telephony/call/event",
        "application/x-www-form-urlencoded",
    )
    assert (first.headers["x-api-key"], first.headers["accept"]) == (API_KEY, "application/json")
    assert first.headers["user-agent"].startswith("Switchhook/")
    assert b"+79261234567" not in first.body
    assert b"%2B79261234567" in first.body


@pytest.mark.parametrize(
    ("how", "direction", "status", "result"),
    [
        (Disposition.MISSED, IN, "no answered", "no answer"),
        (Disposition.ABANDONED, IN, "cancel", "no answer"),
        (Disposition.NO_ANSWER, OUT, "no answered", "no answer"),
        (Disposition.BUSY, OUT, "busy", "busy"),
        (Disposition.FAILED, OUT, "failed", "failed"),
        (Disposition.UNREACHABLE, OUT, "failed", "failed"),
        (Disposition.FORBIDDEN, OUT, "failed", "not allowed"),
    ],
)
async def test_says_how_nobody_talked(
    how: Disposition, direction: Direction, status: str, result: str
) -> None:
    async with account() as (peer, hub):
        await deliver(steps_of(rings("204", direction), ends("204", how, direction)), hub)

    kinds = [(name, said["type"] if name == "event" else said[0]["result"]) for name, said in sent(peer)]
    assert kinds == [
        ("event", "in" if direction is IN else "out"),
        ("event", "hangup"),
        ("upload", result),
    ]
    assert sent(peer)[1][1]["hangupStatus"] == status


async def test_a_missed_group_is_one_hang_up_with_every_code() -> None:
    missed = steps_of(
        [rings("204"), rings("205")],
        [ends("204", Disposition.MISSED), ends("205", Disposition.MISSED)],
    )
    async with account() as (peer, hub):
        await deliver(missed, hub)

    hangups = [said for name, said in sent(peer) if name == "event" and said["type"] == "hangup"]
    assert hangups == [{**HANGUP, "codes": ["204", "205"], "hangupStatus": "no answered"}]


async def test_a_call_told_afterwards_is_only_history() -> None:
    report = CallReport(
        call_id="pbx-8f21",
        direction=IN,
        number="+79261234567",
        started_at=NOW,
        disposition=ANSWERED,
        extension="204",
        talk_seconds=5,
    )
    async with account() as (peer, hub):
        await deliver(steps_of(report), hub)

    assert [name for name, _ in sent(peer)] == ["upload"]


async def test_carries_call_tracking_both_ways_of_the_protocol() -> None:
    custom = {"utm_source": "yandex", "utm_campaign": "spring", "ga_client_id": "GA1", "note": "x"}
    steps = steps_of(rings("204", custom=custom), ends("204", ANSWERED, talk_seconds=1))
    async with account() as (peer, hub):
        await deliver(steps, hub)

    ring, *_, (_, [row]) = sent(peer)
    assert ring[1]["webAnalyticsData"] == {
        "campaign": {"name": "spring"},
        "queryString": "utm_source=yandex&utm_campaign=spring",
    }
    assert (row["source"], row["clientId"]) == ({"source": "yandex", "campaign": "spring"}, "GA1")


async def test_strips_the_plus_of_uploads_alone() -> None:
    async with account(settings={"strip_plus": "true", "site": "shop1"}) as (peer, hub):
        await deliver(talk(), hub)

    phones = [said["phone"] if name == "event" else said[0]["phone"] for name, said in sent(peer)]
    sites = [said["site"] if name == "event" else said[0]["site"] for name, said in sent(peer)]
    assert phones == ["+79261234567"] * 3 + ["79261234567"]
    assert sites == ["shop1"] * 4


async def test_names_the_user_where_the_account_has_no_code() -> None:
    state = {
        "is_registered": True,
        "codes": [{"user_id": 18, "code": "205"}],
        "users": [{"user_id": 17, "code": "204"}],
    }
    async with account(state=state) as (peer, hub):
        await deliver(talk(), hub)

    [row] = sent(peer)[-1][1]
    assert (row.get("code"), row["userId"]) == (None, 17)


async def test_a_recording_that_could_not_be_copied_keeps_its_own_link() -> None:
    *steps, (changes, call) = talk()
    kept = Recording(url="https://pbx.example/1.mp3", is_ready=True)
    async with account() as (peer, hub):
        await deliver([*steps, (changes, replace(call, recordings=(kept,)))], hub)

    assert sent(peer)[-1][1][0]["recordUrl"] == "https://pbx.example/1.mp3"


NOT_SENT: list[tuple[str, Any, dict[str, Any], str]] = [
    (
        "an unknown extension",
        steps_of(rings("299"))[:1],
        {},
        "the account does not know extension 299: set it in the settings of the module",
    ),
    ("nobody yet", steps_of(rings(""))[:1], {}, "no extension is known yet, and a card needs one"),
    ("internal", steps_of(rings("204", Direction.INTERNAL))[:1], {}, "an internal call"),
    ("direction", steps_of(rings("204", Direction.UNKNOWN))[:1], {}, "it is not known who called whom"),
    (
        "withheld",
        steps_of(rings("204", number="anonymous"))[:1],
        {},
        "the number is withheld, and the CRM needs one",
    ),
    (
        "switched off",
        talk(),
        {"activity": {"is_active": False, "is_frozen": False}},
        "the module is switched off in the CRM",
    ),
    (
        "frozen",
        talk(),
        {"activity": {"is_active": True, "is_frozen": True}},
        "the module is frozen in the CRM",
    ),
]


@pytest.mark.parametrize(
    ("steps", "state", "reason"), [case[1:] for case in NOT_SENT], ids=[case[0] for case in NOT_SENT]
)
async def test_says_why_nothing_was_sent(steps: Any, state: dict[str, Any], reason: str) -> None:
    hub = crm_hub()
    await hub.pair(state=state)

    outcomes = await deliver(steps, hub)

    assert set(outcomes) == {NotSent(reason)}


async def test_does_not_tell_of_an_employee_who_calls_from_their_own_phone() -> None:
    hub = crm_hub()
    hub.book.people = [replace(VERA, numbers=("+79261234567",))]

    assert set(await deliver(talk(), hub)) == {NotSent("the own number of Vera Orlova")}


NOT_ENABLED = reply_json(400, {"success": False, "errorMsg": "Telephony not enabled"})


async def test_history_waits_for_the_registration_and_a_card_does_not() -> None:
    async with account(NOT_ENABLED) as (_, hub):
        await hub.pair(state={"is_registered": False})
        card, *_, record = await deliver(talk(), hub)

    reason = "the module is not registered in the CRM yet: the CRM said 400: Telephony not enabled"
    assert card == NotSent(reason)
    assert record == TryAgain(reason, 30)


async def test_an_account_that_takes_calls_gets_them_before_we_know_that_we_are_registered() -> None:
    async with account() as (_, hub):
        await hub.pair(state={"is_registered": False})
        outcomes = await deliver(talk()[:1], hub)

    assert [type(outcome) for outcome in outcomes] == [Delivered]


async def test_a_correction_is_shown_as_not_carried() -> None:
    clock = [Tick(call_id="pbx-8f21")] * 5
    raised = steps_of(
        rings("204"), ends("204", Disposition.MISSED), *clock, ends("204", ANSWERED, talk_seconds=7)
    )
    async with account() as (_, hub):
        outcomes = await deliver(raised, hub)

    reason = "retailCRM keeps an uploaded call as it is: missed is now answered"
    assert NotSent(reason) in outcomes


PAGE = Reply(status=405, body=b"<html>", content_type="text/html")
ANSWERS: list[tuple[str, Reply, type, str]] = [
    ("success", reply_json(200, {"success": True}), Delivered, ""),
    (
        "warning",
        reply_json(200, {"success": True, "notExistCodes": ["204"]}),
        Delivered,
        "the account does not know extension 204",
    ),
    (
        "refusal with status 200",
        reply_json(200, {"success": False, "errorMsg": "Telephony not enabled"}),
        GiveUp,
        "the CRM said 200: Telephony not enabled",
    ),
    (
        "bad entity",
        reply_json(
            400, {"success": False, "errorMsg": "Errors in the entity format", "errors": {"type": "no"}}
        ),
        GiveUp,
        "the CRM said 400: Errors in the entity format (type: no)",
    ),
    (
        "errors as a list",
        reply_json(400, {"success": False, "errorMsg": "Validation error", "errors": ["bad"]}),
        GiveUp,
        "the CRM said 400: Validation error (0: bad)",
    ),
    (
        "key",
        reply_json(403, {"success": False, "errorMsg": 'Wrong "apiKey" value.'}),
        Locked,
        'the CRM said 403: Wrong "apiKey" value.',
    ),
    (
        "key with status 200",
        reply_json(200, {"success": False, "errorMsg": '"apiKey" is missing.'}),
        Locked,
        'the CRM said 200: "apiKey" is missing.',
    ),
    ("no account", PAGE, Locked, "the CRM said 405: no JSON"),
    (
        "rate",
        reply_json(503, {"success": False, "errorMsg": "Rate limit exceeded"}),
        TryAgain,
        "the CRM said 503: Rate limit exceeded",
    ),
    ("429", reply_json(429, {}), TryAgain, "the CRM said 429: no reason"),
    ("failing", Reply(status=500, body=b""), TryAgain, "the CRM said 500: no JSON"),
    ("a page", Reply(status=200, body=b"<html>"), GiveUp, "the CRM said 200: no JSON"),
    ("redirect", Reply(status=302, body=b""), GiveUp, "the CRM said 302: no JSON"),
]


@pytest.mark.parametrize(
    ("reply", "kind", "reason"), [case[1:] for case in ANSWERS], ids=[case[0] for case in ANSWERS]
)
async def test_reads_the_account_s_answer(reply: Reply, kind: type, reason: str) -> None:
    async with account(reply) as (_, hub):
        [outcome] = await deliver(talk()[:1], hub)

    assert isinstance(outcome, kind)
    assert (getattr(outcome, "reason", None) or getattr(outcome, "note", None) or "") == reason


async def test_an_account_that_is_away_is_tried_again() -> None:
    [outcome] = await deliver(talk()[:1], crm_hub())

    assert isinstance(outcome, TryAgain)


async def test_a_repeated_upload_is_done() -> None:
    repeated = reply_json(200, {"success": True, "processedCallsCount": 0, "duplicateCalls": ["pbx-8f21"]})
    async with account(reply_json(200, {"success": True}), repeated) as (_, hub):
        *_, last = await deliver(talk(), hub)

    assert isinstance(last, Delivered)
    assert last.note == "the account had it already"
