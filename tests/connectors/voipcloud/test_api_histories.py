"""The three histories: rows as three known clients read them, and which rows come."""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from switchhook.core.call import Direction, Disposition, LegState, Phase
from switchhook.core.directory import GroupKind
from tests.connectors.voipcloud.office import (
    ANSWERED,
    CALLER,
    MISSED,
    OUTBOUND,
    QUEUES,
    RING_GROUPS,
    SAMPLES,
    USERS,
    api,
    call,
    get,
    leg,
    rows,
)
from tests.connectors.voipcloud.readers import (
    read_as_strict,
    read_as_typed,
    read_groups_as_loose,
)


async def test_rows_of_users_are_those_of_the_reference() -> None:
    reply = await api(*SAMPLES).answer(get(USERS))

    assert reply.content_type == "application/json; charset=utf-8"
    assert json.loads(reply.body) == {
        "status": "success",
        "code": 200,
        "message": "success",
        "data": [
            {
                "unique_call_id": "177241404931",
                "type": "user_inbound_answered",
                "caller_id": "61299990011",
                "caller_name": "Orchard Dental",
                "dest_number": "61280001234",
                "user_name": "Mia Tran",
                "user_number": "2041",
                "call_start_at": "2026-03-02T01:14:09.000Z",
                "connected_at": "2026-03-02T01:14:17.000Z",
                "call_duration": 95,
                "conversation_duration": 87,
            },
            {
                "unique_call_id": "177241380212",
                "type": "user_inbound_missed",
                "caller_id": "61299990011",
                "caller_name": None,
                "dest_number": "61280001234",
                "user_name": "Leo Park",
                "user_number": "2042",
                "call_start_at": "2026-03-02T01:10:02.000Z",
                "connected_at": None,
                "call_duration": 21,
                "conversation_duration": 0,
            },
            {
                "unique_call_id": "177241366005",
                "type": "user_outbound_answered",
                "caller_id": "61280001234",
                "caller_name": None,
                "dest_number": "6421555010",
                "user_name": "Mia Tran",
                "user_number": "2041",
                "call_start_at": "2026-03-02T01:07:40.000Z",
                "connected_at": "2026-03-02T01:07:52.000Z",
                "call_duration": 44,
                "conversation_duration": 32,
            },
        ],
    }


async def test_a_row_of_a_queue_is_that_of_the_reference() -> None:
    (row,) = await rows(QUEUES)

    assert row == {
        "unique_call_id": "177241404931",
        "queue_name": "Reception",
        "callerid": "61299990011",
        "caller_id": "61299990011",
        "caller_name": "Orchard Dental",
        "dest_number": "61280001234",
        "user_name": "Mia Tran",
        "user_number": "2041",
        "call_start_at": "2026-03-02T01:14:02.000Z",
        "connected_at": "2026-03-02T01:14:17.000Z",
        "call_duration": 102,
        "conversation_duration": 87,
        "status": "answered",
    }


async def test_a_ring_group_has_its_own_name_for_its_name() -> None:
    hunted = replace(MISSED, group="Night", group_kind=GroupKind.HUNT)

    (row,) = await rows(RING_GROUPS, "", hunted)

    assert (row["ring_group_name"], row["status"]) == ("Night", "abandoned")
    assert "queue_name" not in row
    assert await rows(QUEUES, "", hunted) == []


@pytest.mark.parametrize("path", [USERS, QUEUES, RING_GROUPS])
async def test_a_client_with_one_class_of_row_reads_all_three(path: str) -> None:
    calls = [*SAMPLES, replace(MISSED, id="x", group="Night", group_kind=GroupKind.RING)]

    reply = await api(*calls).answer(get(path))

    assert [row.caller_id for row in read_as_typed(reply.body)][:1] == ["61299990011"]


async def test_a_client_with_a_contract_reads_the_rows_of_its_user() -> None:
    reply = await api(*SAMPLES).answer(get(USERS, "limit=10000"))

    assert len(read_as_strict(reply.body, "2041")) == 2


async def test_a_loose_client_reads_groups_rows() -> None:
    calls = [ANSWERED, replace(MISSED, group="Reception", group_kind=GroupKind.QUEUE)]

    reply = await api(*calls).answer(get(QUEUES))

    assert read_groups_as_loose(reply.body) == [("61299990011", "answered"), ("61299990011", "abandoned")]


async def test_a_call_that_rang_three_users_is_three_rows() -> None:
    rang = [leg(one, "02:00:00", ended="02:00:10") for one in ("2041", "2042", "2043")]

    found = await rows(USERS, "", call("5", "02:00:00", *rang))

    assert {row["user_number"] for row in found} == {"2041", "2042", "2043"}
    assert {row["unique_call_id"] for row in found} == {"5"}


async def test_several_rings_of_one_user_are_one_row_with_all_of_their_seconds() -> None:
    twice = call(
        "6",
        "02:00:00",
        leg("2041", "02:00:00", ended="02:00:10"),
        leg("2041", "02:00:30", "02:00:35", ended="02:01:35", attempt=2),
    )

    (row,) = await rows(USERS, "", twice)

    assert (row["call_start_at"], row["connected_at"]) == (
        "2026-03-02T02:00:00.000Z",
        "2026-03-02T02:00:35.000Z",
    )
    assert (row["call_duration"], row["conversation_duration"]) == (75, 60)


async def test_a_call_between_users_is_outbound_to_one_and_inbound_to_the_other() -> None:
    inside = call(
        "7",
        "02:00:00",
        leg("2041", "02:00:00", "02:00:05", ended="02:00:15"),
        direction=Direction.INTERNAL,
        number="2042",
        did=None,
    )

    found = {row["user_number"]: row for row in await rows(USERS, "", inside)}

    assert found["2041"]["type"] == "user_outbound_answered"
    assert (found["2041"]["caller_id"], found["2041"]["dest_number"]) == ("2041", "2042")
    assert found["2042"]["type"] == "user_inbound_answered"
    assert (found["2042"]["caller_id"], found["2042"]["dest_number"]) == ("2041", "2042")


@pytest.mark.parametrize(
    ("more", "caller_id", "dest_number"),
    [
        ({"number": ""}, "anonymous", "61280001234"),
        ({"number": "Anonymous"}, "anonymous", "61280001234"),
        ({"did": None}, "61299990011", "2042"),
        ({"number": "300", "did": "100"}, "300", "100"),
    ],
)
async def test_what_a_client_must_have_is_never_empty(
    more: dict[str, Any], caller_id: str, dest_number: str
) -> None:
    reply = await api(replace(MISSED, **more)).answer(get(USERS))

    (row,) = read_as_strict(reply.body, "2042")
    assert (row["caller_id"], row["dest_number"]) == (caller_id, dest_number)


async def test_ids_of_other_systems_become_digits() -> None:
    (row,) = await rows(USERS, "", replace(MISSED, shared_id="pbx-1.44@branch"))

    assert row["unique_call_id"].isdigit()
    assert len(row["unique_call_id"]) <= 18


async def test_a_call_that_goes_on_has_no_row_yet() -> None:
    assert await rows(USERS, "", replace(MISSED, phase=Phase.OPEN)) == []


async def test_a_talk_without_a_measured_length_is_measured() -> None:
    unsure = leg("2041", "02:00:00", "02:00:05", ended="02:00:15", talk_seconds=None)

    (row,) = await rows(USERS, "", call("8", "02:00:00", unsure))

    assert (row["call_duration"], row["conversation_duration"]) == (15, 10)


async def test_a_leg_whose_ring_was_never_heard_began_with_the_call() -> None:
    picked_up = leg("2041", "02:00:00", "02:00:05", ended="02:00:15", ringing_at=None)

    (row,) = await rows(USERS, "", call("9", "02:00:01", picked_up))

    assert (row["call_start_at"], row["call_duration"]) == ("2026-03-02T02:00:01.000Z", 14)


async def test_a_still_ringing_loser_counts_its_ring_only() -> None:
    """A leg that was never ended by its PBX has no end; the row is whole all the same."""
    lost = leg("2042", "02:00:00", ended="02:00:10", state=LegState.RINGING, ended_at=None, disposition=None)
    talk = leg("2041", "02:00:00", "02:00:05", ended="02:00:15")

    found = {row["user_number"]: row for row in await rows(USERS, "", call("10", "02:00:00", talk, lost))}

    assert found["2042"]["type"] == "user_inbound_missed"
    assert (found["2042"]["call_duration"], found["2042"]["conversation_duration"]) == (0, 0)
    assert call("10", "02:00:00", talk, lost).disposition == Disposition.ANSWERED
    assert found["2041"]["caller_id"] == CALLER.removeprefix("+")


async def test_an_outbound_call_that_nobody_took_is_missed() -> None:
    unanswered = call(
        "11", "02:00:00", leg("2041", "02:00:00", ended="02:00:20"), direction=Direction.OUTBOUND, did=None
    )

    (row,) = await rows(USERS, "", replace(unanswered, number=OUTBOUND.number))

    assert row["type"] == "user_outbound_missed"
    assert (row["caller_id"], row["dest_number"]) == ("2041", "6421555010")
