"""What is due next, as far as one process has heard."""

from hypothesis import given
from hypothesis import strategies as st

from switchhook.flow.due_calls import DueCalls
from switchhook.store.calls import DueCall

ROWS = [f"row-{number}" for number in range(6)]


def due(call_row: str, due_ms: int) -> DueCall:
    return DueCall(due_ms, 1, call_row, f"call of {call_row}")


@given(
    st.lists(
        st.tuples(st.sampled_from(ROWS), st.none() | st.integers(min_value=0, max_value=40)), max_size=40
    ),
    st.integers(min_value=0, max_value=45),
)
def test_of_each_call_the_newest_time_counts(told: list[tuple[str, int | None]], now_ms: int) -> None:
    known = DueCalls()
    expected: dict[str, int] = {}
    for row, due_ms in told:
        if due_ms is None:
            known.forget(row)
        else:
            known.note(due(row, due_ms), before_ms=30)
        expected.pop(row, None)
        if due_ms is not None and due_ms <= 30:
            expected[row] = due_ms

    assert known.first_ms() == min(expected.values(), default=None)
    taken = known.take(now_ms, limit=100)
    assert {one.call_row: one.due_ms for one in taken} == {
        row: due_ms for row, due_ms in expected.items() if due_ms <= now_ms
    }
    assert [one.due_ms for one in taken] == sorted(one.due_ms for one in taken)
    assert known.take(now_ms, limit=100) == []


def test_no_more_are_taken_at_once_than_asked_for() -> None:
    known = DueCalls()
    for number in range(5):
        known.note(due(f"row-{number}", 5 - number), before_ms=100)
    assert [one.due_ms for one in known.take(10, limit=3)] == [1, 2, 3]
    assert [one.due_ms for one in known.take(10, limit=3)] == [4, 5]


def test_what_does_not_fit_is_left_to_the_store_and_is_not_due_at_an_old_time() -> None:
    known = DueCalls(most=2)
    known.note(due("first", 10), before_ms=100)
    known.note(due("second", 20), before_ms=100)
    known.note(due("third", 5), before_ms=100)
    known.note(due("first", 15), before_ms=100)
    assert known.take(100, limit=10) == [due("second", 20)]
