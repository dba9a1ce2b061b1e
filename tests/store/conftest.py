"""A store of each engine, empty and up to date, and what most verbs need beside it."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio

from switchhook.core.errors import StoreDown
from switchhook.store import Store, open_store
from switchhook.store.accounts import ensure_account
from switchhook.store.secrets import SecretBox
from switchhook.store.tables import load_tables
from tests.servers.postgres import KeptConnection, PostgresServer
from tests.store.times import NOW

ENGINES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


# As new: numbers begin at 1 again. Deleting few rows is far quicker than truncating many tables. What is
# being written when a test ends is waited for, and deleted too.
TABLES = [f'"{table.name}"' for table in reversed(load_tables().sorted_tables)]
EMPTY = (
    f"LOCK TABLE {', '.join(TABLES)} IN EXCLUSIVE MODE;"
    + "".join(f"DELETE FROM {table};" for table in TABLES)
    + "SELECT setval(oid, 1, false) FROM pg_class WHERE relkind = 'S'"
)


def make(where: str) -> None:
    async def migrate() -> None:
        await (await open_store(where)).close()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, migrate()).result()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with every table, to be copied."""
    path = tmp_path_factory.mktemp("template") / "hub.db"
    make(str(path))
    return path


@pytest.fixture(scope="session")
def postgres_tables(postgres_server: PostgresServer) -> Iterator[KeptConnection]:
    """A database with every table, to be emptied after each test: ten times as fast as copying it."""
    # Two folders of tests use these fixtures, each with a session of its own on the one server.
    url = postgres_server.create_database(f"store_{uuid4().hex}")
    make(url)
    with KeptConnection(url) as connection:
        yield connection


@pytest.fixture(params=ENGINES)
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database without rows, as `open_store` takes it."""
    if request.param == "sqlite":
        yield str(shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "hub.db"))
        return
    tables: KeptConnection = request.getfixturevalue("postgres_tables")
    yield tables.url
    if "store" not in request.fixturenames:
        tables.execute(EMPTY)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def kept_stores() -> AsyncIterator[dict[str, Store]]:
    """The store of each PostgreSQL database, opened once: its connections cost more than most tests."""
    kept: dict[str, Store] = {}
    yield kept
    for store in kept.values():
        await store.close()


@pytest_asyncio.fixture(loop_scope="session")
async def store(
    request: pytest.FixtureRequest, where: str, kept_stores: dict[str, Store]
) -> AsyncIterator[Store]:
    """A store without rows. What the test leaves running ends with it, though their loop goes on."""
    is_kept = "://" in where
    opened = kept_stores.pop(where, None) or await open_store(where)
    async with nothing_left_running():
        yield opened
    if not is_kept:
        await opened.close()
        return
    # Nothing is asked for any more, and what was asked for is begun; not so when the test has closed it.
    with suppress(StoreDown):
        await opened.write(lambda tx: None)
        kept_stores[where] = opened
    tables: KeptConnection = request.getfixturevalue("postgres_tables")
    # Not in this thread: a write under way needs the loop to end.
    await asyncio.to_thread(tables.execute, EMPTY)


@asynccontextmanager
async def nothing_left_running() -> AsyncIterator[None]:
    """Cancel what was begun inside, as the end of a loop does."""
    before = asyncio.all_tasks()
    yield
    left = asyncio.all_tasks() - before - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


@pytest_asyncio.fixture(loop_scope="session")
async def account_id(store: Store) -> int:
    return (await store.write(ensure_account, at=NOW)).id


@pytest.fixture
def box(tmp_path: Path) -> SecretBox:
    return SecretBox.load(tmp_path)
