"""The evening on each store, played once for all tests that look back at it."""

from collections.abc import Iterator

import pytest

from tests.loopback.evening import Evening, play_evening
from tests.servers.postgres import PostgresServer

ENGINES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


@pytest.fixture(scope="session", params=ENGINES)
def evening(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evening]:
    folder = tmp_path_factory.mktemp("evening")
    if request.param == "sqlite":
        yield play_evening(folder, None)
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    url = server.create_database("evening")
    yield play_evening(folder, url)
    server.drop_database("evening")
