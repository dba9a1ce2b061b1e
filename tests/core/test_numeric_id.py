"""A call's id in digits: stable, short enough for a 64-bit column, and telling its second."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from switchhook.core.numeric_id import MOST_DIGITS, digits_of, numeric_id, second_of
from switchhook.flow.ids import RandomIds
from tests.store.kept_calls import ended

START, END = datetime(2020, 1, 1, tzinfo=UTC), datetime(2051, 1, 1, tzinfo=UTC)
MOMENTS = st.timedeltas(timedelta(seconds=1), END - START).map(lambda since: START + since)


@given(MOMENTS)
def test_an_id_of_ours_is_found_by_the_second_in_its_digits(at: datetime) -> None:
    ours = RandomIds().new_id(at)
    digits = digits_of(ours)
    first, last = second_of(int(digits))

    assert len(digits) <= MOST_DIGITS
    assert first <= ours < last
    assert not first <= RandomIds().new_id(at + timedelta(seconds=1)) < last
    assert not first <= RandomIds().new_id(at - timedelta(seconds=1)) < last


@given(st.text())
def test_any_other_id_has_digits_too(text: str) -> None:
    digits = digits_of(text)

    assert 0 < int(digits) < 10**MOST_DIGITS
    assert digits == digits_of(text) == str(int(digits))


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("177241404931", "177241404931"),
        ("1" * 18, "1" * 18),
        # Of ours: 2025-06-01 is 170,899,200 seconds after 2020-01-01.
        ("019728c9c000" + "0" * 13 + "7", "170899200000000007"),
        ("016f5e66e800" + "0" * 13 + "7", "7"),
    ],
)
def test_known_ids(text: str, digits: str) -> None:
    assert digits_of(text) == digits


NEITHER = ["0123", "1" * 19, "", "²", "019728C9C000" + "0" * 14, "016f5e66e7ff" + "0" * 14]


@pytest.mark.parametrize("text", NEITHER)
def test_what_is_neither_digits_nor_ours_is_hashed(text: str) -> None:
    assert len(digits_of(text)) == 17


def test_a_call_has_the_id_of_its_click_else_that_of_others_else_its_own() -> None:
    own, click = (RandomIds().new_id(datetime.now(UTC)) for _ in range(2))
    call = ended(own, "101")

    assert numeric_id(call) == digits_of(own)
    assert numeric_id(replace(call, shared_id="12345")) == "12345"
    assert numeric_id(replace(call, shared_id="12345", dial_id=click)) == digits_of(click)
