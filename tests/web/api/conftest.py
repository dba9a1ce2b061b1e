"""A client of the API for each test that asks for one."""

from uuid import uuid4

import pytest
import pytest_asyncio

from tests.web.api.client import Client, client_of
from tests.web.hubs import TestHub


@pytest.fixture
async def client(hub: TestHub) -> Client:
    return await client_of(hub)


@pytest.fixture
async def stranger(hub: TestHub) -> Client:
    """A client of another account of the same hub."""
    return await client_of(hub, account="strangers")


@pytest_asyncio.fixture(loop_scope="module")
async def kept_client(kept_hub: TestHub) -> Client:
    """A client of a new account of the hub that all tests of a file share."""
    return await client_of(kept_hub, account=uuid4().hex)


@pytest_asyncio.fixture(loop_scope="module")
async def kept_stranger(kept_hub: TestHub) -> Client:
    """A client of another new account of that hub."""
    return await client_of(kept_hub, account=uuid4().hex)
