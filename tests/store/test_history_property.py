"""Whatever calls there are and however they come: pages laid side by side are the whole history."""

import itertools
from collections.abc import Iterable
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from switchhook.core.api import HistoryKind, HistoryQuery, HistoryRow
from switchhook.core.call import Call, Phase
from switchhook.core.directory import GroupKind
from switchhook.store import Store
from switchhook.store.accounts import ensure_account
from switchhook.store.call_parties import folded
from switchhook.store.history import history
from tests.store.kept_calls import ended, keep
from tests.store.own_loop import own_loop
from tests.store.times import NOW

MIDNIGHT = NOW.replace(hour=0, minute=0, second=0, microsecond=0)
EXTENSIONS = ("100", "101", "102", "103")
GROUPS = ("Sales", "SALES", "Приёмная")
KINDS = (GroupKind.QUEUE, GroupKind.RING)
# Few moments, so that many calls share one, and both sides of two midnights.
HOURS = (-24.001, -24, -2, 0, 0, 5, 23.999, 24, 30)

made_calls = st.builds(
    lambda number, hour, extensions, group, kind, is_open: ended(
        f"call-{number}",
        *extensions,
        started_at=MIDNIGHT + timedelta(hours=hour),
        group=group,
        group_kind=kind if group else None,
        phase=Phase.OPEN if is_open else Phase.ENDED,
    ),
    st.integers(0, 14),
    st.sampled_from(HOURS),
    st.lists(st.sampled_from(EXTENSIONS), max_size=4),
    st.sampled_from((None, *GROUPS)),
    st.sampled_from(KINDS),
    st.integers(0, 9).map(lambda n: n == 0),
)
batches = st.lists(st.lists(made_calls, max_size=8, unique_by=lambda call: call.id), max_size=6)
moments = st.none() | st.sampled_from(HOURS).map(lambda hour: MIDNIGHT + timedelta(hours=hour))
queries = st.builds(
    lambda **wanted: HistoryQuery(**wanted),
    kind=st.sampled_from(HistoryKind),
    since=moments,
    until=moments,
    names=st.lists(st.sampled_from((*EXTENSIONS, *GROUPS, "nobody")), max_size=3).map(tuple),
    limit=st.integers(1, 7),
)


def expected(calls: Iterable[Call], wanted: HistoryQuery) -> list[tuple[str, str]]:
    """Say which rows there are, oldest first, without any index."""
    rows = []
    names = {folded(name) for name in wanted.names}
    for call in calls:
        if call.phase is Phase.OPEN:
            continue
        if wanted.since is not None and call.started_at < wanted.since:
            continue
        if wanted.until is not None and call.started_at >= wanted.until:
            continue
        if wanted.kind is HistoryKind.USER:
            parties = {leg.extension for leg in call.legs}
        else:
            is_queue = call.group_kind is GroupKind.QUEUE
            is_meant = is_queue == (wanted.kind is HistoryKind.QUEUE)
            parties = {folded(call.group)} if call.group and is_meant else set()
        rows += [(call.started_at, call.id, one) for one in parties if not names or one in names]
    return [(call_row, party) for _, call_row, party in sorted(rows)]


def seen(row: HistoryRow, wanted: HistoryQuery) -> tuple[str, str]:
    return row.call.id, row.extension if wanted.kind is HistoryKind.USER else folded(row.group)


async def read_through(store: Store, account_id: int, wanted: HistoryQuery) -> list[tuple[str, str]]:
    """Page to the end, each page in its turn."""
    found: list[tuple[str, str]] = []
    while True:
        asked = replace(wanted, offset=len(found))
        page = await store.read(history, account_id, asked)
        found += [seen(row, wanted) for row in page.rows]
        assert page.total >= len(found)
        assert len(page.rows) == min(wanted.limit, page.total - asked.offset)
        if not page.rows:
            return found


async def scenario(store: Store, batches: list[list[Call]], wanted: HistoryQuery, name: str) -> None:
    account = await store.write(ensure_account, name, at=NOW)
    stored: dict[str, Call] = {}
    for batch in batches:
        mine = [with_prefix(call, account.id) for call in batch]
        await store.write(keep, account.id, mine)
        stored |= {call.id: call for call in mine}
    rows = expected(stored.values(), wanted)

    oldest_first, newest_first = (replace(wanted, is_newest_first=is_newest) for is_newest in (False, True))
    assert await read_through(store, account.id, oldest_first) == rows
    assert await read_through(store, account.id, newest_first) == rows[::-1]


def with_prefix(call: Call, account_id: int) -> Call:
    """Give the call ids that no other example has."""
    return replace(
        call,
        id=f"{account_id}-{call.id}",
        shared_id=f"{account_id}-{call.shared_id}",
        recording_token=f"{account_id}-{call.recording_token}",
    )


def test_pages_are_the_whole_history(where: str) -> None:
    names = (f"history of example {number}" for number in itertools.count())

    @settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
    @given(batches, queries)
    def prove(batches: list[list[Call]], wanted: HistoryQuery) -> None:
        runner.run(scenario(store, batches, wanted, next(names)))

    with own_loop(where) as (runner, store):
        prove()
