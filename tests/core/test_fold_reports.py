"""Peers that report: who talked, how long and why is told only after the hang-up."""

from switchhook.core.call import ChangeKind, Disposition

from .story import OUT, cancelled, ends, report, rings, told

REPORTS = {"report_within_seconds": 900}


def test_a_ring_after_a_hang_up_without_a_status_says_that_the_first_phone_was_given_up() -> None:
    story = told(
        (0, rings("204")),
        (4, ends(None, Disposition.UNKNOWN, **REPORTS)),
        (4.2, rings("205")),
        (8.2, cancelled("205")),
        (8.4, rings("202")),
        (16.4, ends("202", Disposition.ANSWERED, **REPORTS)),
        (19.4, report(Disposition.ANSWERED, "202", talk_seconds=6)),
    )

    assert story.told(ChangeKind.LEG_ENDED, ChangeKind.CALL_ENDED, ChangeKind.CORRECTED) == [
        "leg.ended 204 cancelled",
        "leg.ended 205 cancelled",
        "leg.ended 202 answered 6s",
        "call.ended 202 answered 6s",
    ]
    closed = next(change for change in story.changes if change.kind is ChangeKind.LEG_ENDED)
    assert (closed.at - story.the_call.started_at).total_seconds() == 4.2


def test_a_report_says_who_talked_and_how_long_whatever_was_guessed_before() -> None:
    story = told(
        (0, rings("203")),
        (10, ends("203", Disposition.ANSWERED, **REPORTS)),
        (10.5, rings("202")),
        (20, ends("202", Disposition.ANSWERED, **REPORTS)),
        (23, report(Disposition.ANSWERED, "202", talk_seconds=13, ring_seconds=5)),
    )

    assert story.told(ChangeKind.CALL_FINAL) == ["call.final 202 answered 13s"]
    assert (story.the_call.extension, story.the_call.talk_seconds) == ("202", 13)
    first = next(change for change in story.changes if change.kind is ChangeKind.LEG_ENDED)
    assert (first.extension, (first.at - story.the_call.started_at).total_seconds()) == ("203", 10.5)


def test_a_report_names_the_reason_that_a_hang_up_did_not_know() -> None:
    story = told(
        (0, rings("202", direction=OUT)),
        (4, ends(None, Disposition.FAILED, direction=OUT, **REPORTS)),
        (4.5, report(Disposition.FORBIDDEN, "202", direction=OUT)),
    )

    assert story.told(ChangeKind.LEG_ENDED, ChangeKind.CALL_FINAL) == [
        "leg.ended 202 forbidden",
        "call.final 202 forbidden",
    ]


def test_a_report_that_says_less_than_the_hang_up_changes_nothing() -> None:
    story = told(
        (0, rings("202")),
        (4, ends(None, Disposition.ABANDONED, **REPORTS)),
        (4.5, report(Disposition.MISSED, "202")),
    )

    assert story.the_call.disposition is Disposition.ABANDONED
    assert ChangeKind.CORRECTED not in {change.kind for change in story.changes}


def test_a_failure_that_no_report_explains_is_told_as_one() -> None:
    story = told(
        (0, rings("202", direction=OUT)),
        (4, ends("202", Disposition.FAILED, direction=OUT, **REPORTS)),
    )

    assert story.told(ChangeKind.LEG_ENDED) == ["leg.ended 202 failed"]


def test_a_pbx_that_never_says_answered_closes_the_losers_when_its_report_names_who_talked() -> None:
    story = told(
        (0, rings("204")),
        (0, rings("205")),
        (70, ends(None, Disposition.ANSWERED, report_within_seconds=900)),
        (72, report(Disposition.ANSWERED, "205", talk_seconds=61, ring_seconds=9)),
    )

    assert story.told(ChangeKind.LEG_ANSWERED, ChangeKind.LEG_ENDED, ChangeKind.CALL_ENDED) == [
        "leg.ended 204 cancelled",
        "leg.answered 205",
        "leg.ended 205 answered 61s",
        "call.ended 205 answered 61s",
    ]
    assert story.the_call.ring_seconds == 9


def test_without_its_report_a_hang_up_that_names_nobody_is_given_to_the_first_that_rang() -> None:
    story = told(
        (0, rings("204")),
        (0, rings("205")),
        (70, ends(None, Disposition.ANSWERED, report_within_seconds=900)),
    )

    assert story.told(ChangeKind.LEG_ENDED) == ["leg.ended 204 answered 70s", "leg.ended 205 cancelled"]
    assert story.the_call.legs[0].is_guess


def test_a_late_report_corrects_what_was_guessed() -> None:
    story = told(
        (0, rings("204")),
        (70, ends("204", Disposition.ANSWERED, report_within_seconds=900)),
        (600, report(Disposition.ANSWERED, "204", talk_seconds=61, ring_seconds=9)),
    )

    assert ChangeKind.CORRECTED in {change.kind for change in story.changes}
    assert story.told(ChangeKind.CALL_FINAL) == ["call.final 204 answered 61s"]


def test_a_report_of_a_call_that_was_never_heard_live_opens_no_card() -> None:
    story = told((3600, report(Disposition.ANSWERED, "204", talk_seconds=61, ring_seconds=9)))

    assert story.told() == [
        "leg.ended 204 answered 61s",
        "call.ended 204 answered 61s",
        "call.final 204 answered 61s",
    ]
    assert story.the_call.legs[0].ended_at is not None
    assert (story.the_call.legs[0].ended_at - story.the_call.started_at).total_seconds() == 70


def test_whose_missed_call_it_is_stays_as_it_was_told() -> None:
    said = report(Disposition.MISSED, None)
    story = told((0, rings("", direction=OUT)), (0, ends("101", direction=OUT)), (0, said), (9, said))
    ended = next(change for change in story.changes if change.kind is ChangeKind.CALL_ENDED)

    assert story.the_call.extension == ended.extension
