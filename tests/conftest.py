"""What every test may ask for: PostgreSQL, Chromium, free ports; and how a missing one is judged.

A machine without PostgreSQL or Chromium skips those tests and says so. With `SWITCHHOOK_REQUIRE_ALL=1`, as
in CI, every skipped test fails instead.
"""

import gc
import os
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Literal

import hypothesis
import pytest
import structlog
from pytest_asyncio import is_async_test

from tests.servers.chromium import ChromiumMissing, find_chromium
from tests.servers.ports import free_port as find_free_port
from tests.servers.postgres import PostgresMissing, PostgresServer

REQUIRES_ALL = os.environ.get("SWITCHHOOK_REQUIRE_ALL", "") not in {"", "0"}
MARKED_BY_FIXTURE = {"postgres_server": "postgres", "chromium_path": "browser"}
KEPT: dict[str, Literal["module", "session"]] = {"kept_stores": "session", "kept_hub": "module"}
# Those of many seconds, the longest first. Workers get whole files in this order and then those of most
# tests: a long one that began last would run alone.
LONGEST = (
    *("loopback/test_pairs_postgresql.py", "loopback/test_pairs_sqlite.py", "loopback/test_kill.py"),
    *(
        "flow/test_links_processes.py",
        "web/api/test_schema.py",
        "store/test_migrations.py",
        "cli/test_serving.py",
    ),
    *("store/test_durability.py", "e2e/test_calls_page.py", "loopback/test_isolation.py"),
)

# Loaded machines are slow, not wrong: no deadline. CI repeats itself; a desk explores.
hypothesis.settings.register_profile("desk", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.register_profile("long", deadline=None, max_examples=2000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if REQUIRES_ALL else "desk"))

# As plain text: a traceback in colours, with what each variable held, costs half a second.
structlog.configure(
    processors=[
        *structlog.get_config()["processors"][:-1],
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A fast, forgetful PostgreSQL; each worker has its own."""
    try:
        server = PostgresServer()
    except PostgresMissing as missing:
        pytest.skip(str(missing))
    with server:
        yield server


@pytest.fixture(scope="session")
def postgres_url(postgres_server: PostgresServer) -> str:
    """One database for all tests of a worker: they must tell their rows apart, by account for instance."""
    return postgres_server.create_database("shared")


@pytest.fixture(scope="session")
def _cleared_postgres_url(postgres_server: PostgresServer) -> str:
    return postgres_server.create_database("fresh")


@pytest.fixture
def fresh_postgres_url(postgres_server: PostgresServer, _cleared_postgres_url: str) -> Iterator[str]:
    """An empty database, which no other test uses meanwhile (some 20 ms)."""
    yield _cleared_postgres_url
    postgres_server.clear_database("fresh")


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """The browser, for playwright's `executable_path`; start it with `CHROMIUM_ARGS`."""
    try:
        return find_chromium()
    except ChromiumMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture
def free_port() -> Callable[[], int]:
    """Call it for a port that nobody listens on."""
    return find_free_port


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("dist", "no") == "loadfile":
        config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    longest_first(items)
    for item in items:
        # What outlives a test needs a loop that does.
        for fixture, scope in KEPT.items():
            if fixture in getattr(item, "fixturenames", ()) and is_async_test(item):
                item.add_marker(pytest.mark.asyncio(loop_scope=scope), append=False)
        for fixture, marker in MARKED_BY_FIXTURE.items():
            if fixture in getattr(item, "fixturenames", ()):
                item.add_marker(marker)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage meanwhile, nor later in what was loaded: a million objects that stay."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def longest_first(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    places = {here / name: place for place, name in enumerate(LONGEST)}
    counts = Counter(item.path for item in items)
    if places.keys() & counts.keys():
        items.sort(key=lambda item: (places.get(item.path, len(places)), -counts[item.path]))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if not hasattr(report, "wasxfail"):
        fail_if_skipped(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    fail_if_skipped(report)
    return report


def fail_if_skipped(report: pytest.TestReport | pytest.CollectReport) -> None:
    if REQUIRES_ALL and report.skipped:
        why = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"SWITCHHOOK_REQUIRE_ALL is set, and this was skipped: {why}"
