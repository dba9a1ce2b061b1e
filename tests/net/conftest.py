"""What tests of open lines share: a client that knows loopback only, and a certificate."""

from collections.abc import AsyncIterator

import pytest

from switchhook.net.sockets import SocketClient
from tests.net.lines import LOOPBACK
from tests.servers.certificates import Identity, make_identity


@pytest.fixture
async def client() -> AsyncIterator[SocketClient]:
    async with SocketClient(lookup=LOOPBACK) as client:
        yield client


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return make_identity("pbx.example.test", tmp_path_factory.mktemp("tls"))
