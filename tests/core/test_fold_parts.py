"""Peers that report parts of a call: a leg as it ended, the summary of a group, a record of their own."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switchhook.core.call import (
    CallerNamed,
    CallEvent,
    CallReport,
    ChangeKind,
    Direction,
    Disposition,
    Happening,
    Phase,
    ReportOf,
)
from switchhook.core.directory import GroupKind
from switchhook.core.fold import fold, is_over

from .story import BIRTH, OUT, START, Story, after, answers, ends, record, report, rings, told
from .test_fold_properties import assert_cards_make_sense

ANSWERED, MISSED = Disposition.ANSWERED, Disposition.MISSED


def part(
    extension: str | None,
    begins: float,
    *,
    rings: int = 5,
    talk: int | None = None,
    of: ReportOf = ReportOf.RECORD,
    **more: object,
) -> CallReport:
    """Report a part that began at this second; without a talk it was missed."""
    disposition = MISSED if talk is None else ANSWERED
    facts = {"started_at": after(begins), "ring_seconds": rings, "talk_seconds": talk or 0, "of": of, **more}
    return report(disposition, extension, **facts)


def leg_end(extension: str, begins: float, **more: object) -> CallReport:
    return part(extension, begins, of=ReportOf.LEG, **more)  # type: ignore[arg-type]


def group(extension: str | None, begins: float, **more: object) -> CallReport:
    return part(extension, begins, of=ReportOf.GROUP, **more)  # type: ignore[arg-type]


def test_the_peers_name_of_the_caller_stands_until_somebody_knows_better() -> None:
    story = told((0, rings("101", caller_name="ORCHARD D")), (1, rings("102", caller_name="Other")))
    named = told(
        (0, rings("101", caller_name="ORCHARD D")), (1, CallerNamed(call_id="K", name="Orchard Dental"))
    )
    later = told(
        (0, rings("101")), (1, CallerNamed(call_id="K", name="Orchard")), (2, part("101", 0, caller_name="X"))
    )

    assert story.the_call.contact_name == "ORCHARD D"
    assert named.the_call.contact_name == "Orchard Dental"
    assert later.the_call.contact_name == "Orchard"


def test_the_group_is_that_of_the_first_who_names_one() -> None:
    story = told(
        (0, rings("101")),
        (1, answers("101", group="Reception", group_kind=GroupKind.QUEUE)),
        (2, part("101", 0, talk=9, group="Sales", group_kind=GroupKind.RING)),
    )

    assert (story.the_call.group, story.the_call.group_kind) == ("Reception", GroupKind.QUEUE)


def test_a_note_is_kept_and_changes_nothing() -> None:
    note = CallEvent(call_id="K", happening=Happening.NOTED, extension=None, as_sent={"type": "webhook"})
    plain = told((0, rings("101")), (5, answers("101")), (50, ends("101", ANSWERED, talk_seconds=45)))
    noted = told(
        (0, rings("101")),
        (1, note),
        (5, answers("101")),
        (50, ends("101", ANSWERED, talk_seconds=45)),
        (60, note),
    )

    assert noted.told() == plain.told()
    assert (noted.the_call.legs, noted.the_call.talk_seconds) == (plain.the_call.legs, 45)


def test_a_call_of_which_only_notes_are_heard_is_told_to_nobody() -> None:
    story = told((0, CallEvent(call_id="K", happening=Happening.NOTED, extension=None)))

    assert story.told() == []
    assert story.the_call.phase is Phase.FINAL
    assert story.the_call.ended_because == "only a note was heard of"


def test_a_ring_that_is_told_again_after_its_end_is_the_same_ring() -> None:
    ring = rings("101", leg_began_at=after(0))
    story = told((0, ring), (5, leg_end("101", 0)), (7, ring), (8, rings("101", leg_began_at=after(1))))

    assert [leg.attempt for leg in story.the_call.legs] == [1]
    assert story.told(ChangeKind.LEG_RINGING) == ["leg.ringing 101"]


def test_a_ring_that_began_later_is_another_one() -> None:
    story = told(
        (0, rings("101", leg_began_at=after(0))),
        (5, leg_end("101", 0)),
        (6, rings("101", leg_began_at=after(6))),
        (9, answers("101", leg_began_at=after(6))),
        (69, leg_end("101", 6, rings=3, talk=60)),
    )

    assert [(leg.attempt, leg.has_talked) for leg in story.the_call.legs] == [(1, False), (2, True)]
    assert story.told(ChangeKind.LEG_RINGING) == ["leg.ringing 101", "leg.ringing 101"]
    assert story.the_call.talk_seconds == 60


def test_an_end_that_tells_not_how_yields_to_an_answer_in_whatever_order() -> None:
    ring, answer = (one("101", leg_began_at=after(0)) for one in (rings, answers))
    end = leg_end("101", 0, rings=30, is_guess=True)

    in_order = told((0, ring), (5, answer), (30, end)).the_call
    late = told((0, ring), (30, end), (31, answer)).the_call

    assert [(one.disposition, one.talk_seconds) for one in (in_order, late)] == [(ANSWERED, 0), (ANSWERED, 0)]


def test_an_end_that_says_missed_does_not_yield() -> None:
    story = told((30, leg_end("101", 0, rings=30)), (31, answers("101", leg_began_at=after(0))))

    assert story.the_call.disposition is MISSED


def test_a_record_stands_for_every_ring_of_its_user() -> None:
    story = told(
        (0, rings("101", leg_began_at=after(0))),
        (5, leg_end("101", 0)),
        (6, rings("101", leg_began_at=after(6))),
        (69, leg_end("101", 6, rings=3, talk=60)),
        (90, part("101", 0, rings=8, talk=61)),
    )

    (leg,) = story.the_call.legs
    assert (leg.talk_seconds, leg.ringing_at, leg.answered_at) == (61, after(0), after(8))
    assert story.the_call.talk_seconds == 61
    assert_cards_make_sense(story.changes)


@pytest.mark.parametrize(
    "late",
    [
        rings("101", leg_began_at=after(0)),
        answers("101", leg_began_at=after(4)),
        leg_end("101", 0, rings=1, talk=999),
        group("101", 0, talk=999),
        ends("101", MISSED),
    ],
)
def test_nothing_changes_what_a_record_says_of_its_user(late: CallEvent | CallReport) -> None:
    story = told((70, part("101", 0, rings=5, talk=60)))
    before = story.the_call.legs

    story.hear(late, 71)
    story.rest()

    assert story.the_call.legs == before
    assert (story.the_call.talk_seconds, story.the_call.started_at) == (60, START)


def test_a_phone_that_rings_again_after_its_record_rings() -> None:
    story = told((70, part("101", 0, talk=60)), (80, rings("101", leg_began_at=after(80))))

    assert [leg.attempt for leg in story.the_call.legs] == [1, 2]


def test_a_record_undoes_an_answer_and_says_so() -> None:
    story = told(
        (0, rings("101")),
        (5, answers("101")),
        (9, ends("101", ANSWERED, talk_seconds=4)),
        (60, part("101", 0)),
    )

    assert story.the_call.disposition is MISSED
    assert ChangeKind.CORRECTED in {change.kind for change in story.changes}


def test_records_of_the_past_stand_where_they_were() -> None:
    story = told((3600, part("101", 0, rings=9)), (3600.1, part("102", 9, rings=4, talk=60)))

    call = story.the_call
    assert (call.started_at, call.answered_at, call.ended_at) == (START, after(13), after(73))
    assert (call.ring_seconds, call.talk_seconds, call.rung) == (13, 60, ("101", "102"))
    assert story.told() == [
        "leg.ended 102 answered 60s",
        "call.ended 102 answered 60s",
        "call.final 102 answered 60s",
    ]


def test_a_missed_group_of_records_is_one_missed_call() -> None:
    story = told(*((600 + n / 10, part(one, 0, rings=20)) for n, one in enumerate(("101", "102", "103"))))

    assert story.told(ChangeKind.LEG_ENDED, ChangeKind.CALL_ENDED) == [
        "leg.ended 101 missed",
        "call.ended 101 missed",
    ]
    assert story.the_call.rung == ("101", "102", "103")


def test_a_record_that_comes_after_a_missed_call_was_told_tells_no_second_one() -> None:
    story = told((60, part("101", 0, rings=20)), (120, part("102", 0, rings=20)))

    assert story.told(ChangeKind.LEG_ENDED, ChangeKind.CALL_ENDED, ChangeKind.CORRECTED) == [
        "leg.ended 101 missed",
        "call.ended 101 missed",
    ]
    assert story.the_call.rung == ("101", "102")


def test_a_clock_that_runs_ahead_does_not_lead_into_the_future() -> None:
    story = told((10, part("101", 3600, rings=5, talk=60)))

    assert story.the_call.ended_at == after(10)
    assert story.the_call.started_at == after(10)


def test_a_group_closes_what_still_rings_when_somebody_answered() -> None:
    story = told(
        (0, rings("101")), (0, rings("102")), (5, answers("101")), (65, group("101", -3, rings=8, talk=60))
    )

    assert story.told(ChangeKind.LEG_ENDED) == ["leg.ended 101 answered 60s", "leg.ended 102 cancelled"]
    assert (story.the_call.started_at, story.the_call.ring_seconds) == (after(-3), 8)


def test_a_group_that_was_left_makes_one_missed_call_at_once() -> None:
    story = told((0, rings("101")), (0, rings("102")), (20, group("102", 0, rings=20)))

    assert story.told(ChangeKind.CALL_ENDED) == ["call.ended 101 missed"]
    assert story.the_call.ended_at == after(20)


@pytest.mark.parametrize("is_group_first", [True, False])
def test_who_talked_is_said_by_the_user_and_not_by_the_group(is_group_first: bool) -> None:
    summary, record = group("101", 0, rings=8, talk=12), part("101", 3, rings=5, talk=60)
    heard = [(70, summary), (71, record)] if is_group_first else [(70, record), (71, summary)]

    story = told(*heard)

    assert (story.the_call.talk_seconds, story.the_call.ring_seconds) == (60, 8)
    assert len(story.the_call.legs) == 1


@pytest.mark.parametrize("is_group_first", [True, False])
def test_a_group_that_names_nobody_leaves_no_trace_once_somebody_is_named(is_group_first: bool) -> None:
    summary, record = group(None, 0, rings=20), part("101", 2, rings=18)
    heard = [(70, summary), (71, record)] if is_group_first else [(70, record), (71, summary)]

    story = told(*heard)

    assert [leg.extension for leg in story.the_call.legs] == ["101"]
    assert story.told(ChangeKind.CALL_ENDED) in (["call.ended missed"], ["call.ended 101 missed"])
    assert story.the_call.extension == "101"


def test_a_card_of_nobody_is_closed_once_it_is_known_whose_it_was() -> None:
    story = told((0, rings("")), (5, group(None, 0, rings=5)), (6, leg_end("101", 0, rings=5, talk=9)))

    assert_cards_make_sense(story.changes)
    assert story.told() == [
        "leg.ringing",
        "leg.ended cancelled",
        "leg.ended 101 answered 9s",
        "call.ended 101 answered 9s",
        "call.final 101 answered 9s",
    ]


def test_in_a_group_a_phone_that_was_not_answered_is_no_missed_call_yet() -> None:
    in_queue = {"group": "Reception", "group_kind": GroupKind.QUEUE}
    story = told(
        (0, rings("101", leg_began_at=after(0), **in_queue)),
        (10, leg_end("101", 0, rings=10, **in_queue)),
        (14, rings("102", leg_began_at=after(14), **in_queue)),
        (20, answers("102", leg_began_at=after(14), **in_queue)),
        (50, leg_end("102", 14, rings=6, talk=30, **in_queue)),
    )

    assert story.told(ChangeKind.LEG_ENDED, ChangeKind.CALL_ENDED, ChangeKind.CORRECTED) == [
        "leg.ended 101 cancelled",
        "leg.ended 102 answered 30s",
        "call.ended 102 answered 30s",
    ]


def test_a_talk_between_employees_counts_once() -> None:
    first, second = (
        part(one, 0, talk=60, direction=Direction.INTERNAL, number="102") for one in ("101", "102")
    )
    story = told((70, first), (70, second))

    assert story.the_call.talk_seconds == 60


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize("rings", [(0, 0), (1, 0), (0, 1)])
def test_a_talk_between_employees_is_of_who_was_called(
    order: tuple[int, int], rings: tuple[int, int]
) -> None:
    """Both ends are told with whole seconds of ringing, each rounded by itself."""
    facts = {"talk": 2, "direction": Direction.INTERNAL, "number": "302"}
    ends = [leg_end("301", 12.894, rings=rings[0], **facts), leg_end("302", 12.900, rings=rings[1], **facts)]
    story = told(*((20, ends[index]) for index in order))

    assert story.the_call.extension == "302"


def test_a_talk_between_employees_that_was_passed_on_is_of_the_last() -> None:
    facts = {"direction": Direction.INTERNAL, "number": "102"}
    story = told(
        (40, leg_end("101", 0, talk=35, **facts)),
        (40, leg_end("102", 0, talk=5, **facts)),
        (40, leg_end("103", 8, talk=20, **facts)),
    )

    assert story.the_call.extension == "103"


def test_an_outbound_part_is_told_at_once() -> None:
    story = told((70, part("101", 0, talk=None, direction=OUT)))

    assert story.told() == ["leg.ended 101 missed", "call.ended 101 missed", "call.final 101 missed"]


def test_late_events_of_an_old_call_make_no_new_one() -> None:
    call = told((70, part("101", 0, talk=60))).the_call
    late = START + timedelta(hours=9)

    assert not is_over(call, rings("101", leg_began_at=after(0)), late)
    assert not is_over(call, CallEvent(call_id="K", happening=Happening.NOTED), late)
    assert not is_over(call, part("101", 0), late)
    assert is_over(call, rings("101"), late)


EXTENSIONS = st.sampled_from(["101", "102", ""])
BEGINS = st.sampled_from([0, 1, 7, 30])
parts = st.builds(
    part,
    EXTENSIONS | st.none(),
    BEGINS,
    rings=st.integers(0, 30),
    talk=st.none() | st.integers(0, 90),
    of=st.sampled_from([ReportOf.GROUP, ReportOf.LEG, ReportOf.RECORD]),
    is_guess=st.booleans(),
    group=st.none() | st.just("Reception"),
)
steps = st.builds(
    lambda make, extension, begins: make(extension, leg_began_at=None if begins is None else after(begins)),
    st.sampled_from([rings, answers, ends]),
    EXTENSIONS,
    BEGINS | st.none(),
)
anything = parts | steps | st.just(record()) | st.just(ends(None))


@settings(max_examples=400)
@given(
    heard=st.lists(st.tuples(st.floats(0, 120), anything), min_size=1, max_size=12).map(
        lambda items: sorted(items, key=lambda item: item[0])
    )
)
def test_any_parts_at_any_time_come_to_rest_and_tell_the_end_once(
    heard: list[tuple[float, CallEvent | CallReport]],
) -> None:
    story = told(*heard)

    kinds = [change.kind for change in story.changes]
    names = [(leg.extension, leg.attempt) for leg in story.the_call.legs]
    assert story.the_call.phase is Phase.FINAL
    assert not any(leg.is_open for leg in story.the_call.legs)
    assert len(set(names)) == len(names)
    assert kinds.count(ChangeKind.CALL_ENDED) <= 1
    assert_cards_make_sense(story.changes)


@given(news=st.lists(parts | steps, min_size=1, max_size=8))
def test_folding_the_last_part_again_changes_nothing(news: list[CallEvent | CallReport]) -> None:
    story = Story()
    for one in news:
        story.hear(one, 0)
    before = story.the_call

    again, changes = fold(before, news[-1], at=after(0), birth=BIRTH)

    assert (again, changes) == (before, ())
