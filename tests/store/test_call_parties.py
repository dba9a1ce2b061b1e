"""Every ended call has a row for each user and for the group that brought it, and each row is counted."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from switchhook.core.call import Call, Direction, Phase
from switchhook.core.directory import GroupKind
from switchhook.store import Store, many, open_store, postgres
from switchhook.store.accounts import ensure_account
from switchhook.store.call_parties import EVERYBODY, concerns_parties, folded, write_parties
from switchhook.store.groups import add_group
from switchhook.store.lines import add_line
from switchhook.store.tables.parties import call_parties, call_party_days
from switchhook.store.times import DAY, to_millis
from tests.store.kept_calls import ended
from tests.store.times import NOW

LINE = "+74951234567"


def parties(tx: sa.Connection, account_id: int) -> list[tuple[str, str, str]]:
    c = call_parties.c
    found = sa.select(c.call_row, c.kind, c.party).where(c.account_id == account_id)
    return sorted((row.call_row, row.kind, row.party) for row in tx.execute(found))


def counted(tx: sa.Connection, account_id: int) -> dict[tuple[str, str, int], int]:
    c = call_party_days.c
    found = (
        sa.select(c.kind, c.party, c.day, sa.func.sum(c.amount))
        .where(c.account_id == account_id)
        .group_by(c.kind, c.party, c.day)
    )
    return {(kind, party, day): int(amount) for kind, party, day, amount in tx.execute(found) if amount}


async def kept(store: Store, account_id: int, *calls: Call) -> list[tuple[str, str, str]]:
    await store.write(write_parties, account_id, calls)
    return await store.read(parties, account_id)


async def test_a_ring_group_call_is_a_row_for_each_phone_and_one_for_the_group(
    store: Store, account_id: int
) -> None:
    call = ended("a", "101", "102", "103", answered="102", group="Sales", group_kind=GroupKind.RING)

    assert await kept(store, account_id, call) == [
        ("a", "ring_group", "sales"),
        ("a", "user", "101"),
        ("a", "user", "102"),
        ("a", "user", "103"),
    ]


async def test_counts_every_row_of_a_day_alone_and_with_the_others(store: Store, account_id: int) -> None:
    day = to_millis(NOW) // DAY
    later = NOW + timedelta(days=1)
    await kept(store, account_id, ended("a", "101", "102"), ended("b", "101", started_at=later))

    assert await store.read(counted, account_id) == {
        ("user", "101", day): 1,
        ("user", "102", day): 1,
        ("user", EVERYBODY, day): 2,
        ("user", "101", day + 1): 1,
        ("user", EVERYBODY, day + 1): 1,
    }


async def test_a_report_that_changes_the_legs_replaces_the_rows(store: Store, account_id: int) -> None:
    await kept(store, account_id, ended("a", "101", "102"))
    earlier = NOW - timedelta(days=2)
    found = await kept(store, account_id, ended("a", "102", "103", answered="103", started_at=earlier))

    assert found == [("a", "user", "102"), ("a", "user", "103")]
    assert await store.read(counted, account_id) == {
        ("user", "102", to_millis(earlier) // DAY): 1,
        ("user", "103", to_millis(earlier) // DAY): 1,
        ("user", EVERYBODY, to_millis(earlier) // DAY): 2,
    }


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What the engines are asked from now on, but for the brackets of transactions."""
    monkeypatch.setattr(many, "_driver_of", lambda tx: None)  # past SQLAlchemy nothing is seen
    asked: list[str] = []

    def note(*arguments: object) -> None:
        if not str(arguments[2]).startswith("BEGIN"):
            asked.append(str(arguments[2]))

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    yield asked
    sa.event.remove(sa.Engine, "before_cursor_execute", note)


async def test_the_same_call_again_is_read_and_not_written(
    store: Store, account_id: int, statements: list[str]
) -> None:
    call = ended("a", "101", "102", group="Sales")
    await store.write(write_parties, account_id, [call])
    statements.clear()
    await store.write(write_parties, account_id, [call])

    assert {statement.split()[0] for statement in statements} == {"SELECT"}


async def test_few_statements_however_many_calls(
    store: Store, account_id: int, statements: list[str]
) -> None:
    await store.write(add_line, account_id, number=LINE, name="Main", group="Sales")
    statements.clear()
    made = [ended(f"a{n:03}", "x", f"{n:03}", did=LINE) for n in range(200)]
    await store.write(write_parties, account_id, made)

    assert len(statements) == 5
    assert len(await store.read(parties, account_id)) == 600


async def test_a_call_that_goes_on_has_no_rows(store: Store, account_id: int) -> None:
    assert await kept(store, account_id, ended("a", "101", group="Sales", phase=Phase.OPEN)) == []


@pytest.mark.parametrize(
    ("call", "kind", "party"),
    [
        (ended("a", group="Support", group_kind=GroupKind.QUEUE), "queue", "support"),
        (ended("a", group="Support", group_kind=GroupKind.HUNT), "ring_group", "support"),
        (ended("a", group="Lobby"), "queue", "lobby"),  # the address book knows its kind
        (ended("a", group="Nobody  knows\0"), "ring_group", "nobody knows"),
        (ended("a", did="8 (495) 123-45-67"), "queue", "lobby"),  # the group of the line
        (ended("a", did=LINE, group="ПРОДАЖИ"), "ring_group", "продажи"),  # the peer knows better
    ],
)
async def test_the_group_is_what_the_peer_said_else_that_of_the_line(
    store: Store, account_id: int, call: Call, kind: str, party: str
) -> None:
    await store.write(add_group, account_id, name="Lobby", kind=GroupKind.QUEUE, extensions=[])
    await store.write(add_line, account_id, number=LINE, name="Main", group="Lobby")

    assert await kept(store, account_id, call) == [("a", kind, party)]


async def test_a_call_that_goes_out_over_a_line_is_not_of_its_group(store: Store, account_id: int) -> None:
    await store.write(add_line, account_id, number=LINE, name="Main", group="Lobby")
    out = ended("a", "101", did=LINE, direction=Direction.OUTBOUND)

    assert await kept(store, account_id, out) == [("a", "user", "101")]


async def test_another_accounts_lines_and_groups_mean_nothing(store: Store, account_id: int) -> None:
    await store.write(add_group, account_id, name="Lobby", kind=GroupKind.QUEUE, extensions=[])
    await store.write(add_line, account_id, number=LINE, name="Main", group="Lobby")

    found = await kept(store, account_id + 1, ended("a", did=LINE), ended("b", group="Lobby"))
    assert found == [("b", "ring_group", "lobby")]


async def test_a_call_inside_is_that_of_both(store: Store, account_id: int) -> None:
    inside = ended("a", "101", number="102", direction=Direction.INTERNAL)
    a_code = ended("b", "101", number="*98", direction=Direction.INTERNAL)

    assert await kept(store, account_id, inside, a_code) == [
        ("a", "user", "101"),
        ("a", "user", "102"),
        ("b", "user", "101"),
    ]


async def test_a_phone_that_rang_twice_is_one_row(store: Store, account_id: int) -> None:
    assert await kept(store, account_id, ended("a", "101", "102", "101")) == [
        ("a", "user", "101"),
        ("a", "user", "102"),
    ]


async def test_takes_names_of_any_length(store: Store, account_id: int) -> None:
    long = ended("a", "1" * 5000, group="д" * 5000)
    ((_, _, group), (_, _, user)) = await kept(store, account_id, long)

    assert (group, user) == ("д" * 100, "1" * 100)


@pytest.mark.parametrize(
    ("one", "another"),
    [
        ("Sales", "sALES"),
        ("Отдел Продаж", "отдел  продаж "),
        ("STRASSE", "straße"),
        ("Приёмная", "Прие\u0308мная"),
    ],
)
def test_spellings_of_one_name_are_one(one: str, another: str) -> None:
    assert folded(one) == folded(another)


BEFORE = ended("a", "101", "102", group="Sales", did=LINE)


@pytest.mark.parametrize(
    ("before", "after", "is_concerned"),
    [
        (None, BEFORE, True),
        (None, replace(BEFORE, phase=Phase.OPEN), False),
        (replace(BEFORE, phase=Phase.OPEN), BEFORE, True),
        (replace(BEFORE, phase=Phase.OPEN), replace(BEFORE, phase=Phase.OPEN, legs=()), False),
        (BEFORE, replace(BEFORE, phase=Phase.OPEN), True),
        (BEFORE, replace(BEFORE, phase=Phase.FINAL, is_recorded=True, contact_name="Ivan"), False),
        (BEFORE, replace(BEFORE, legs=(*BEFORE.legs, *BEFORE.legs)), False),  # they rang again
        (BEFORE, replace(BEFORE, legs=BEFORE.legs[:1]), True),
        (BEFORE, replace(BEFORE, started_at=NOW - timedelta(seconds=1)), True),
        (BEFORE, replace(BEFORE, direction=Direction.INTERNAL), True),
        (BEFORE, replace(BEFORE, number="103"), True),
        (BEFORE, replace(BEFORE, did=None), True),
        (BEFORE, replace(BEFORE, group="Support"), True),
        (BEFORE, replace(BEFORE, group_kind=GroupKind.QUEUE), True),
        (BEFORE, replace(BEFORE, dial_id="5"), True),
    ],
)
async def test_knows_which_changes_of_a_call_concern_its_rows(
    store: Store, account_id: int, before: Call | None, after: Call, is_concerned: bool
) -> None:
    """Whoever leaves the others out has the same rows as one who always writes."""
    await store.write(write_parties, account_id, [] if before is None else [before])
    rows = await store.read(everything, account_id)
    await store.write(write_parties, account_id, [after])

    assert concerns_parties(before, after) is is_concerned
    assert is_concerned or await store.read(everything, account_id) == rows


def everything(tx: sa.Connection, account_id: int) -> list[tuple[object, ...]]:
    found = sa.select(call_parties).where(call_parties.c.account_id == account_id)
    return sorted(tuple(row) for row in tx.execute(found))


async def test_takes_the_word_of_who_knows_that_calls_are_new(
    store: Store, account_id: int, statements: list[str]
) -> None:
    await store.write(write_parties, account_id, [ended("a", "101")])
    statements.clear()
    await store.write(write_parties, account_id, [ended("b", "101")], known=())

    assert {statement.split()[0] for statement in statements} == {"INSERT"}
    assert await store.read(parties, account_id) == [("a", "user", "101"), ("b", "user", "101")]


async def test_writers_at_the_same_time_do_not_wait_for_each_other(postgres_url: str) -> None:
    store = await open_store(postgres_url)
    account_id = (await store.write(ensure_account, "parties at once", at=NOW)).id
    engine = postgres.open_engine(postgres_url, size=1, is_writer=True)
    async with engine.connect() as slow:
        async with slow.begin():
            await slow.run_sync(write_parties, account_id, [ended("parties at once a", "101")])
            await asyncio.wait_for(
                store.write(write_parties, account_id, [ended("parties at once b", "101")]), timeout=4
            )
            seen_meanwhile = await store.read(counted, account_id)
        seen_after = await store.read(counted, account_id)
    await engine.dispose()
    await store.close()

    day = to_millis(NOW) // DAY
    assert seen_meanwhile == {("user", "101", day): 1, ("user", EVERYBODY, day): 1}
    assert seen_after == {("user", "101", day): 2, ("user", EVERYBODY, day): 2}
