"""Every pair of protocols and every scenario on PostgreSQL."""

import pytest

from tests.loopback.pairs import *  # noqa: F403 - the tests

pytestmark = [
    pytest.mark.parametrize("evening", ["postgresql"], indirect=True, scope="session"),
    pytest.mark.postgres,
]
