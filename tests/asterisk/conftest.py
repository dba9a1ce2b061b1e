"""A running Asterisk for whoever asks. Where none was unpacked, its tests are skipped and say what to do."""

from collections.abc import Iterator

import pytest

from tests.asterisk.installed import AsteriskMissing
from tests.asterisk.server import AsteriskServer


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
