"""Each rule about late, early, repeated and wrong news, one test a rule."""

from datetime import timedelta

import pytest

from switchhook.core.call import CallerNamed, ChangeKind, Disposition, LegState
from switchhook.core.fold import is_over

from .story import OUT, Story, after, answers, cancelled, ends, missed, record, report, rings, success, told


def test_an_answer_that_overtook_its_ring_makes_both_changes_in_order() -> None:
    story = Story()
    changes = story.hear(answers("101"), 0)

    assert [change.kind for change in changes] == [ChangeKind.LEG_RINGING, ChangeKind.LEG_ANSWERED]
    assert story.hear(rings("101"), 1) == ()


def test_an_end_alone_writes_the_record_and_opens_no_card() -> None:
    story = told((0, success("101", 17)))

    assert story.told() == [
        "leg.ended 101 answered 17s",
        "call.ended 101 answered 17s",
        "call.final 101 answered 17s",
    ]


@pytest.mark.parametrize("repeated", [rings("101"), answers("101")])
def test_repeated_news_change_nothing(repeated: object) -> None:
    story = Story()
    story.hear(rings("101"), 0)
    story.hear(answers("101"), 1)

    assert story.hear(repeated, 2) == ()  # type: ignore[arg-type]


def test_a_ring_cancelled_without_a_talk_undoes_an_answer() -> None:
    story = told((0, rings("101")), (1, answers("101")), (2, cancelled("101")))

    assert story.the_call.disposition is Disposition.MISSED


def test_a_cancelled_end_with_a_talk_counts_as_answered() -> None:
    story = told((0, rings("101")), (1, answers("101")), (31, cancelled("101", talk_seconds=30)))

    assert story.told(ChangeKind.CALL_ENDED) == ["call.ended 101 answered 30s"]


@pytest.mark.parametrize("end", [cancelled("101"), missed("101")])
def test_a_start_overtaken_by_its_end_is_ignored_for_ten_seconds(end: object) -> None:
    story = Story()
    story.hear(end, 0)  # type: ignore[arg-type]

    changes = story.hear(rings("101"), 10)
    assert ChangeKind.LEG_RINGING not in {change.kind for change in changes}


def test_a_queue_may_ring_the_same_phone_again() -> None:
    story = told(
        (0, rings("101")),
        (15, cancelled("101")),
        (20, rings("101")),
        (25, answers("101")),
        (35, success("101", 10)),
    )

    assert [leg.attempt for leg in story.the_call.legs] == [1, 2]
    assert story.told(ChangeKind.CALL_ENDED) == ["call.ended 101 answered 10s"]


def test_an_answer_overtaken_by_a_missed_end_is_an_answer() -> None:
    story = Story()
    story.hear(rings("101"), 0)
    story.hear(missed("101"), 20)
    story.hear(answers("101"), 21)

    assert story.the_call.legs[0].state is LegState.TALKING
    story.hear(success("101", 40), 61)
    assert story.rest().the_call.disposition is Disposition.ANSWERED


def test_an_answer_after_a_success_is_ignored() -> None:
    story = Story()
    story.hear(success("101", 10), 0)

    assert story.hear(answers("101"), 1) == ()


def test_a_start_soon_after_a_success_was_overtaken_and_later_is_a_transfer_back() -> None:
    story = Story()
    story.hear(rings("101"), 0)
    story.hear(success("101", 10), 11)

    overtaken = story.hear(rings("101"), 20)
    assert ChangeKind.LEG_RINGING not in {change.kind for change in overtaken}
    assert [change.kind for change in story.hear(rings("101"), 30)][:1] == [ChangeKind.LEG_RINGING]


def test_a_late_missed_never_undoes_an_answer() -> None:
    story = told((0, rings("101")), (3, answers("101")), (13, success("101", 10)), (13.5, missed("101")))

    assert story.the_call.disposition is Disposition.ANSWERED
    assert ChangeKind.CORRECTED not in {change.kind for change in story.changes}


def test_a_missed_leg_of_another_phone_never_undoes_an_answer() -> None:
    story = told(
        (0, rings("101")),
        (0, rings("102")),
        (3, answers("102")),
        (13, success("102", 10)),
        (13.5, missed("101")),
    )

    assert story.told(ChangeKind.LEG_ENDED) == ["leg.ended 102 answered 10s", "leg.ended 101 cancelled"]
    assert story.the_call.extension == "102"


def test_a_report_that_says_missed_never_undoes_an_answer() -> None:
    story = told(
        (0, rings("101")),
        (3, answers("101")),
        (13, success("101", 10)),
        (14, report(Disposition.MISSED, "101")),
    )

    assert story.the_call.disposition is Disposition.ANSWERED


def test_a_repeated_end_fills_what_was_empty_and_raises_the_result_only() -> None:
    story = told(
        (0, rings("101")),
        (9, cancelled("101")),
        (9.5, success("101", 5, custom={"utm": "x"})),
        (9.6, missed("101")),
    )

    assert story.the_call.disposition is Disposition.ANSWERED
    assert story.the_call.talk_seconds == 5
    assert story.the_call.custom == {"utm": "x"}


def test_without_a_status_an_end_is_answered_if_the_leg_talked_else_missed() -> None:
    talked = told((0, rings("101")), (5, answers("101")), (25, ends("101", Disposition.UNKNOWN)))
    silent = told((0, rings("101")), (5, ends("101")))
    outbound = told((0, rings("101", direction=OUT)), (5, ends("101", direction=OUT)))

    assert talked.the_call.disposition is Disposition.ANSWERED
    assert silent.the_call.disposition is Disposition.MISSED
    assert outbound.the_call.disposition is Disposition.NO_ANSWER


def test_without_a_length_the_talk_is_measured_by_our_clock() -> None:
    story = told((0, rings("101")), (5, answers("101")), (25, ends("101", Disposition.ANSWERED)))

    assert story.the_call.talk_seconds == 20
    assert story.the_call.legs[0].is_guess


def test_an_answer_that_follows_an_end_without_status_settles_what_it_was() -> None:
    story = told((0, rings("101")), (5, ends("101", Disposition.UNKNOWN)), (5.5, answers("101")))

    assert story.the_call.disposition is Disposition.ANSWERED


def test_the_same_id_is_a_new_call_six_hours_after_its_end() -> None:
    story = told((0, rings("101")), (9, missed("101")))
    call = story.the_call

    assert not is_over(call, rings("101"), after(9) + timedelta(hours=5))
    assert is_over(call, rings("101"), after(9) + timedelta(hours=7))
    assert not is_over(call, record(), after(9) + timedelta(hours=23))
    assert not is_over(call, report(Disposition.MISSED), after(9) + timedelta(hours=23))


def test_what_was_known_first_stays() -> None:
    story = told(
        (0, rings("101", number="+79165550142", did="74951234567")),
        (9, missed("101", number="79165550142", did="x")),
    )

    assert (story.the_call.number, story.the_call.did) == ("+79165550142", "74951234567")


def test_a_name_that_comes_late_is_shown_and_told_to_nobody() -> None:
    story = Story()
    story.hear(rings("101"), 0)

    assert story.hear(CallerNamed(call_id="K", name="Ivan Petrov"), 0.4) == ()
    assert story.the_call.contact_name == "Ivan Petrov"
