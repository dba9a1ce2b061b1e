"""Lists of calls: what each filter finds, and that pages by cursor are the whole list."""

import itertools
from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from switchhook.core.call import Call, Direction, Disposition, Phase
from switchhook.core.directory import GroupKind
from switchhook.core.number import read_number
from switchhook.store import Store
from switchhook.store.accounts import ensure_account
from switchhook.store.call_filter import MOST_WALKS
from switchhook.store.call_parties import folded
from switchhook.store.calls import CallFilter, page
from tests.store.kept_calls import ended, keep
from tests.store.own_loop import own_loop
from tests.store.times import NOW

LINE = "+74951234567"
OTHER_LINE = "+74957654321"

CALLS = [
    ended("a", "101", "102", answered="102", did="74951234567", group="Продажи", recordings=1),
    ended("b", "103", did="8 (495) 123-45-67", group="продажи", group_kind=GroupKind.QUEUE),
    ended("c", "101", answered="101", direction=Direction.OUTBOUND, did="74957654321"),
    ended("d", "101", "104", did="84951234567", phase=Phase.OPEN, group="Продажи"),
    ended("e", "102", number="8 (910) 123-45-67", connection_id="c-2", recordings=2),
    ended("f", number="anonymous"),
]


def spaced(calls: list[Call]) -> list[Call]:
    return [replace(call, started_at=NOW + timedelta(minutes=n)) for n, call in enumerate(calls)]


async def listed(store: Store, account_id: int, wanted: CallFilter, limit: int = 2) -> str:
    """Page to the end."""
    found = ""
    after = None
    while True:
        shown = await store.read(page, account_id, wanted, after=after, limit=limit)
        found += "".join(call.id for call in shown.calls)
        after = shown.following
        if after is None:
            return found


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (CallFilter(), "fedcba"),
        (CallFilter(employee="101"), "ca"),  # d goes on
        (CallFilter(employee="102"), "ea"),
        (CallFilter(employee="105"), ""),
        (CallFilter(group="ПРОДАЖИ"), "ba"),  # a ring group and a queue
        (CallFilter(employee="103", group="продажи"), "b"),
        (CallFilter(employee="101", line=LINE), "a"),
        (CallFilter(line=LINE), "dba"),
        (CallFilter(line="8 495 123 45 67"), "dba"),
        (CallFilter(line=LINE, has_recording=False), "db"),
        (CallFilter(line=LINE, since=NOW + timedelta(minutes=1)), "db"),
        (CallFilter(line="+74950000000"), ""),
        (CallFilter(did="84951234567"), "d"),
        (CallFilter(did="84951234567", line=OTHER_LINE), ""),
        (CallFilter(number="+7 910 123-45-67"), "e"),
        (CallFilter(number="4567"), "edcba"),
        (CallFilter(number="04567"), "dcba"),  # so many digits are looked up by themselves
        (CallFilter(number="8 499 000-45-67", since=NOW + timedelta(minutes=2)), "dc"),
        (CallFilter(number="004567", employee="101"), "ca"),
        (CallFilter(number="004567", group="продажи", line=LINE), "ba"),
        (CallFilter(number="unreadable"), ""),
        (CallFilter(number=""), "fedcba"),
        (CallFilter(has_recording=True), "ea"),
        (CallFilter(has_recording=False), "fdcb"),
        (CallFilter(has_recording=True, employee="101"), "a"),
        (CallFilter(connection_id="c-2"), "e"),
        (CallFilter(direction=Direction.OUTBOUND), "c"),
        (CallFilter(dispositions=(Disposition.ANSWERED, Disposition.BUSY)), "ca"),
        (CallFilter(since=NOW + timedelta(minutes=1), until=NOW + timedelta(minutes=3)), "cb"),
        (CallFilter(employee="101", until=NOW + timedelta(minutes=2)), "a"),
        (CallFilter(group="продажи", since=NOW + timedelta(minutes=1)), "b"),
    ],
)
async def test_finds(store: Store, account_id: int, wanted: CallFilter, found: str) -> None:
    number_of_others = [replace(call, number="+74990004567") if call.id in "abcd" else call for call in CALLS]
    await store.write(keep, account_id, spaced(number_of_others))

    assert await listed(store, account_id, wanted) == found


async def test_finds_a_line_in_more_spellings_than_are_read_one_by_one(store: Store, account_id: int) -> None:
    made = [ended(chr(97 + n), "101", did="+7495" + "-" * n + "1234567") for n in range(MOST_WALKS + 3)]
    await store.write(keep, account_id, spaced(made))

    found = "".join(call.id for call in reversed(made))
    assert await listed(store, account_id, CallFilter(line=LINE)) == found
    assert await listed(store, account_id, CallFilter(line=LINE, employee="101"), limit=50) == found


NUMBERS = ("+79161234567", "+79990004567", "74951234567")
made_calls = st.builds(
    lambda minute, extensions, group, did, recordings, is_open, number: ended(
        "",
        *extensions,
        number=number,
        started_at=NOW + timedelta(minutes=minute),
        did=did,
        group=group,
        recordings=recordings,
        phase=Phase.OPEN if is_open else Phase.ENDED,
    ),
    st.integers(0, 6),
    st.lists(st.sampled_from(("101", "102", "103")), max_size=3),
    st.sampled_from((None, "Sales", "sales", "Support")),
    st.sampled_from((None, "74951234567", "8 495 123 45 67", "74957654321")),
    st.integers(0, 1),
    st.booleans(),
    st.sampled_from(NUMBERS),
)
filters = st.builds(
    CallFilter,
    employee=st.sampled_from((None, None, "101", "102")),
    group=st.sampled_from((None, None, "SALES", "Support")),
    line=st.sampled_from((None, None, LINE)),
    number=st.sampled_from((None, None, None, "4567", "1234567", "8 999 000 45 67")),
    has_recording=st.sampled_from((None, None, True, False)),
    since=st.none() | st.integers(0, 6).map(lambda minute: NOW + timedelta(minutes=minute)),
    until=st.none() | st.integers(0, 6).map(lambda minute: NOW + timedelta(minutes=minute)),
)

TESTS: dict[str, Callable[[Call, CallFilter], bool]] = {
    "employee": lambda call, wanted: call.phase is not Phase.OPEN and wanted.employee in call.rung,
    "group": lambda call, wanted: (
        call.phase is not Phase.OPEN and folded(call.group or "") == folded(wanted.group or "")
    ),
    "line": lambda call, wanted: read_number(call.did or "").e164 == wanted.line,
    "number": lambda call, wanted: call.number.endswith((wanted.number or "").replace(" ", "")[1:]),
    "has_recording": lambda call, wanted: bool(call.recordings) is wanted.has_recording,
    "since": lambda call, wanted: wanted.since is not None and call.started_at >= wanted.since,
    "until": lambda call, wanted: wanted.until is not None and call.started_at < wanted.until,
}


def is_wanted(call: Call, wanted: CallFilter) -> bool:
    return all(getattr(wanted, name) is None or test(call, wanted) for name, test in TESTS.items())


async def scenario(store: Store, calls: list[Call], wanted: CallFilter, limit: int, name: str) -> None:
    account = await store.write(ensure_account, name, at=NOW)
    mine = [
        replace(call, id=f"{account.id:06}-{n:03};", shared_id=f"s{n}", recording_token=f"{account.id} {n}")
        for n, call in enumerate(calls)
    ]
    await store.write(keep, account.id, [replace(call, call_id=call.id) for call in mine])
    found = sorted((call.started_at, call.id) for call in mine if is_wanted(call, wanted))

    assert await listed(store, account.id, wanted, limit) == "".join(row for _, row in found[::-1])


def test_pages_are_the_whole_list(where: str) -> None:
    names = (f"list of example {number}" for number in itertools.count())

    @settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(made_calls, max_size=20), filters, st.integers(1, 5))
    def prove(calls: list[Call], wanted: CallFilter, limit: int) -> None:
        runner.run(scenario(store, calls, wanted, limit, next(names)))

    with own_loop(where) as (runner, store):
        prove()
