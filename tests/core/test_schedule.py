"""When to try again."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchhook.core.schedule import WINDOW_SECONDS, delay_seconds, read_retry_after

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def test_keeps_to_the_schedule() -> None:
    delays = [delay_seconds(attempts, jitter=0.5) for attempts in range(1, 13)]

    assert delays == [1, 5, 30, 120, 600, 1800, 3600, 10_800, 21_600, 43_200, 43_200, 43_200]


def test_gives_up_after_seven_days() -> None:
    attempts, total = 1, 0.0
    while (delay := delay_seconds(attempts, jitter=0.5)) is not None:
        attempts, total = attempts + 1, total + delay

    assert WINDOW_SECONDS - 43_200 < total <= WINDOW_SECONDS


@pytest.mark.parametrize(("age_seconds", "delay"), [(0.0, 43_200), (561_600.0, 43_200), (561_601.0, None)])
def test_the_age_decides_when_it_is_known(age_seconds: float, delay: float | None) -> None:
    assert delay_seconds(50, jitter=0.5, age_seconds=age_seconds) == delay


@pytest.mark.parametrize(
    ("asked", "delay"), [(None, 5), (0.0, 5), (3.0, 5), (60.0, 60), (86_400.0, 3600), (-5.0, 5)]
)
def test_waits_as_long_as_the_peer_asks_within_reason(asked: float | None, delay: float) -> None:
    assert delay_seconds(2, jitter=0.5, retry_after_seconds=asked) == delay


@given(attempts=st.integers(1, 22), jitter=st.floats(0, 1))
def test_jitter_spreads_by_a_fifth_both_ways(attempts: int, jitter: float) -> None:
    plain, spread = delay_seconds(attempts, jitter=0.5), delay_seconds(attempts, jitter=jitter)

    assert plain is not None
    assert spread is not None
    assert plain * 0.799 <= spread <= plain * 1.201


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120.0),
        (" 0 ", 0.0),
        ("Sun, 01 Mar 2026 12:01:30 GMT", 90.0),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0.0),
        ("-1", None),
        ("soon", None),
        ("1e3", None),
        ("9" * 400, None),
        ("", None),
        (None, None),
    ],
)
def test_reads_retry_after(text: str | None, seconds: float | None) -> None:
    assert read_retry_after(text, now=NOW) == seconds


@given(st.text())
def test_reads_any_retry_after(text: str) -> None:
    seconds = read_retry_after(text, now=NOW)

    assert seconds is None or seconds >= 0
