"""Every pair of protocols and every scenario: what the PBX played is what the CRM heard.

The tests of an evening on any store; `test_pairs_sqlite.py` and `test_pairs_postgresql.py` have one each, so
that two workers play them side by side.
"""

import json
from dataclasses import replace

import pytest

from switchhook.core.call import CallEvent, CallReport, Happening, News, ReportOf
from switchhook.core.directory import Availability
from switchhook.sim.scenarios import PLAIN
from switchhook.store.deliveries import State
from tests.loopback.carried import heard, played
from tests.loopback.company import CUSTOMERS, OURS
from tests.loopback.evening import ASKING, IS_AT_DINNER, IS_BUSY, KINDS, Evening

# This PBX reports the talks of a transfer as one; a CRM that is told each of them gets a measured one.
SEGMENTS_UNKNOWN = {("retailcrm", "planfix", "transfer"), ("retailcrm", "voipcloud", "transfer")}

# This PBX does not say that it records, and that account has to know when the call is uploaded.
TOO_LATE = {("voipcloud", "retailcrm", "recording_late")}

CLOUD = "voipcloud"
PAIRS = [(pbx, crm) for pbx in KINDS for crm in KINDS]

NAMES = [scenario.name for scenario in PLAIN]

every_pair = pytest.mark.parametrize(("pbx", "crm"), PAIRS)


@every_pair
def test_a_crm_has_in_its_history_what_the_pbx_played(evening: Evening, pbx: str, crm: str) -> None:
    calls = {name: evening.played[pbx, name].call for name in NAMES}
    has = {name: heard(evening, crm, call) for name, call in calls.items()}
    expected = {name: played(call, pbx=pbx, crm=crm) for name, call in calls.items()}

    for name, call in calls.items():
        if (pbx, crm, name) in SEGMENTS_UNKNOWN:
            has[name] = replace(has[name], talk_seconds=None)
            expected[name] = replace(expected[name], talk_seconds=None)
        if crm == CLOUD and call.is_missed and has[name].extension in call.rung:
            # It is told of every phone that rang in vain, and not which of them is to call back.
            has[name] = replace(has[name], extension=expected[name].extension)
    assert has == expected


@every_pair
def test_cards_open_turn_and_close_in_order_and_once(evening: Evening, pbx: str, crm: str) -> None:
    for name in NAMES:
        call = evening.played[pbx, name].call
        news = evening.news_at(crm, call)

        # Of a group's phones this PBX does not say which were tried in vain: the call's own end says it.
        is_said_again = pbx == CLOUD and call.is_missed
        for extension in call.rung:
            steps = [step for step, whose in map(step_of, news) if extension in whose]

            assert steps in (*STEPS, *([SAID_AGAIN] if is_said_again else [])), (name, extension)


STEPS = (
    [Happening.RINGING, Happening.ENDED],
    [Happening.RINGING, Happening.ANSWERED, Happening.ENDED],
)


SAID_AGAIN = [Happening.RINGING, Happening.ENDED, Happening.ENDED]


def step_of(news: News) -> tuple[Happening | None, list[str]]:
    """Say what is told, and of whose cards: a retailCRM hang-up names them all, whatever we make of it.

    Some ends come as a report of the leg, with all of its times.
    """
    match news:
        case CallReport(of=ReportOf.LEG):
            return Happening.ENDED, [news.extension or ""]
        case CallEvent(happening=Happening.RINGING | Happening.ANSWERED | Happening.ENDED):
            codes = news.as_sent.get("codes", "[]")
            return news.happening, [news.extension] if news.extension is not None else json.loads(codes)
        case _:
            return None, []


@every_pair
def test_a_call_is_recorded_in_the_history_once(evening: Evening, pbx: str, crm: str) -> None:
    times = {}
    for name in NAMES:
        call = evening.played[pbx, name].call
        call_id = evening.id_at(crm, call)
        reports = [one for one in evening.news_at(crm, call) if isinstance(one, CallReport)]
        records = [one for one in evening.heard[crm].calls.values() if one.call_id == call_id]
        times[name] = len([one for one in reports if one.of is ReportOf.CALL]), len(records)

    assert times == dict.fromkeys(NAMES, (1 if crm == "retailcrm" else 0, 1))


@every_pair
def test_the_recording_is_the_pbxs_to_the_byte_over_our_own_link(
    evening: Evening, pbx: str, crm: str
) -> None:
    for name in NAMES:
        call = evening.played[pbx, name].call
        files = evening.heard[crm].recordings.get(evening.id_at(crm, call), ())
        is_told = call.call_id in evening.recorded and (pbx, crm, name) not in TOO_LATE
        expected = [evening.recorded[call.call_id]] if is_told else []

        assert [file.body for file in files] == expected, name
        assert all(file.url.startswith(f"{evening.public_url}/r/") for file in files), name


@pytest.mark.parametrize("pbx", KINDS)
def test_the_pbx_was_never_refused_anything(evening: Evening, pbx: str) -> None:
    failures = [
        failure for (kind, _), one in evening.played.items() if kind == pbx for failure in one.failures
    ]

    assert failures == []


@pytest.mark.parametrize("pbx", ASKING)
def test_the_pbx_is_told_who_calls_and_whose_customer_it_is(evening: Evening, pbx: str) -> None:
    """Some are known to the hub's own address book, some to the CRMs only."""
    known_by_number = {contact.phones[0]: contact for contact in CUSTOMERS}
    asked = [
        one for (kind, _), one in evening.played.items() if kind == pbx and one.call.direction == "inbound"
    ]
    told = {one.cast.number: one.answer for one in asked}
    expected = {number: known_by_number.get(number) for number in told}

    assert {number: answer and answer.name for number, answer in told.items()} == {
        number: contact and contact.name for number, contact in expected.items()
    }
    assert {number: answer and answer.responsible for number, answer in told.items()} == {
        number: contact and contact.responsible for number, contact in expected.items()
    }
    assert any(contact in OURS for contact in expected.values())


@pytest.mark.parametrize("pbx", ASKING)
def test_a_known_caller_reaches_the_responsible(evening: Evening, pbx: str) -> None:
    one = evening.played[pbx, "answered"]

    assert one.answer is not None
    assert one.call.extension == one.answer.responsible


@pytest.mark.parametrize(("crm", "pbx"), [(crm, pbx) for pbx, crm in PAIRS])
def test_a_click_in_a_crm_rings_at_the_pbx_of_that_extension_and_comes_back_as_its_call(
    evening: Evening, crm: str, pbx: str
) -> None:
    one = evening.clicked[crm, pbx]

    assert evening.at_hub(one.call).dial_id is not None
    assert heard(evening, crm, one.call) == played(one.call, pbx=pbx, crm=crm)


def test_a_crm_that_takes_calls_of_one_pbx_hears_of_no_other(evening: Evening) -> None:
    played = [(kind, evening.at_hub(one.call).shared_id) for (kind, _), one in evening.played.items()]
    ours = {call_id for kind, call_id in played if kind == "planfix"}
    theirs = {call_id for kind, call_id in played if kind != "planfix"}
    choosy = evening.heard["choosy"].calls.keys()

    assert ours <= choosy
    assert not theirs & choosy


@pytest.mark.parametrize("crm", ASKING)
def test_what_a_crm_would_drop_is_not_sent_and_says_why(evening: Evening, crm: str) -> None:
    assert evening.from_own_number is not None
    call_id = evening.from_own_number.call.call_id
    deliveries = evening.deliveries[evening.hub_calls[call_id].id]
    mine = [one for one in deliveries if one.connection_id == evening.connections[crm]]

    assert call_id not in evening.heard[crm].calls
    assert {one.state for one in mine} == {State.SKIPPED}
    assert all("Olga Titova" in (one.reason or "") for one in mine)


def test_nothing_was_left_over(evening: Evening) -> None:
    states = {one.state for deliveries in evening.deliveries.values() for one in deliveries}

    assert states <= {State.DELIVERED, State.SKIPPED}


@every_pair
def test_a_sloppy_pbx_loses_and_doubles_no_call(evening: Evening, pbx: str, crm: str) -> None:
    for one in evening.sloppy[pbx]:
        record = heard(evening, crm, one.call)

        was_answered = one.call.disposition == "answered"
        assert (record.disposition == "answered") == was_answered
        # Which phone of several stands for a missed call is nothing that this family tells.
        is_told_who = was_answered or CLOUD not in (pbx, crm)
        assert record.extension in ([one.call.extension] if is_told_who else one.call.rung)


def test_a_status_set_at_one_end_is_known_at_the_other_and_not_told_back(evening: Evening) -> None:
    assert evening.statuses == {
        "pbx": [(IS_BUSY, Availability.BUSY)],
        "crm": [(IS_AT_DINNER, Availability.DINNER)],
    }


@pytest.mark.parametrize("pbx", KINDS)
def test_our_own_history_has_every_call_that_was_played(evening: Evening, pbx: str) -> None:
    """What customers of the VoIPcloud family read: a row per call and user, by the id of the events."""
    rows = evening.rows["get-user-calls"]
    calls = {name: one.call for (kind, name), one in evening.played.items() if kind == pbx}
    found = {
        name: {row["user_number"]: row for row in rows if row["unique_call_id"] == evening.id_at(CLOUD, call)}
        for name, call in calls.items()
    }

    assert {name: set(of_users) for name, of_users in found.items()} == {
        name: set(call.rung) for name, call in calls.items()
    }
    answered = {
        name: any(row["connected_at"] is not None for row in of_users.values())
        for name, of_users in found.items()
    }
    assert answered == {name: call.disposition == "answered" for name, call in calls.items()}
    assert len({(row["unique_call_id"], row["user_number"]) for row in rows}) == len(rows)


def test_our_own_history_has_the_calls_of_a_ring_group(evening: Evening) -> None:
    rows = evening.rows["get-ringgroup-calls"]
    through_group = [
        one.call
        for (kind, _), one in evening.played.items()
        if kind == CLOUD and one.call.direction == "inbound"
    ]
    found = {row["unique_call_id"]: row for row in rows}

    assert {evening.id_at(CLOUD, call) for call in through_group} <= found.keys()
    assert {row["ring_group_name"] for row in rows} == {"Sales"}
    assert {evening.id_at(CLOUD, call): call.disposition == "answered" for call in through_group} == {
        call_id: row["status"] == "answered"
        for call_id, row in found.items()
        if call_id in {evening.id_at(CLOUD, call) for call in through_group}
    }
    assert evening.rows["get-queue-calls"] == []
