"""Migrations make on both engines exactly the tables that the code knows, and take them away again.

A new database is made without them, and cannot be told from one that they have made.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from switchhook.core.errors import Misconfigured
from switchhook.store import postgres, schema, sqlite
from switchhook.store.schema import bring_up_to_date, newest_revision, run, stored_revision
from switchhook.store.tables import load_tables
from tests.servers.postgres import PostgresServer
from tests.store.conftest import ENGINES

T = TypeVar("T")


@pytest.fixture(params=ENGINES)
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database without any table."""
    if request.param == "sqlite":
        yield str(tmp_path / "hub.db")
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    yield server.create_database("store_migrated")
    server.drop_database("store_migrated")


async def inside(where: str, verb: Callable[[sa.Connection], T]) -> T:
    """Run a verb in a transaction of its own, without a store around it."""
    if "://" not in where:
        engine = sqlite.open_engine(Path(where), is_writer=True)
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
        "SELECT * FROM information_schema.columns WHERE table_schema = 'public'",
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
    """Sort the lines of every statement: in which order a table's constraints were named means nothing."""
    return [sorted(line.strip(" \t,") for line in str(value).splitlines()) for value in row]


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
