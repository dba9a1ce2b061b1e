"""The evening on the store that is asked for, played once for all tests that look back at it."""

from collections.abc import Iterator

import pytest

from tests.loopback.evening import Evening, play_evening
from tests.servers.postgres import PostgresServer

# The tests are in a module that two others share: what a failed `assert` compared is to be told all the same.
pytest.register_assert_rewrite("tests.loopback.pairs")


@pytest.fixture(scope="session")
def evening(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evening]:
    folder = tmp_path_factory.mktemp("evening")
    if request.param == "sqlite":
        yield play_evening(folder, None)
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    url = server.create_database("evening")
    yield play_evening(folder, url)
    server.drop_database("evening")
