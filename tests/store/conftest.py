"""A store of each engine, empty and up to date, and what most verbs need beside it."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import pytest_asyncio

from switchhook.store import Store, open_store
from switchhook.store.accounts import ensure_account
from switchhook.store.secrets import SecretBox
from switchhook.store.tables import load_tables
from tests.servers.postgres import PostgresServer
from tests.store.times import NOW

ENGINES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


# As new: numbers begin at 1 again. Deleting few rows is far quicker than truncating many tables.
EMPTY = "".join(f'DELETE FROM "{table.name}";' for table in reversed(load_tables().sorted_tables)) + (
    "SELECT setval(oid, 1, false) FROM pg_class WHERE relkind = 'S'"
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
def postgres_tables(postgres_server: PostgresServer) -> str:
    """A database with every table, to be emptied after each test: ten times as fast as copying it."""
    # Two folders of tests use these fixtures, each with a session of its own on the one server.
    url = postgres_server.create_database(f"store_{uuid4().hex}")
    make(url)
    return url


@pytest.fixture(params=ENGINES)
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database without rows, as `open_store` takes it."""
    if request.param == "sqlite":
        yield str(shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "hub.db"))
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    url: str = request.getfixturevalue("postgres_tables")
    yield url
    server.execute(EMPTY, database=urlsplit(url).path.removeprefix("/"))


@pytest_asyncio.fixture
async def store(where: str) -> AsyncIterator[Store]:
    opened = await open_store(where)
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def account_id(store: Store) -> int:
    return (await store.write(ensure_account, at=NOW)).id


@pytest.fixture
def box(tmp_path: Path) -> SecretBox:
    return SecretBox.load(tmp_path)
