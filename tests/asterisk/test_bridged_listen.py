"""A hub that listens to real PBXs tells each CRM what was played, in order and once."""

from collections import Counter
from typing import Any

import pytest

from switchhook.core.call import CallReport, Direction, Disposition, Phase
from switchhook.store.deliveries import State
from tests.asterisk import tones
from tests.asterisk.bridged import CRMS
from tests.asterisk.listening import WAYS, Evening
from tests.asterisk.outcomes import expected, in_turns, turns
from tests.asterisk.plays import PLAYS
from tests.asterisk.sounding import samples_of
from tests.connectors.asterisk.recordings import outcome
from tests.loopback.carried import LOSSES, UPLOAD_LOSSES

# Calls that are passed on have a talk each, and not every CRM adds them up.
PASSED_ON = {name for name, play in PLAYS.items() if play.legs.count("answered") > 1}
UNTOLD = {
    "internal_call": ("planfix", "retailcrm"),  # calls between employees
    "inbound_unregistered": ("planfix", "voipcloud"),  # no employee took part
}
# Words that no CRM has for an inbound call; retailCRM knows that it failed.
LOST_WORDS = {Disposition.NO_ANSWER: Disposition.MISSED, Disposition.UNREACHABLE: Disposition.FAILED}
# What each way hears of a recording: of the dialplan's over AMI, of its own kind over ARI.
RECORDED = {
    "ari": {"ari_inbound", "ari_click_to_call"},
    "ari-inbound": {"ari_inbound", "ari_click_to_call"},
    "ami": {"ring_group", "hunt", "pickup_of_group", "outbound_from_phone", "click_to_call_ami"},
}


each_call = pytest.mark.parametrize("name", PLAYS)
each_way = pytest.mark.parametrize("way", WAYS)
each_crm = pytest.mark.parametrize("crm", CRMS)


@each_way
@each_call
def test_the_hub_has_it_as_it_was(evening: Evening, way: str, name: str) -> None:
    assert evening.played[way].faults.get(name) is None

    play, office = PLAYS[name], evening.played[way].offices[name]
    call = evening.bridged(way, name).call
    told = outcome(call)
    legs = told.pop("legs")

    # Of queues ARI knows nothing.
    assert told == expected(play, name, office, first=legs[0][0]) | ({} if way == "ami" else {"group": None})
    assert in_turns(legs, play.legs, office) == turns(play.legs, office)
    evening.played[way].check_talks(name, call)
    assert call.phase is Phase.FINAL


@each_way
def test_nothing_is_there_but_what_was_played(evening: Evening, way: str) -> None:
    further = [play for play in PLAYS.values() if play.further]

    assert len(evening.calls[way]) == len(PLAYS) + len(further)


@each_way
@each_crm
@each_call
def test_cards_open_turn_and_close_in_order_and_once(evening: Evening, way: str, crm: str, name: str) -> None:
    bridged = evening.bridged(way, name)
    cards = bridged.crms[crm].cards
    is_told = crm not in UNTOLD.get(name, ())

    assert cards.keys() == (set(bridged.call.rung) if is_told else set())
    for leg in bridged.call.legs if is_told and bridged.call.rung else ():
        steps = ["ringing", "answered", "ended"] if leg.has_talked else ["ringing", "ended"]
        # This one is not told of an answer; and that one is told of a missed call for each phone again.
        expected_steps = [["ringing", "ended"]] if crm == "retailcrm" else [steps]
        if crm == "voipcloud" and not bridged.call.has_talked:
            expected_steps.append(["ringing", "ended", "ended"])
        assert cards[leg.extension] in expected_steps


@each_way
@each_crm
@each_call
def test_a_crm_has_in_its_history_what_was_played(evening: Evening, way: str, crm: str, name: str) -> None:
    bridged = evening.bridged(way, name)
    ours, theirs = bridged.call, bridged.crms[crm]
    if crm in UNTOLD.get(name, ()):
        assert (theirs.call, theirs.news) == (None, [])
        return
    assert ours.disposition is not None
    disposition = ours.disposition
    if ours.direction is Direction.INBOUND:
        disposition = LOST_WORDS.get(disposition, disposition)
    if ours.direction is not Direction.INTERNAL:
        disposition = LOSSES[crm, ours.direction].get(disposition, disposition)
    row: Any = theirs.call
    if crm == "retailcrm":
        (row,) = theirs.uploads
        disposition = UPLOAD_LOSSES[ours.direction].get(disposition, disposition)

    assert (row.direction, row.disposition) == (ours.direction, disposition)
    # Of several phones that rang in vain that family does not say which is to call back.
    told_of = [ours.extension] if ours.has_talked or crm != "voipcloud" else list(ours.rung)
    assert (row.extension or "") in told_of
    assert row.number.lstrip("+") == ours.number
    if crm != "voipcloud" or ours.direction is Direction.INBOUND:
        # When a click begins to ring nobody knows by which line it will go out.
        assert (row.did or "").lstrip("+") == (ours.did or "")
    if name not in PASSED_ON:
        assert abs(row.talk_seconds - (ours.talk_seconds or 0)) <= (1 if crm == "voipcloud" else 0)
    assert len(theirs.uploads) == (1 if crm == "retailcrm" else 0)


@each_way
def test_what_is_not_told_says_why(evening: Evening, way: str) -> None:
    between = evening.bridged(way, "internal_call").deliveries
    nobody = evening.bridged(way, "inbound_unregistered").deliveries

    reasons = {crm: {(one.state, one.reason) for one in between[crm]} for crm in ("planfix", "retailcrm")}
    assert reasons == {
        "planfix": {(State.SKIPPED, "a call between employees: Planfix records none")},
        "retailcrm": {(State.SKIPPED, "an internal call")},
    }
    assert {one.state for one in nobody["planfix"]} == {State.SKIPPED}
    assert all("no employee took part" in (one.reason or "") for one in nobody["planfix"])


@each_way
@each_call
def test_nothing_failed_or_is_left_over(evening: Evening, way: str, name: str) -> None:
    deliveries = evening.bridged(way, name).deliveries

    assert {one.state for of in deliveries.values() for one in of} <= {State.DELIVERED, State.SKIPPED}
    assert all(deliveries.values())


@each_way
@each_call
def test_signed_webhooks_tell_each_step_once_and_the_whole_at_the_end(
    evening: Evening, way: str, name: str
) -> None:
    bridged = evening.bridged(way, name)
    types = [one["type"] for one in bridged.events]
    legs, rung = bridged.call.legs, [leg for leg in bridged.call.legs if leg.extension]
    recorded = ["recording.ready"] if name in RECORDED[way] else []

    assert Counter(types) == Counter(
        {
            "call.ringing": len(rung),
            "call.answered": sum(leg.has_talked for leg in legs),
            "call.leg_ended": len(legs),
            "call.ended": 1,
            "call.final": 1,
            "recording.ready": len(recorded),
        }
    )
    assert types[-2 - len(recorded) :] == ["call.ended", *recorded, "call.final"]
    assert bridged.events[-1]["data"]["disposition"] == bridged.call.disposition
    times = [one["timestamp"] for one in bridged.events]
    assert times == sorted(times)


@each_way
@each_crm
@each_call
def test_a_recording_with_both_sides_is_told_as_our_link(
    evening: Evening, way: str, crm: str, name: str
) -> None:
    """And a call without one, or with nothing but a header in its file, is told none."""
    bridged = evening.bridged(way, name)
    files = bridged.crms[crm].files

    assert len(files) == len(bridged.call.recordings) == (name in RECORDED[way])
    for file in files:
        assert file.url.startswith(f"{evening.public_url}/r/")
        samples = samples_of(file.body)
        assert tones.are_both_heard(samples)
    if crm == "retailcrm" and name not in UNTOLD:
        (row,) = bridged.crms[crm].uploads
        assert isinstance(row, CallReport)
        assert row.recording_url == (files[0].url if files else None)
