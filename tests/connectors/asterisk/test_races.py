"""The order of Asterisk's events is not given across its topics, and repetition says nothing new."""

import functools
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switchhook.connectors.asterisk.listen.sight import (
    Bridged,
    Connected,
    Dialled,
    PickedUp,
    RecordingMade,
    Sight,
)

from .recordings import CASES, Moment, ami_of, ari_of, outcome, steps, told

every_case = pytest.mark.parametrize("case", CASES)
every_recording = pytest.mark.parametrize(
    ("case", "interface"), [(case, interface) for case in CASES for interface in ("ami", "ari")]
)
# Events this close together come from threads that do not wait for each other.
RACE_SECONDS = 0.002
# For each of many recordings; the profile for long searches asks for more.
EXAMPLES = max(10, settings().max_examples // 10)


def moments_of(case: str, interface: str) -> Sequence[Moment]:
    return ami_of(case) if interface == "ami" else ari_of(case)


@functools.cache
def outcomes_of(case: str, interface: str) -> Sequence[dict[str, object]]:
    """Give what comes of a recording as it is."""
    return [outcome(call) for call in told(moments_of(case, interface)).calls.values()]


def topic(sight: Sight) -> tuple[str, str]:
    """Whoever publishes it: what one of them says stays in order."""
    match sight:
        case Dialled(dest=dest):
            return "dial", dest.id
        case Bridged(channel=channel):
            return "bridge", channel.id
        case Connected(dest=dest):
            return "queue", dest.id
        case PickedUp(channel=channel):
            return "pickup", channel.id
        case RecordingMade(name=name):
            return "recording", name
        case _:
            return "channel", getattr(getattr(sight, "channel", None), "id", "")


@st.composite
def raced(draw: st.DrawFn, moments: Sequence[Moment]) -> list[Moment]:
    """Let every topic be late by up to a race, each of its events after the one before."""
    delays = draw(
        st.lists(st.floats(0, RACE_SECONDS), min_size=len(moments), max_size=len(moments)).map(tuple)
    )
    latest: dict[tuple[str, str], float] = {}
    late: list[Moment] = []
    for (seconds, sight), delay in zip(moments, delays, strict=True):
        key = topic(sight)
        latest[key] = max(seconds + delay, latest.get(key, 0.0))
        late.append((latest[key], sight))
    return sorted(late, key=lambda moment: moment[0])


@st.composite
def repeated(draw: st.DrawFn, moments: Sequence[Moment]) -> list[Moment]:
    """Say some events again, a little later."""
    again = draw(st.lists(st.tuples(st.integers(0, len(moments) - 1), st.integers(0, 4)), max_size=20))
    told_again: list[tuple[int, int, Moment]] = [(index, 0, one) for index, one in enumerate(moments)]
    for index, later in again:
        place = min(index + later, len(moments) - 1)
        told_again.append((place, 1, (moments[place][0], moments[index][1])))
    return [moment for _, _, moment in sorted(told_again, key=lambda one: one[:2])]


@every_recording
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_a_call_is_the_same_however_its_events_race(case: str, interface: str, data: st.DataObject) -> None:
    moments, expected = moments_of(case, interface), outcomes_of(case, interface)

    calls = told(data.draw(raced(moments))).calls.values()

    assert [_unordered(outcome(call)) for call in calls] == [_unordered(one) for one in expected]


def _unordered(found: dict[str, object]) -> dict[str, object]:
    """Phones that ring together have no order, nor has it a meaning which one stands for a missed call."""
    legs = found["legs"]
    assert isinstance(legs, list)
    extension = found["extension"] if found["disposition"] == "answered" else None
    return found | {"legs": sorted(legs), "extension": extension}


@every_recording
def test_every_event_told_twice_says_the_same_as_once(case: str, interface: str) -> None:
    moments = moments_of(case, interface)

    twice = told(moment for moment in moments for _ in range(2))

    assert steps(twice.news) == steps(told(moments).news)


@every_recording
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_events_that_are_repeated_later_change_nothing(
    case: str, interface: str, data: st.DataObject
) -> None:
    moments = moments_of(case, interface)

    again = told(data.draw(repeated(moments)))

    assert [outcome(call) for call in again.calls.values()] == outcomes_of(case, interface)


@every_case
def test_both_interfaces_at_once_tell_what_one_of_them_tells(case: str) -> None:
    """Nobody should listen to both, but it does no harm: each is a repetition of the other."""
    both = sorted([*ami_of(case), *ari_of(case)], key=lambda moment: moment[0])

    calls = told(both).calls.values()

    expected = outcomes_of(case, "ami")
    assert [_unordered(outcome(call)) for call in calls] == [_unordered(one) for one in expected]


def test_a_loser_may_be_cancelled_after_the_winner_was_told() -> None:
    """Dial cancels first and then tells of the answer, Queue the other way round, and that twice."""
    for case in ("ring_group", "queue_answered"):
        moments = list(ami_of(case))
        ends = [m for m in moments if isinstance(m[1], Dialled) and m[1].status in ("ANSWER", "CANCEL")]
        rest = [m for m in moments if m not in ends]
        for order in (ends, ends[::-1]):
            merged = sorted([*rest, *((ends[0][0], sight) for _, sight in order)], key=lambda m: m[0])

            assert outcome(told(merged).the_call) == outcome(told(moments).the_call), case
