"""Every pair of protocols and every scenario: what the PBX played is what the CRM heard."""

import json
from dataclasses import replace

import pytest

from switchhook.core.call import CallEvent, CallReport, Happening
from switchhook.core.directory import Availability
from switchhook.sim.scenarios import PLAIN
from switchhook.store.deliveries import State
from tests.loopback.carried import heard, played
from tests.loopback.company import CUSTOMERS, OURS
from tests.loopback.evening import IS_AT_DINNER, IS_BUSY, KINDS, Evening

# This PBX reports the talks of a transfer as one; a CRM that is told each of them gets a measured one.
SEGMENTS_UNKNOWN = {("retailcrm", "planfix", "transfer")}

PAIRS = [(pbx, crm) for pbx in KINDS for crm in KINDS]

every_call = pytest.mark.parametrize(
    ("pbx", "crm", "scenario"),
    [
        pytest.param(pbx, crm, scenario.name, id=f"{pbx}-{crm}-{scenario.name}")
        for pbx, crm in PAIRS
        for scenario in PLAIN
    ],
)


@every_call
def test_a_crm_has_in_its_history_what_the_pbx_played(
    evening: Evening, pbx: str, crm: str, scenario: str
) -> None:
    call = evening.played[pbx, scenario].call

    has, expected = heard(evening, crm, call.call_id), played(call, pbx=pbx, crm=crm)
    if (pbx, crm, scenario) in SEGMENTS_UNKNOWN:
        has, expected = replace(has, talk_seconds=None), replace(expected, talk_seconds=None)
    assert has == expected


@every_call
def test_cards_open_turn_and_close_in_order_and_once(
    evening: Evening, pbx: str, crm: str, scenario: str
) -> None:
    call = evening.played[pbx, scenario].call
    news = [one for one in evening.heard[crm].news_of(call.call_id) if isinstance(one, CallEvent)]
    live = [one for one in news if one.happening is not Happening.RECORDED]

    for extension in call.rung:
        steps = [one.happening for one in live if extension in whose(one)]

        assert steps in STEPS, extension


STEPS = (
    [Happening.RINGING, Happening.ENDED],
    [Happening.RINGING, Happening.ANSWERED, Happening.ENDED],
)


def whose(event: CallEvent) -> list[str]:
    """Say whose card an event is about: a retailCRM hang-up names them all, whatever we make of it."""
    return [event.extension] if event.extension is not None else json.loads(event.as_sent["codes"])


@every_call
def test_a_call_is_recorded_in_the_history_once(evening: Evening, pbx: str, crm: str, scenario: str) -> None:
    call_id = evening.played[pbx, scenario].call.call_id
    records = [one for one in evening.heard[crm].news_of(call_id) if isinstance(one, CallReport)]

    assert len(records) == (1 if crm == "retailcrm" else 0)
    assert len([one for one in evening.heard[crm].calls.values() if one.call_id == call_id]) == 1


@every_call
def test_the_recording_is_the_pbxs_to_the_byte_over_our_own_link(
    evening: Evening, pbx: str, crm: str, scenario: str
) -> None:
    call_id = evening.played[pbx, scenario].call.call_id
    files = evening.heard[crm].recordings.get(call_id, ())
    expected = [evening.recorded[call_id]] if call_id in evening.recorded else []

    assert [file.body for file in files] == expected
    assert all(file.url.startswith(f"{evening.public_url}/r/") for file in files)


@pytest.mark.parametrize("pbx", KINDS)
def test_the_pbx_was_never_refused_anything(evening: Evening, pbx: str) -> None:
    failures = [
        failure for (kind, _), one in evening.played.items() if kind == pbx for failure in one.failures
    ]

    assert failures == []


@pytest.mark.parametrize("pbx", KINDS)
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


@pytest.mark.parametrize("pbx", KINDS)
def test_a_known_caller_reaches_the_responsible(evening: Evening, pbx: str) -> None:
    one = evening.played[pbx, "answered"]

    assert one.answer is not None
    assert one.call.extension == one.answer.responsible


@pytest.mark.parametrize(("crm", "pbx"), [(crm, pbx) for pbx, crm in PAIRS])
def test_a_click_in_a_crm_rings_at_the_pbx_of_that_extension_and_comes_back_as_its_call(
    evening: Evening, crm: str, pbx: str
) -> None:
    one = evening.clicked[crm, pbx]

    assert evening.hub_calls[one.call.call_id].dial_id is not None
    assert heard(evening, crm, one.call.call_id) == played(one.call, pbx=pbx, crm=crm)


def test_a_crm_that_takes_calls_of_one_pbx_hears_of_no_other(evening: Evening) -> None:
    ours = {one.call.call_id for (kind, _), one in evening.played.items() if kind == "planfix"}
    theirs = {one.call.call_id for (kind, _), one in evening.played.items() if kind == "retailcrm"}
    choosy = evening.heard["choosy"].calls.keys()

    assert ours <= choosy
    assert not theirs & choosy


@pytest.mark.parametrize("crm", KINDS)
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


@pytest.mark.parametrize(("pbx", "crm"), PAIRS)
def test_a_sloppy_pbx_loses_and_doubles_no_call(evening: Evening, pbx: str, crm: str) -> None:
    for one in evening.sloppy[pbx]:
        record = heard(evening, crm, one.call.call_id)

        was_answered = one.call.disposition == "answered"
        assert (record.disposition == "answered") == was_answered
        assert record.extension == one.call.extension


def test_a_status_set_at_one_end_is_known_at_the_other_and_not_told_back(evening: Evening) -> None:
    assert evening.statuses == {
        "pbx": [(IS_BUSY, Availability.BUSY)],
        "crm": [(IS_AT_DINNER, Availability.DINNER)],
    }
