"""Migrations make on both engines exactly the tables that the code knows, and take them away again.

A new database is made without them, and cannot be told from one that they have made.
"""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import msgspec
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from switchhook.core.api import Scope
from switchhook.core.call import Call, Direction, Phase
from switchhook.core.errors import Misconfigured
from switchhook.core.number import read_number
from switchhook.core.numeric_id import digits_of
from switchhook.store import postgres, schema, sqlite_file
from switchhook.store.call_parties import write_parties
from switchhook.store.call_rows import encode
from switchhook.store.schema import bring_up_to_date, newest_revision, run, stored_revision
from switchhook.store.tables import load_tables
from switchhook.store.tables.book import api_keys
from switchhook.store.tables.parties import call_parties, call_party_days
from switchhook.store.times import to_millis
from tests.store.conftest import ENGINES
from tests.store.kept_calls import ended
from tests.store.times import NOW

T = TypeVar("T")


@pytest.fixture(params=ENGINES)
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database without any table."""
    if request.param == "sqlite":
        return str(tmp_path / "hub.db")
    where: str = request.getfixturevalue("fresh_postgres_url")
    return where


async def inside(where: str, verb: Callable[[sa.Connection], T]) -> T:
    """Run a verb in a transaction of its own, without a store around it."""
    if "://" not in where:
        engine = sqlite_file.open_engine(Path(where), is_writer=True)
        with engine.begin() as tx:
            return verb(tx)
    async_engine = postgres.open_engine(where, size=1, is_writer=True)
    try:
        async with async_engine.begin() as connection:
            return await connection.run_sync(verb)
    finally:
        await async_engine.dispose()


def migrate(tx: sa.Connection) -> None:
    run(tx, "upgrade", "head")


def differences(tx: sa.Connection) -> list[object]:
    context = MigrationContext.configure(tx, opts={"compare_type": True, "compare_server_default": True})
    found = compare_metadata(context, load_tables())
    return [difference for difference in found if not is_identity(difference)]


def is_identity(difference: object) -> bool:
    """Tell whether this is only what SQLite has no word for: it numbers rows without being told."""
    match difference:
        case [("modify_default", _, _, "id", _, None, sa.Identity())]:
            return True
        case _:
            return False


def names_of_tables(tx: sa.Connection) -> set[str]:
    return set(sa.inspect(tx).get_table_names())


def unnamed(tx: sa.Connection) -> list[str]:
    inspector = sa.inspect(tx)
    constraints = [
        (table, constraint["name"])
        for table in inspector.get_table_names()
        if table != "alembic_version"
        for constraint in (
            *inspector.get_unique_constraints(table),
            *inspector.get_foreign_keys(table),
            *inspector.get_check_constraints(table),
        )
    ]
    return [f"{table}: {name}" for table, name in constraints if not name or table not in name]


async def test_makes_the_tables_that_the_code_knows(empty: str) -> None:
    await inside(empty, migrate)

    assert await inside(empty, differences) == []


def ways_of_sqlite(tx: sa.Connection) -> dict[str, tuple[bool, bool]]:
    """Say of each table whether its numbers come once only, and whether its rows lie by their key."""
    made = tx.execute(sa.text("SELECT name, sql FROM sqlite_master WHERE type = 'table' AND sql NOT NULL"))
    skipped = {"alembic_version", "sqlite_sequence"}
    return {
        name: ("AUTOINCREMENT" in sql, "WITHOUT ROWID" in sql) for name, sql in made if name not in skipped
    }


async def test_makes_the_tables_of_sqlite_in_the_same_way(tmp_path: Path) -> None:
    """What comparing does not look at."""
    await inside(str(tmp_path / "migrated.db"), migrate)
    await inside(str(tmp_path / "made.db"), bring_up_to_date)
    made = await inside(str(tmp_path / "made.db"), ways_of_sqlite)

    assert await inside(str(tmp_path / "migrated.db"), ways_of_sqlite) == made


# What an engine itself knows of its tables; of what PostgreSQL has made by itself only what it is called.
CATALOGUES = {
    "sqlite": ("SELECT name, sql FROM sqlite_master WHERE sql NOT NULL",),
    "postgresql": (
        # Less their places in the table: one that was taken away leaves its place empty.
        (
            "SELECT table_name, column_name, column_default, is_nullable, data_type, collation_name"
            " FROM information_schema.columns WHERE table_schema = 'public'"
        ),
        "SELECT conrelid::regclass, conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE oid > 16383",
        "SELECT * FROM pg_indexes WHERE schemaname = 'public'",
        "SELECT * FROM pg_sequences WHERE schemaname = 'public'",
        "SELECT relname, relkind, reloptions FROM pg_class WHERE relnamespace = 'public'::regnamespace",
    ),
}


def everything(tx: sa.Connection) -> list[object]:
    """Read all that the engine knows of its tables, and all rows: those of the revision, and no others."""
    catalogues = [
        sorted(in_any_order(row) for row in tx.execute(sa.text(statement)))
        for statement in CATALOGUES[tx.dialect.name]
    ]
    known = sa.MetaData()
    known.reflect(tx)
    rows = [(table.name, [*map(tuple, tx.execute(table.select()))]) for table in known.sorted_tables]
    return [*catalogues, *sorted(rows)]


def in_any_order(row: sa.Row[tuple[object, ...]]) -> list[list[str]]:
    """Sort the parts of every statement: in which order constraints were named, and on which line a
    column was added, means nothing.
    """
    parts = [str(value).replace(",", "\n").splitlines() for value in row]
    return [sorted(part.strip() for part in each if part.strip()) for each in parts]


async def test_a_new_database_cannot_be_told_from_a_migrated_one(empty: str) -> None:
    await inside(empty, migrate)
    migrated = await inside(empty, everything)
    await inside(empty, clear)
    await inside(empty, bring_up_to_date)

    assert await inside(empty, everything) == migrated


def clear(tx: sa.Connection) -> None:
    """Take away every table, that of the revision too."""
    run(tx, "downgrade", "base")
    tx.execute(sa.text("DROP TABLE alembic_version"))


async def test_a_new_database_goes_on_with_migrations(empty: str) -> None:
    await inside(empty, bring_up_to_date)
    await inside(empty, lambda tx: run(tx, "downgrade", "-1"))
    await inside(empty, bring_up_to_date)

    assert await inside(empty, stored_revision) == newest_revision()
    assert await inside(empty, differences) == []


async def test_a_database_with_tables_of_others_is_migrated(empty: str) -> None:
    await inside(empty, lambda tx: tx.execute(sa.text("CREATE TABLE others (id INTEGER)")))
    await inside(empty, bring_up_to_date)

    assert await inside(empty, names_of_tables) > {"others", *load_tables().tables}


async def test_names_every_constraint(empty: str) -> None:
    await inside(empty, migrate)

    assert await inside(empty, unnamed) == []


async def test_runs_down_and_up_again(empty: str) -> None:
    await inside(empty, migrate)
    await inside(empty, lambda tx: run(tx, "downgrade", "base"))
    left = await inside(empty, names_of_tables)
    await inside(empty, migrate)

    assert left == {"alembic_version"}
    assert await inside(empty, differences) == []


async def test_changes_nothing_the_second_time(empty: str) -> None:
    await inside(empty, bring_up_to_date)
    await inside(empty, bring_up_to_date)

    assert await inside(empty, stored_revision) == newest_revision()


async def test_refuses_the_database_of_a_newer_version(empty: str) -> None:
    await inside(empty, bring_up_to_date)
    newer = sa.text("UPDATE alembic_version SET version_num = '9999'")
    await inside(empty, lambda tx: tx.execute(newer))

    with pytest.raises(Misconfigured, match="newer version"):
        await inside(empty, bring_up_to_date)


def test_takes_the_newest_migration_from_the_names_of_the_files() -> None:
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))

    assert ScriptDirectory.from_config(config).get_current_head() == newest_revision()


SAID = "74951234567"


def made_before() -> list[Call]:
    """Calls of every sort as a hub of revision 0002 kept them: more than are looked into at once."""
    return [
        ended(
            f"{n:04}",
            *(("101", "102", "101") if n % 3 else ()),
            answered="102" if n % 3 == 1 else None,
            started_at=NOW - timedelta(hours=n, days=30_000 * (n == 7)),  # one came from before 1970
            direction=list(Direction)[n % 4],
            number="103" if n % 2 else "+79161234567",
            did=SAID if n % 5 == 0 else None,
            phase=Phase.OPEN if n % 11 == 10 else Phase.FINAL,
            dial_id="177241404931" if n % 13 == 0 else None,
            recordings=n % 7 == 0,
        )
        for n in range(1100)
    ]


def store_before(tx: sa.Connection, calls: list[Call]) -> None:
    """Fill the tables of revision 0002, whose columns the code of today does not know."""
    run(tx, "upgrade", "0002")
    known = sa.MetaData()
    known.reflect(tx)
    tx.execute(known.tables["accounts"].insert().values(id=7, name="default", created_at_ms=1))
    line = {"number": SAID, "canonical": f"+{SAID}", "name": "Main", "group_name": "В  очереди"}
    tx.execute(known.tables["lines"].insert().values(account_id=7, **line))
    queue = {"name": "В  очереди", "kind": "queue", "extensions": "[]"}
    tx.execute(known.tables["groups"].insert().values(account_id=7, **queue))
    key = {"name": "old", "lookup": b"1", "allow": "[]", "created_at_ms": 1}
    tx.execute(known.tables["api_keys"].insert().values(account_id=7, **key))
    rows = [
        {
            "id": call.id,
            "account_id": 7,
            "connection_id": call.connection_id,
            "call_id": call.call_id,
            "peer_key": call.id,
            "shared_id": call.shared_id,
            "recording_token": call.recording_token,
            "phase": call.phase.value,
            "direction": call.direction.value,
            "extension": call.extension,
            "number": call.number,
            "e164": read_number(call.number).e164,
            "ended_ms": to_millis(call.ended_at),
            "reversed_digits": "",
            "did": call.did,
            "started_ms": to_millis(call.started_at),
            "changed_ms": 1,
            "events": 1,
            "snapshot": encode(call),
        }
        for call in calls
    ]
    if rows:
        tx.execute(known.tables["calls"].insert(), rows)


def histories(tx: sa.Connection) -> list[object]:
    columns = [column for column in call_parties.c if column is not call_parties.c.numeric_id]
    parties = [tuple(row) for row in tx.execute(sa.select(*columns))]
    c = call_party_days.c
    amounts = sa.select(c.account_id, c.kind, c.party, c.day, sa.func.sum(c.amount))
    days = tx.execute(amounts.group_by(c.account_id, c.kind, c.party, c.day))
    return [sorted(parties, key=repr), sorted(map(tuple, days))]


def write_anew(tx: sa.Connection, calls: list[Call]) -> None:
    tx.execute(call_parties.delete())
    tx.execute(call_party_days.delete())
    write_parties(tx, 7, calls)


async def test_calls_of_an_older_version_get_the_histories_that_intake_would_have_written(empty: str) -> None:
    calls = made_before()
    await inside(empty, lambda tx: store_before(tx, calls))
    await inside(empty, migrate)
    migrated = await inside(empty, histories)
    await inside(empty, lambda tx: write_anew(tx, calls))

    assert await inside(empty, histories) == migrated
    assert len(migrated[0]) > 1000  # type: ignore[arg-type]


async def test_a_call_keeps_the_number_that_it_was_told_by(empty: str) -> None:
    """Calls of before have theirs written down; those of today have it by their id, and get it written."""
    told, clicked, today = f"{1:026x}", f"{2:026x}", f"{to_millis(NOW):012x}{3:014x}"
    calls = [ended(told, "101"), ended(clicked, "101", dial_id="177241404931")]
    await inside(empty, lambda tx: store_before(tx, calls))
    await inside(empty, lambda tx: run(tx, "upgrade", "0004"))
    before = await inside(empty, numbers)
    await inside(empty, migrate)
    after = await inside(empty, numbers)
    await inside(empty, lambda tx: write_parties(tx, 7, [ended(today, "101")]))
    added = await inside(empty, numbers)
    await inside(empty, lambda tx: run(tx, "downgrade", "0004"))

    assert before == after == {told: int(digits_of(f"shared-{told}")), clicked: 177241404931}
    assert added == before | {today: None}
    assert await inside(empty, numbers) == before | {today: int(digits_of(today))}


def numbers(tx: sa.Connection) -> dict[str, int | None]:
    found = tx.execute(sa.select(call_parties.c.call_row, call_parties.c.numeric_id))
    return {row.call_row: row.numeric_id for row in found}


async def test_keeps_what_there_was_up_and_down(empty: str) -> None:
    calls = made_before()
    await inside(empty, lambda tx: store_before(tx, calls))
    before = await inside(empty, lambda tx: rows_but(tx, ADDED))
    kept = await inside(empty, lambda tx: rows_but(tx, ADDED | TAKEN_AWAY))
    await inside(empty, migrate)
    recorded = await inside(empty, count_recorded)
    after = await inside(empty, lambda tx: rows_but(tx, ADDED))
    await inside(empty, lambda tx: run(tx, "downgrade", "0002"))
    down = await inside(empty, lambda tx: rows_but(tx, ADDED))
    await inside(empty, migrate)

    assert recorded == sum(len(call.recordings) for call in calls) > 0
    assert after == kept
    assert down == before
    assert await inside(empty, differences) == []


# What later revisions did to the columns of the tables there were.
ADDED = {"calls.recordings"} | {
    f"api_keys.{name}" for name in ("scopes", "hint", "zone", "rate_requests", "rate_seconds")
}
TAKEN_AWAY = {f"calls.{name}" for name in ("extension", "number", "e164", "ended_ms")}


def rows_but(tx: sa.Connection, left_out: set[str]) -> list[object]:
    known = sa.MetaData()
    known.reflect(tx, only=["calls", "api_keys", "lines", "groups"])
    # By name, since a column that is added again comes last.
    kept = [sorted((c for c in table.c if str(c) not in left_out), key=str) for table in known.sorted_tables]
    return [sorted(map(repr, tx.execute(sa.select(*columns)))) for columns in kept]


def count_recorded(tx: sa.Connection) -> int:
    return int(tx.execute(sa.text("SELECT sum(recordings) FROM calls WHERE recordings > 0")).scalar_one())


async def test_a_key_of_an_older_version_may_do_what_it_could(empty: str) -> None:
    await inside(empty, lambda tx: store_before(tx, []))
    await inside(empty, migrate)
    scopes = await inside(empty, lambda tx: tx.execute(sa.select(api_keys.c.scopes)).scalar_one())

    assert msgspec.json.decode(scopes) == [scope.value for scope in Scope]
