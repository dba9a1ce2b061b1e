"""Events, rows, or both, in any order and with losses: one call, and always the same one."""

from collections.abc import Callable, Sequence
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchhook.core.call import Call, ChangeKind, News, Phase
from tests.connectors.voipcloud.played import (
    Part,
    Played,
    news_of_event,
    news_of_queue_row,
    news_of_user_row,
    record_of,
)
from tests.connectors.voipcloud.story import Story

USERS = ("2041", "2042", "2043")
DELAY = st.integers(0, 400)


@st.composite
def parts_of_a_group(draw: st.DrawFn) -> list[Part]:
    """Phones that ring together; one may talk, and may hand the call on to another user."""
    rung = draw(st.lists(st.sampled_from(USERS), min_size=1, max_size=3, unique=True))
    begins = draw(st.integers(0, 30))
    rings = draw(st.integers(0, 40))
    winner = draw(st.none() | st.sampled_from(rung))
    talk = draw(st.integers(1, 900))
    parts = [
        Part(user=user, begins=begins, rings=rings, talk=talk if user == winner else None) for user in rung
    ]
    others = [user for user in USERS if user not in rung]
    if winner and others and draw(st.booleans()):
        handed_on = begins + rings + talk
        parts.append(Part(user=others[0], begins=handed_on, rings=draw(st.integers(0, 9)), talk=talk))
    return parts


@st.composite
def hunts(draw: st.DrawFn) -> list[Part]:
    """Phones that ring one after another until somebody picks up, or nobody does."""
    rung = draw(st.lists(st.sampled_from(USERS), min_size=1, max_size=3, unique=True))
    begins, parts = draw(st.integers(0, 10)), []
    for user in rung:
        rings = draw(st.integers(3, 30))
        parts.append(Part(user=user, begins=begins, rings=rings))
        begins += rings + draw(st.integers(0, 3))
    if draw(st.booleans()):
        last = parts[-1]
        parts[-1] = Part(user=last.user, begins=last.begins, rings=last.rings, talk=draw(st.integers(1, 900)))
    return parts


groups = st.builds(Played, parts=parts_of_a_group(), queue=st.none() | st.just("Reception"))
queues = st.builds(Played, parts=hunts(), queue=st.just("Reception"), has_summary=st.booleans())
inbound = groups | queues
outbound = st.builds(
    Played,
    is_outbound=st.just(True),
    parts=st.builds(
        lambda rings, talk: [Part(user="2041", begins=0, rings=rings, talk=talk)],
        st.integers(0, 60),
        st.none() | st.integers(1, 900),
    ),
)
calls = inbound | outbound

Heard = list[tuple[float, Callable[[datetime], list[News]]]]


def events_heard(played: Played, delays: Sequence[int]) -> Heard:
    return [
        (seconds + delay, lambda at, event=event: news_of_event(event, at))  # type: ignore[misc]
        for (seconds, event), delay in zip(played.events(), delays, strict=True)
    ]


def rows_heard(played: Played, delays: Sequence[int]) -> Heard:
    rows = [news_of_user_row(row) for row in played.rows()]
    if played.queue and played.has_summary:
        rows.append(news_of_queue_row(played.queue_row()))
    return [
        (played.ends + delay, lambda at, news=news: news)  # type: ignore[misc]
        for news, delay in zip(rows, delays, strict=False)
    ]


def told(played: Played, *heard: Heard) -> Story:
    story = Story(played.starts)
    for seconds, news_at in sorted((one for some in heard for one in some), key=lambda one: one[0]):
        story.pass_time(until=seconds)
        story.hear(news_at(story.at(seconds)), seconds)
    return story.rest()


def by_rows(played: Played) -> Call:
    return told(played, rows_heard(played, [0] * 9)).the_call


def delays(data: st.DataObject, count: int) -> list[int]:
    return data.draw(st.lists(DELAY, min_size=count, max_size=count))


@given(played=calls, data=st.data())
def test_events_alone_make_the_call_that_rows_make(played: Played, data: st.DataObject) -> None:
    heard = events_heard(played, delays(data, len(list(played.events()))))

    story = told(played, heard, data.draw(repeats_of(heard)))

    assert record_of(story.the_call) == record_of(by_rows(played))


@given(played=calls, data=st.data())
def test_rows_and_events_together_make_the_call_that_rows_make(played: Played, data: st.DataObject) -> None:
    events = events_heard(played, delays(data, len(list(played.events()))))
    rows = rows_heard(played, delays(data, 9))
    kept = [one for one in events if data.draw(st.booleans())]

    story = told(played, kept, rows, data.draw(repeats_of(kept + rows)))

    assert record_of(story.the_call) == record_of(by_rows(played))
    assert story.the_call.phase is Phase.FINAL


@given(played=calls, data=st.data())
def test_a_part_told_by_its_row_or_by_its_end_is_enough(played: Played, data: st.DataObject) -> None:
    """Some events are lost, and some rows were not read: each part's end is known from one of the two."""
    events = events_heard(played, delays(data, len(list(played.events()))))
    rows = rows_heard(played, delays(data, 9))
    ends = [one for one, (_, event) in zip(events, played.events(), strict=True) if is_end(event["type"])]
    others = [one for one in events if one not in ends]
    in_order = sorted(played.parts, key=lambda part: part.begins)
    chosen: Heard = []
    for part, end in zip(played.parts, ends, strict=False):
        row = rows[in_order.index(part)]
        chosen += data.draw(st.sampled_from([[end], [row], [end, row]]))
    group = ends[len(played.parts) :] or []
    kept = [one for one in others if data.draw(st.booleans())]

    story = told(played, chosen, group, kept)

    assert record_of(story.the_call) == record_of(by_rows(played))


@given(played=calls, data=st.data())
def test_it_is_told_once(played: Played, data: st.DataObject) -> None:
    events = events_heard(played, delays(data, len(list(played.events()))))
    rows = rows_heard(played, delays(data, 9))

    kinds = [change.kind for change in told(played, events, rows).changes]

    assert kinds.count(ChangeKind.CALL_ENDED) == 1
    assert kinds.count(ChangeKind.CALL_FINAL) == 1


@given(played=calls)
def test_a_call_that_is_followed_live_needs_no_correction_when_its_rows_come(played: Played) -> None:
    events = events_heard(played, [0] * len(list(played.events())))

    story = told(played, events, rows_heard(played, [60] * 9))

    assert ChangeKind.CORRECTED not in {change.kind for change in story.changes}
    assert open_cards(story) == set()


@given(played=calls, data=st.data())
def test_no_card_is_left_open(played: Played, data: st.DataObject) -> None:
    events = events_heard(played, delays(data, len(list(played.events()))))
    kept = [one for one in events if data.draw(st.booleans())]

    story = told(played, kept, rows_heard(played, delays(data, 9)))

    assert open_cards(story) == set()


def open_cards(story: Story) -> set[tuple[str, int]]:
    cards: set[tuple[str, int]] = set()
    for change in story.changes:
        if change.kind is ChangeKind.LEG_RINGING:
            cards.add((change.extension, change.attempt))
        elif change.kind is ChangeKind.LEG_ENDED:
            cards.discard((change.extension, change.attempt))
    return cards


def repeats_of(heard: Heard) -> st.SearchStrategy[Heard]:
    if not heard:
        return st.just([])
    one = st.tuples(st.integers(0, 300), st.sampled_from(heard)).map(lambda it: (it[0] + it[1][0], it[1][1]))
    return st.lists(one, max_size=4)


def is_end(kind: str) -> bool:
    return kind.endswith(("_completed", "_call"))


def test_the_sample_of_the_documents() -> None:
    played = Played(
        parts=[Part(user="2041", begins=7, rings=8, talk=87)],
        queue="Reception",
    )

    call = by_rows(played)

    assert (call.ring_seconds, call.talk_seconds, call.extension, call.group) == (15, 87, "2041", "Reception")
    assert call.started_at == played.starts
    assert call.number == "+61299990011"
    assert call.did == "+61280001234"


@pytest.mark.parametrize("is_row_first", [True, False])
def test_where_they_disagree_the_row_counts(is_row_first: bool) -> None:
    played = Played(parts=[Part(user="2041", begins=7, rings=8, talk=87)])
    wrong = Played(parts=[Part(user="2041", begins=7, rings=4, talk=12)])
    events = events_heard(wrong, [0, 0, 0])
    rows = rows_heard(played, [0 if is_row_first else 60])
    late = [(seconds + (200 if is_row_first else 0), news) for seconds, news in events]

    story = told(played, late, rows)

    assert record_of(story.the_call) == record_of(by_rows(played))


def test_a_row_that_says_missed_undoes_an_answer_that_an_event_told() -> None:
    played = Played(parts=[Part(user="2041", begins=0, rings=8)])
    wrong = Played(parts=[Part(user="2041", begins=0, rings=8, talk=5)])

    story = told(played, events_heard(wrong, [0, 0, 0]), rows_heard(played, [60]))

    assert record_of(story.the_call) == record_of(by_rows(played))
    assert story.the_call.is_missed
