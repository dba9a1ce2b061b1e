"""Whole calls as PBXs tell them: the group scenarios of Planfix's VoIP API and what was seen in the field."""

import pytest

from switchhook.core.call import ChangeKind, Disposition, Phase

from .story import (
    OUT,
    answers,
    cancelled,
    ends,
    kept,
    missed,
    record,
    rings,
    success,
    told,
)


def test_a_single_answered_call() -> None:
    story = told((0, rings("101")), (5, answers("101")), (65, success("101", 60)))

    assert story.told() == [
        "leg.ringing 101",
        "leg.answered 101",
        "leg.ended 101 answered 60s",
        "call.ended 101 answered 60s",
        "call.final 101 answered 60s",
    ]
    assert (story.the_call.ring_seconds, story.the_call.talk_seconds) == (5, 60)


def test_a_single_missed_call() -> None:
    story = told((0, rings("101")), (24, missed("101", talk_seconds=24)))

    assert story.told() == [
        "leg.ringing 101",
        "leg.ended 101 missed",
        "call.ended 101 missed",
        "call.final 101 missed",
    ]
    assert (story.the_call.ring_seconds, story.the_call.talk_seconds) == (24, 0)


@pytest.mark.parametrize(
    "disposition",
    [Disposition.BUSY, Disposition.NO_ANSWER, Disposition.UNREACHABLE, Disposition.FORBIDDEN],
)
def test_an_outbound_call_ends_as_its_last_leg_did(disposition: Disposition) -> None:
    story = told(
        (0, rings("101", direction=OUT)),
        (9, ends("101", disposition, direction=OUT)),
    )

    assert story.told(ChangeKind.LEG_ENDED, ChangeKind.CALL_ENDED) == [
        f"leg.ended 101 {disposition}",
        f"call.ended 101 {disposition}",
    ]


def test_a_group_rung_at_once_closes_the_losers_and_keeps_the_winner() -> None:
    story = told(
        (0, rings("101")),
        (0.1, rings("102")),
        (0.2, rings("103")),
        (7, cancelled("101")),
        (7.1, answers("102")),
        (7.2, cancelled("103")),
        (131, success("102", 124)),
    )

    assert story.told() == [
        "leg.ringing 101",
        "leg.ringing 102",
        "leg.ringing 103",
        "leg.ended 101 cancelled",
        "leg.answered 102",
        "leg.ended 103 cancelled",
        "leg.ended 102 answered 124s",
        "call.ended 102 answered 124s",
        "call.final 102 answered 124s",
    ]


def test_a_group_rung_one_after_another_is_one_call() -> None:
    story = told(
        (0, rings("101")),
        (10, cancelled("101")),
        (10.1, rings("102")),
        (20, cancelled("102")),
        (20.1, rings("103")),
        (25, answers("103")),
        (85, success("103", 60)),
    )

    assert story.told(ChangeKind.CALL_ENDED) == ["call.ended 103 answered 60s"]
    assert story.the_call.rung == ("101", "102", "103")
    assert story.the_call.ring_seconds == 25


def test_a_group_that_nobody_answers_is_one_missed_call_of_the_first_when_all_rang_together() -> None:
    story = told(
        (0, rings("101")),
        (0.1, rings("102")),
        (0.2, rings("103")),
        (24, missed("101")),
        (24.1, missed("102")),
        (24.2, missed("103")),
    )

    assert story.told(ChangeKind.LEG_ENDED, ChangeKind.CALL_ENDED) == [
        "leg.ended 101 missed",
        "leg.ended 102 cancelled",
        "leg.ended 103 cancelled",
        "call.ended 101 missed",
    ]
    assert story.the_call.rung == ("101", "102", "103")


def test_a_hunt_that_nobody_answers_is_one_missed_call_of_the_last_that_rang() -> None:
    story = told((0, rings("101")), (10, cancelled("101")), (10.1, rings("102")), (20, missed("102")))

    assert story.told(ChangeKind.LEG_ENDED, ChangeKind.CALL_ENDED) == [
        "leg.ended 101 cancelled",
        "leg.ended 102 missed",
        "call.ended 102 missed",
    ]


def test_a_phone_that_gives_up_while_others_ring_closes_its_card_but_misses_nothing_yet() -> None:
    story = told(
        (0, rings("101")),
        (0.1, rings("102")),
        (10, missed("101")),
        (18, answers("102")),
        (30, success("102", 12)),
    )

    assert story.told(ChangeKind.LEG_ENDED) == ["leg.ended 101 cancelled", "leg.ended 102 answered 12s"]


def test_all_rings_cancelled_and_silence_is_a_missed_call_after_twenty_seconds() -> None:
    story = told((0, rings("101")), (10, cancelled("101")), (10.1, rings("102")), (20, cancelled("102")))

    ended = next(change for change in story.changes if change.kind is ChangeKind.CALL_ENDED)
    assert (ended.disposition, ended.extension, ended.was_said) == (Disposition.MISSED, "102", False)
    assert (ended.at - story.the_call.started_at).total_seconds() == 40


def test_a_hunt_that_steps_on_within_twenty_seconds_goes_on() -> None:
    story = told(
        (0, rings("101")),
        (10, cancelled("101")),
        (28, rings("102")),
        (30, answers("102")),
        (40, success("102", 10)),
    )

    assert story.told(ChangeKind.CALL_ENDED) == ["call.ended 102 answered 10s"]


def test_pick_up_by_a_phone_that_was_not_rung() -> None:
    story = told(
        (0, rings("101")),
        (0.1, rings("102")),
        (5, cancelled("101")),
        (5.1, cancelled("102")),
        (5.2, rings("109")),
        (5.3, answers("109")),
        (20, success("109", 15)),
    )

    assert story.told(ChangeKind.CALL_ENDED) == ["call.ended 109 answered 15s"]
    assert story.the_call.extension == "109"


def test_a_transfer_is_one_call_with_two_talks() -> None:
    story = told(
        (0, rings("102")),
        (4, answers("102")),
        (24, success("102", 20)),
        (24.5, rings("105")),
        (30, answers("105")),
        (70, success("105", 40)),
    )

    assert story.told(ChangeKind.LEG_ENDED, ChangeKind.CALL_ENDED) == [
        "leg.ended 102 answered 20s",
        "leg.ended 105 answered 40s",
        "call.ended 105 answered 60s",
    ]


def test_a_call_without_any_extension_is_kept_without_an_employee() -> None:
    story = told((0, rings("")), (9, missed("")))

    assert story.the_call.disposition is Disposition.MISSED
    assert story.the_call.rung == ()


def test_a_recording_before_the_end_is_told_with_it() -> None:
    story = told(
        (0, rings("101")),
        (3, answers("101")),
        (10, record()),
        (11, kept()),
        (20, success("101", 17, is_recorded=True)),
    )

    ready = next(change for change in story.changes if change.kind is ChangeKind.RECORDING_READY)
    assert ready.was_said
    assert story.told()[-1] == "call.final 101 answered 17s"


def test_a_recording_of_an_unknown_call_joins_the_call_when_it_appears() -> None:
    story = told((0, record()), (1, kept()), (3600, success("101", 17, is_recorded=True)))

    assert story.told(ChangeKind.RECORDING_READY) == ["recording.ready 101"]
    assert story.the_call.disposition is Disposition.ANSWERED


def test_a_recording_of_a_call_that_never_appears_is_let_go_after_a_day() -> None:
    story = told((0, record()), (1, kept()))

    assert story.told() == ["recording.heard"]
    assert story.the_call.phase is Phase.FINAL
    assert story.the_call.ended_because == "only a recording was heard of"


def test_the_record_waits_a_little_for_its_recording_and_then_carries_the_link_in_advance() -> None:
    story = told((0, answers("101")), (10, success("101", 10, is_recorded=True)))

    final = next(change for change in story.changes if change.kind is ChangeKind.CALL_FINAL)
    assert (final.at - story.the_call.started_at).total_seconds() == 25


def test_a_missed_call_that_claims_a_recording_is_not_held_for_it() -> None:
    story = told((0, rings("101")), (10, missed("101", is_recorded=True)))

    final = next(change for change in story.changes if change.kind is ChangeKind.CALL_FINAL)
    assert (final.at - story.the_call.started_at).total_seconds() == 12


def test_another_link_is_a_second_recording_and_the_same_link_is_not() -> None:
    story = told(
        (0, answers("101")),
        (9, success("101", 9)),
        (10, record("https://pbx.example.test/1.mp3")),
        (11, record("https://pbx.example.test/1.mp3")),
        (12, record("https://pbx.example.test/2.mp3")),
    )

    assert [recording.url for recording in story.the_call.recordings] == [
        "https://pbx.example.test/1.mp3",
        "https://pbx.example.test/2.mp3",
    ]


def test_a_caller_who_gives_up_ends_every_ring_and_is_one_missed_call() -> None:
    story = told((0, rings("204")), (0, rings("205")), (8, ends(None, Disposition.ABANDONED)))

    assert story.told(ChangeKind.LEG_ENDED, ChangeKind.CALL_ENDED) == [
        "leg.ended 204 abandoned",
        "leg.ended 205 cancelled",
        "call.ended 204 abandoned",
    ]
    assert story.the_call.is_missed


def test_a_ring_that_is_never_heard_of_again_is_closed_and_says_so() -> None:
    story = told((0, rings("101")))

    assert story.told(ChangeKind.LEG_ENDED, ChangeKind.CALL_ENDED) == [
        "leg.ended 101 cancelled",
        "call.ended 101 unknown",
    ]
    assert story.the_call.ended_because == "no end was heard"


def test_a_talk_that_is_never_heard_of_again_is_lost_after_six_hours_and_stays_answered() -> None:
    story = told((0, rings("101")), (5, answers("101")))

    assert story.the_call.disposition is Disposition.ANSWERED
    assert story.the_call.legs[0].is_lost


def test_losers_whose_end_was_lost_stop_ringing_after_the_talk() -> None:
    story = told((0, rings("101")), (0, rings("102")), (5, answers("102")), (15, success("102", 10)))

    assert story.told(ChangeKind.LEG_ENDED) == ["leg.ended 102 answered 10s", "leg.ended 101 cancelled"]
