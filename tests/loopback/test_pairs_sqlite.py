"""Every pair of protocols and every scenario on SQLite."""

import pytest

from tests.loopback.pairs import *  # noqa: F403 - the tests

pytestmark = pytest.mark.parametrize("evening", ["sqlite"], indirect=True, scope="session")
