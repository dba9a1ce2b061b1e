"""What holds for every call, however its news are reordered, repeated and lost on the way."""

from hypothesis import given, settings
from hypothesis import strategies as st

from switchhook.core.call import (
    CallEvent,
    Change,
    ChangeKind,
    Direction,
    Disposition,
    Happening,
    News,
    Phase,
)
from switchhook.core.fold import fold

from .story import (
    BIRTH,
    OUT,
    Story,
    after,
    answers,
    cancelled,
    ends,
    kept,
    missed,
    record,
    report,
    rings,
    success,
    together,
    told,
)

EXTENSIONS = ("101", "102", "103")
OUTBOUND_ENDS = (
    Disposition.BUSY,
    Disposition.NO_ANSWER,
    Disposition.UNREACHABLE,
    Disposition.FORBIDDEN,
)


@st.composite
def answered_groups(draw: st.DrawFn) -> list[News]:
    """Phones that ring together; one talks."""
    rung = draw(st.lists(st.sampled_from(EXTENSIONS), min_size=1, max_size=3, unique=True))
    winner = draw(st.sampled_from(rung))
    losers: list[News] = [cancelled(extension) for extension in rung if extension != winner]
    news: list[News] = [rings(extension) for extension in rung]
    news += [answers(winner), *losers, success(winner, draw(st.integers(1, 900)), is_recorded=True)]
    if draw(st.booleans()):
        news.append(record())
    return news


@st.composite
def missed_groups(draw: st.DrawFn) -> list[News]:
    """Phones that ring together; nobody picks up, and each may be told as missed."""
    rung = draw(st.lists(st.sampled_from(EXTENSIONS), min_size=1, max_size=3, unique=True))
    said = draw(st.integers(1, len(rung)))
    return [
        *(rings(extension) for extension in rung),
        *(missed(extension) for extension in rung[:said]),
        *(cancelled(extension) for extension in rung[said:]),
    ]


@st.composite
def outbound_calls(draw: st.DrawFn) -> list[News]:
    end = draw(st.sampled_from(OUTBOUND_ENDS))
    if draw(st.booleans()):
        return [
            rings("101", direction=OUT),
            answers("101", direction=OUT),
            success("101", draw(st.integers(1, 900)), direction=OUT),
        ]
    return [rings("101", direction=OUT), ends("101", end, direction=OUT)]


calls = st.one_of(answered_groups(), missed_groups(), outbound_calls())

any_news = st.one_of(
    st.builds(
        CallEvent,
        call_id=st.just("K"),
        happening=st.sampled_from([Happening.RINGING, Happening.ANSWERED, Happening.ENDED]),
        direction=st.sampled_from(["inbound", "outbound", "unknown"]).map(Direction),
        number=st.just("79165550142"),
        extension=st.sampled_from([*EXTENSIONS, "", None]),
        talk_seconds=st.none() | st.integers(0, 900),
        disposition=st.none() | st.sampled_from(list(Disposition)),
        is_recorded=st.booleans(),
        recording_url=st.none() | st.just("https://pbx.example.test/r/K.mp3"),
        report_within_seconds=st.none() | st.just(900),
    ),
    st.just(record()),
    st.just(kept()),
    st.just(kept(is_kept=False)),
    st.sampled_from(list(Disposition)).flatmap(
        lambda disposition: st.builds(
            report,
            st.just(disposition),
            st.none() | st.sampled_from(EXTENSIONS),
            talk_seconds=st.none() | st.integers(0, 900),
        )
    ),
)


def outcome(story: Story) -> tuple[object, ...]:
    call = story.the_call
    return (
        call.disposition,
        call.talk_seconds if call.disposition is Disposition.ANSWERED else 0,
        call.extension if call.disposition is Disposition.ANSWERED else None,
        frozenset(call.rung),
        frozenset(recording.url for recording in call.recordings),
        call.direction,
    )


@given(news=calls, data=st.data())
def test_the_order_of_arrival_does_not_change_the_outcome(news: list[News], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(news))

    assert outcome(together(shuffled)) == outcome(together(news))


@given(news=calls, data=st.data())
def test_repetition_does_not_change_the_outcome(news: list[News], data: st.DataObject) -> None:
    repeated: list[News] = []
    for one in news:
        repeated += [one] * data.draw(st.integers(1, 3))

    assert outcome(together(repeated)) == outcome(together(news))
    assert together(repeated).told() == together(news).told()


@given(news=answered_groups(), data=st.data())
def test_whatever_is_lost_an_answered_end_makes_the_call_answered(
    news: list[News], data: st.DataObject
) -> None:
    lost = data.draw(st.sets(st.integers(0, len(news) - 1)))
    heard = [
        one
        for index, one in enumerate(news)
        if index not in lost or (isinstance(one, CallEvent) and one.disposition is Disposition.ANSWERED)
    ]

    story = together(heard)

    assert story.the_call.disposition is Disposition.ANSWERED
    assert story.the_call.talk_seconds == outcome(together(news))[1]


@given(news=missed_groups(), data=st.data())
def test_a_missed_group_is_one_missed_call_told_once(news: list[News], data: st.DataObject) -> None:
    story = together(data.draw(st.permutations(news)))

    said = [
        change
        for change in story.changes
        if change.kind is ChangeKind.LEG_ENDED and change.disposition is Disposition.MISSED
    ]
    ended = [change for change in story.changes if change.kind is ChangeKind.CALL_ENDED]
    assert len(ended) == 1
    assert ended[0].disposition is Disposition.MISSED
    assert len(said) + (0 if ended[0].was_said else 1) == 1


@settings(max_examples=300)
@given(
    heard=st.lists(st.tuples(st.floats(0, 60), any_news), min_size=1, max_size=12).map(
        lambda items: sorted(items, key=lambda item: item[0])
    )
)
def test_any_news_at_any_time_come_to_rest_and_tell_the_end_once(heard: list[tuple[float, News]]) -> None:
    story = told(*heard)

    kinds = [change.kind for change in story.changes]
    assert story.the_call.phase is Phase.FINAL
    assert not any(leg.is_open for leg in story.the_call.legs)
    assert kinds.count(ChangeKind.CALL_ENDED) <= 1
    assert kinds.count(ChangeKind.CALL_FINAL) == kinds.count(ChangeKind.CALL_ENDED)
    assert_cards_make_sense(story.changes)


def assert_cards_make_sense(changes: list[Change]) -> None:
    """A card opens before it turns or closes, and none is left open."""
    open_cards: set[tuple[str, int]] = set()
    for change in changes:
        card = (change.extension, change.attempt)
        match change.kind:
            case ChangeKind.LEG_RINGING:
                open_cards.add(card)
            case ChangeKind.LEG_ANSWERED:
                assert card in open_cards
            case ChangeKind.LEG_ENDED:
                open_cards.discard(card)
            case _:
                pass
    assert open_cards == set()


@given(news=st.lists(any_news, min_size=1, max_size=8))
def test_folding_the_last_news_again_changes_nothing(news: list[News]) -> None:
    story = Story()
    for one in news:
        story.hear(one, 0)
    before = story.the_call

    again, changes = fold(before, news[-1], at=after(0), birth=BIRTH)

    assert (again, changes) == (before, ())


@given(news=st.lists(any_news, min_size=1, max_size=8))
def test_an_answer_is_never_undone_except_by_its_own_ring_cancelled(news: list[News]) -> None:
    story = Story()
    was_answered = False
    for one in news:
        story.hear(one, 0)
        answered = any(leg.disposition is Disposition.ANSWERED for leg in story.the_call.legs)
        assert answered or not was_answered
        was_answered = answered
