"""A running Asterisk for whoever asks. Where none was unpacked, its tests are skipped and say what to do."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.asterisk.installed import AsteriskMissing
from tests.asterisk.server import AsteriskServer

# With `--dist loadgroup` these stay in one process: many phones talk at once in each, and a machine has room
# for one such company at a time.
CROWDED = frozenset({"test_bridged_listen", "test_bridged_drive", "test_bridged_breaks", "test_bridged_load"})
CROWDED |= {"test_listen_live", "test_lab"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.parent == here:
            is_crowded = item.path.stem in CROWDED
            item.add_marker(pytest.mark.xdist_group("crowds" if is_crowded else "calls"))


def running(generation: int) -> Iterator[AsteriskServer]:
    try:
        server = AsteriskServer(generation)
    except AsteriskMissing as missing:
        pytest.skip(str(missing))
    with server:
        yield server


@pytest.fixture(scope="session")
def asterisk22() -> Iterator[AsteriskServer]:
    """Asterisk 22, for all tests of a worker: leave it without calls, and start your own to kill it."""
    yield from running(22)


@pytest.fixture(scope="session")
def asterisk16() -> Iterator[AsteriskServer]:
    """Asterisk 16, likewise."""
    yield from running(16)


@pytest.fixture(params=[22, 16], ids=["asterisk22", "asterisk16"])
def asterisk(request: pytest.FixtureRequest) -> AsteriskServer:
    """Each of both, one after the other."""
    server = request.getfixturevalue(f"asterisk{request.param}")
    assert isinstance(server, AsteriskServer)
    return server
