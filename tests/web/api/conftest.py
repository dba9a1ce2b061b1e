"""A client of the API for each test that asks for one."""

import pytest

from tests.web.api.client import Client, client_of
from tests.web.hubs import TestHub


@pytest.fixture
async def client(hub: TestHub) -> Client:
    return await client_of(hub)


@pytest.fixture
async def stranger(hub: TestHub) -> Client:
    """A client of another account of the same hub."""
    return await client_of(hub, account="strangers")
