"""Which change makes which event, and what is in it: the samples of the reference, member by member."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from switchhook.connectors.voipcloud.pbx.sending import deliver
from switchhook.core.call import (
    Call,
    Change,
    Direction,
    Disposition,
    LegState,
    Phase,
    Recording,
)
from switchhook.core.directory import GroupKind, Line
from switchhook.core.outcome import Delivered
from tests.connectors.planfix.hub import real_net
from tests.connectors.planfix.peer import listening, says
from tests.connectors.voipcloud.office import (
    ANSWERED,
    CALLER,
    FINAL,
    LINE,
    LINES,
    MISSED,
    OUTBOUND,
    PUBLIC_URL,
    answered,
    at,
    call,
    ended,
    hub,
    leg,
    link,
    rang,
    recorded,
)

KEPT = Recording(url="https://pbx.example.org/1.mp3", is_ready=True, is_kept=True)
GROUPS = {"queue_name": "Reception", "ring_group_name": ""}
INBOUND = {
    "unique_call_id": "177241404931",
    "caller_id": "61299990011",
    "caller_name": "Orchard Dental",
    "user_name": "Mia Tran",
    "user_number": "2041",
    "dest_number": "61280001234",
    "call_start_at": "2026-03-02T01:14:09.000Z",
}
OUT = {
    "unique_call_id": "177241366005",
    "caller_id": "61280001234",
    "caller_name": "",
    "user_name": "Mia Tran",
    "user_number": "2041",
    "dest_number": "6421555010",
    "call_start_at": "2026-03-02T01:07:40.000Z",
}


def as_it_rang(one: Call) -> Call:
    """Give the call as it was while the phone rang."""
    ringing = replace(
        one.legs[0],
        state=LegState.RINGING,
        answered_at=None,
        ended_at=None,
        disposition=None,
        talk_seconds=None,
    )
    return replace(one, phase=Phase.OPEN, disposition=None, legs=(ringing,))


def as_it_talked(one: Call) -> Call:
    talking = replace(one.legs[0], state=LegState.TALKING, ended_at=None, disposition=None, talk_seconds=None)
    return replace(one, phase=Phase.OPEN, disposition=None, legs=(talking,))


async def told(
    change: Change, one: Call, *, lines: Sequence[Line] = LINES, **settings: str
) -> dict[str, Any]:
    async with listening(says()) as peer, real_net() as net:
        to = link({"url": f"{peer.url}/events", **settings}, http=net)
        outcome = await deliver(change, one, to, hub(to, lines=lines), at=at("01:16:00"))
    assert isinstance(outcome, Delivered), outcome
    (request,) = peer.requests
    assert (request.method, request.path, request.content_type) == ("POST", "/events", "application/json")
    assert request.headers["x-pbx-token"] == "office-secret"
    body: dict[str, Any] = json.loads(request.body)
    return body


async def test_a_user_rings() -> None:
    assert await told(rang("2041"), as_it_rang(ANSWERED)) == {"type": "user_inbound", **INBOUND, **GROUPS}


async def test_a_user_answers() -> None:
    assert await told(answered("2041"), as_it_talked(ANSWERED)) == {
        "type": "user_inbound_answered",
        **INBOUND,
        "connected_at": "2026-03-02T01:14:17.000Z",
        **GROUPS,
    }


async def test_a_users_part_is_over() -> None:
    assert await told(ended("2041"), ANSWERED) == {
        "type": "user_inbound_completed",
        **INBOUND,
        "connected_at": "2026-03-02T01:14:17.000Z",
        "call_duration": 95,
        "conversation_duration": 87,
        **GROUPS,
    }


async def test_a_user_who_did_not_answer() -> None:
    said = await told(ended("2042", Disposition.MISSED), MISSED)

    assert said["type"] == "user_inbound_completed"
    assert (said["connected_at"], said["call_duration"], said["conversation_duration"]) == (None, 21, 0)
    assert (said["caller_name"], said["queue_name"], said["ring_group_name"]) == ("", "", "")


async def test_a_loser_of_a_group_was_not_connected() -> None:
    loser = leg("2042", "01:14:09", ended="01:14:17", disposition=Disposition.CANCELLED)

    said = await told(ended("2042", Disposition.CANCELLED), replace(ANSWERED, legs=(*ANSWERED.legs, loser)))

    assert (said["user_number"], said["user_name"], said["connected_at"]) == ("2042", "Leo Park", None)
    assert (said["call_duration"], said["conversation_duration"]) == (8, 0)


async def test_a_user_calls_out() -> None:
    assert await told(rang("2041"), as_it_rang(OUTBOUND)) == {"type": "user_outbound", **OUT}
    assert await told(answered("2041"), as_it_talked(OUTBOUND)) == {
        "type": "user_outbound_answered",
        **OUT,
        "connected_at": "2026-03-02T01:07:52.000Z",
    }
    assert await told(ended("2041"), OUTBOUND) == {
        "type": "user_outbound_completed",
        **OUT,
        "connected_at": "2026-03-02T01:07:52.000Z",
        "call_duration": 44,
        "conversation_duration": 32,
    }


async def test_a_queue_sums_up() -> None:
    assert await told(FINAL, ANSWERED) == {
        "type": "queue_call",
        **INBOUND,
        "call_start_at": "2026-03-02T01:14:02.000Z",
        "connected_at": "2026-03-02T01:14:17.000Z",
        "call_duration": 102,
        "conversation_duration": 87,
        "queue_name": "Reception",
        "status": "answered",
    }


@pytest.mark.parametrize("kind", [GroupKind.RING, GroupKind.HUNT, None])
async def test_every_other_group_is_a_ring_group(kind: GroupKind | None) -> None:
    said = await told(FINAL, replace(MISSED, group="Night", group_kind=kind))

    assert (said["type"], said["ring_group_name"], said["status"]) == (
        "ring_group_call",
        "Night",
        "abandoned",
    )
    assert (said["user_number"], said["connected_at"], said["call_duration"]) == ("2042", None, 21)
    assert "queue_name" not in said


async def test_a_group_whose_kind_nobody_said_is_what_the_address_book_says() -> None:
    said = await told(FINAL, replace(MISSED, group="Reception", group_kind=None))

    assert (said["type"], said["queue_name"]) == ("queue_call", "Reception")


async def test_a_call_that_names_no_group_came_through_that_of_its_line() -> None:
    lines = [Line(id=1, number="(02) 8000 1234", name="Main", group="Reception")]

    said = await told(FINAL, MISSED, lines=lines)
    rings = await told(rang("2042"), as_it_rang(MISSED), lines=lines)

    assert (said["type"], said["queue_name"]) == ("queue_call", "Reception")
    assert rings["queue_name"] == "Reception"


async def test_a_recording_of_a_talk_in() -> None:
    said = await told(recorded("2041"), replace(ANSWERED, recordings=(KEPT,)))

    assert said == {
        "type": "recording_inbound",
        "unique_call_id": "177241404931",
        "caller_id": "61299990011",
        "dest_number": "61280001234",
        "recorded_at": "2026-03-02T01:15:44.000Z",
        "emails": "",
        "email_subject": "Call recording",
        "email_message": "Unique call id 177241404931",
        "call_recording_link": f"{PUBLIC_URL}/r/token-177241404931",
    }


async def test_a_recording_of_a_talk_out() -> None:
    second = replace(OUTBOUND, recordings=(KEPT, KEPT))

    said = await told(recorded("2041", index=1), second)

    assert said == {
        "type": "recording_outbound",
        "unique_call_id": "177241366005",
        "caller_id": "61280001234",
        "user_name": "Mia Tran",
        "user_number": "2041",
        "dest_number": "6421555010",
        "recorded_at": "2026-03-02T01:08:24.000Z",
        "emails": "",
        "email_subject": "Call recording",
        "email_message": "Unique call id 177241366005",
        "call_recording_link": f"{PUBLIC_URL}/r/token-177241366005/2",
    }


async def test_what_was_recorded_of_a_missed_call_is_a_voice_message() -> None:
    said = await told(recorded(), replace(MISSED, recordings=(KEPT,)))

    assert said == {
        "type": "voicemail",
        "unique_call_id": "177241380212",
        "caller_id": "61299990011",
        "dest_number": "61280001234",
        "recorded_at": "2026-03-02T01:10:23.000Z",
        "emails": "",
        "email_subject": "Voicemail from 61299990011",
        "email_message": "Unique call id 177241380212",
        "audio_file": [f"{PUBLIC_URL}/r/token-177241380212"],
    }


async def test_a_link_that_could_not_be_copied_stays_the_peers_own() -> None:
    only_there = Recording(url="https://pbx.example.org/1.mp3", is_ready=True)

    said = await told(recorded("2041"), replace(ANSWERED, recordings=(only_there,)))

    assert said["call_recording_link"] == "https://pbx.example.org/1.mp3"


async def test_a_second_ring_is_told_with_its_own_times() -> None:
    first = leg("2041", "02:00:00", ended="02:00:10", disposition=Disposition.CANCELLED)
    second = leg("2041", "02:00:30", "02:00:35", ended="02:01:35", attempt=2)
    twice = call("6", "02:00:00", first, second)

    said = [await told(replace(ended("2041"), attempt=attempt), twice) for attempt in (1, 2)]

    assert [(one["call_start_at"][11:19], one["call_duration"]) for one in said] == [
        ("02:00:00", 10),
        ("02:00:30", 65),
    ]
    assert [one["connected_at"] for one in said] == [None, "2026-03-02T02:00:35.000Z"]


async def test_all_events_of_a_ring_have_one_beginning_that_of_the_pbxs_own_clock() -> None:
    """A PBX whose clock is five seconds fast; what the hub hears has the hub's own times."""
    fast = replace(ANSWERED, legs=(replace(ANSWERED.legs[0], began_at=at("01:14:14")),))

    said = [
        await told(rang("2041"), as_it_rang(fast)),
        await told(answered("2041"), as_it_talked(fast)),
        await told(ended("2041"), fast),
    ]

    assert {one["call_start_at"] for one in said} == {"2026-03-02T01:14:14.000Z"}
    assert said[1]["connected_at"] == said[2]["connected_at"] == "2026-03-02T01:14:22.000Z"
    assert (said[2]["call_duration"], said[2]["conversation_duration"]) == (95, 87)


async def test_a_call_between_users_is_told_to_each_from_their_side() -> None:
    inside = call(
        "7",
        "02:00:00",
        leg("2041", "02:00:00", "02:00:05", ended="02:00:15"),
        leg("2042", "02:00:01", "02:00:05", ended="02:00:15"),
        direction=Direction.INTERNAL,
        number="2042",
        did=None,
    )

    said = [await told(ended(extension), inside) for extension in ("2041", "2042")]

    assert [one["type"] for one in said] == ["user_outbound_completed", "user_inbound_completed"]
    assert {(one["caller_id"], one["dest_number"]) for one in said} == {("2041", "2042")}
    assert {one["unique_call_id"] for one in said} == {"7"}


async def test_an_id_that_is_no_number_becomes_one_and_the_click_gives_it_when_there_was_one() -> None:
    elsewhere = replace(MISSED, shared_id="K-77")

    plain = await told(rang("2042"), as_it_rang(elsewhere))
    clicked = await told(rang("2042"), as_it_rang(replace(elsewhere, dial_id="177241500904")))

    assert plain["unique_call_id"].isdigit()
    assert len(plain["unique_call_id"]) <= 18
    assert clicked["unique_call_id"] == "177241500904"


@pytest.mark.parametrize(
    ("number", "did", "caller_id", "dest_number"),
    [
        ("02 9999 0011", LINE, "61299990011", "61280001234"),
        ("anonymous", LINE, "anonymous", "61280001234"),
        (CALLER, None, "61299990011", "2042"),
    ],
)
async def test_numbers_are_digits_as_this_family_writes_them(
    number: str, did: str | None, caller_id: str, dest_number: str
) -> None:
    said = await told(rang("2042"), as_it_rang(replace(MISSED, number=number, did=did)))

    assert (said["caller_id"], said["dest_number"]) == (caller_id, dest_number)


async def test_a_user_whom_the_address_book_does_not_know_has_no_name() -> None:
    said = await told(rang("2099"), call("8", "02:00:00", leg("2099", "02:00:00", ended="02:00:10")))

    assert (said["user_number"], said["user_name"]) == ("2099", "")
