"""The times of the PBX's clock on ours: whatever delays a message, and however the two clocks are set."""

from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchhook.connectors.asterisk.link.pbx_clock import LONGEST_DELAY, WINDOW, PbxClock
from switchhook.connectors.asterisk.listen.from_ari import read_time
from tests.core.story import START

gaps = st.lists(st.floats(0, 30), min_size=1, max_size=60)
delays = st.lists(st.floats(0, 4.9), min_size=60, max_size=60)
# Of the PBX's clock before ours.
skews = st.floats(-86_400, 86_400)


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def happenings(gaps: list[float]) -> list[datetime]:
    times = [START]
    for gap in gaps:
        times.append(times[-1] + seconds(gap))
    return times[1:]


def arrivals(times: list[datetime], delays: list[float]) -> list[datetime]:
    """What is late makes all that follows it late, as on one socket."""
    came = START
    arrived = []
    for time, delay in zip(times, delays, strict=False):
        came = max(came, time + seconds(delay))
        arrived.append(came)
    return arrived


@given(gaps, delays, skews)
def test_a_time_lies_between_the_happening_and_its_message(
    gaps: list[float], delays: list[float], skew: float
) -> None:
    clock, times = PbxClock(), happenings(gaps)

    for time, at in zip(times, arrivals(times, delays), strict=True):
        is_known = at - time <= LONGEST_DELAY
        assert (time if is_known else at - LONGEST_DELAY) <= clock.when(time + seconds(skew), at) <= at


@given(st.lists(st.floats(0, 3), min_size=1, max_size=30), delays, skews)
def test_after_one_message_without_delay_all_times_are_right(
    gaps: list[float], delays: list[float], skew: float
) -> None:
    clock, times = PbxClock(), happenings(gaps)
    clock.when(START + seconds(skew), START)

    told = [
        clock.when(time + seconds(skew), time + seconds(delay))
        for time, delay in zip(times, sorted(delays), strict=False)
    ]

    assert all(abs(one - time) < seconds(0.001) for one, time in zip(told, times, strict=True))


def test_under_load_a_talk_is_as_long_as_it_was() -> None:
    """1.2 seconds, of which the hub heard with 0.05 and 1.85 seconds of delay."""
    clock = PbxClock()
    answered = clock.when(START + seconds(3600), START + seconds(0.05))
    ended = clock.when(START + seconds(3601.2), START + seconds(3.05))

    assert ended - answered == seconds(1.2)


@given(skews, skews, st.floats(0, 300), gaps, delays, st.booleans())
def test_a_clock_that_is_set_spoils_nothing_for_long(
    skew: float, other: float, pause: float, gaps: list[float], delays: list[float], is_ours: bool
) -> None:
    """Either of the two: then no time is in the future, nor long past, and soon all are right again."""
    clock = PbxClock()
    for second in range(20):
        clock.when(START + seconds(second + skew), START + seconds(second + 0.01))
    shift = START + seconds(20 + pause)
    times = [shift + (time - START) for time in happenings(gaps)]
    ours = seconds(other if is_ours else 0)
    first = times[0]

    for time, delay in zip(times, delays, strict=False):
        at = time + seconds(delay) + ours
        told = clock.when(time + seconds(skew if is_ours else other), at)

        assert at - LONGEST_DELAY <= told <= at
        if time - first > WINDOW + LONGEST_DELAY:
            assert time + ours - seconds(0.001) <= told


@pytest.mark.parametrize("back", [2, 4, 6, 3600])
def test_a_clock_that_is_set_back_during_a_call_is_seen_at_its_next_event(back: float) -> None:
    clock = PbxClock()
    for tenth in range(20):
        clock.when(START + seconds(tenth / 10), START + seconds(tenth / 10))

    told = [clock.when(START + seconds(2.1 + n - back), START + seconds(2.1 + n)) for n in (0, 1, 2)]

    assert told == [START + seconds(2.1 + n) for n in (0, 1, 2)]


def test_a_clock_that_is_set_forward_is_believed_at_once() -> None:
    clock = PbxClock()
    clock.when(START, START)

    assert clock.when(START + seconds(3601), START + seconds(1)) == START + seconds(1)
    assert clock.ahead == seconds(3600)


def test_a_clock_that_drifts_is_followed() -> None:
    """A second an hour, over a day: the times keep their distance."""
    clock = PbxClock()
    told = [
        clock.when(START + seconds(minute * 60 * (1 - 1 / 3600)), START + seconds(minute * 60))
        for minute in range(24 * 60)
    ]

    assert all(abs(later - earlier - seconds(60)) < seconds(0.05) for earlier, later in pairwise(told[3:]))


@pytest.mark.parametrize("said", ["", "yesterday", "2026-11-21T04:50:28.251", "2026-13-21T04:50:28.251+0000"])
def test_what_says_no_time_was_when_it_came(said: str) -> None:
    clock = PbxClock()

    assert clock.when(read_time(said), START) == START
    assert clock.ahead is None


@pytest.mark.parametrize("said", ["0001-01-01T00:00:00.000+2359", "9999-12-31T23:59:59.999-2359"])
def test_times_at_the_ends_of_the_calendar_are_nonsense(said: str) -> None:
    clock = PbxClock()

    assert clock.when(read_time(said), START) == START
    assert clock.ahead is None
