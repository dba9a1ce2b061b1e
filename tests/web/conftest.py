"""A hub for each test that asks for one."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.web.hubs import TestHub, running_hub


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[TestHub]:
    async with running_hub(tmp_path) as running:
        yield running
