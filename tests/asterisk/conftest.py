"""A running Asterisk for whoever asks. Where none was unpacked, its tests are skipped and say what to do."""

import asyncio
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

from tests.asterisk.installed import AsteriskMissing
from tests.asterisk.listening import Evening, listen
from tests.asterisk.server import AsteriskServer
from tests.asterisk.side_by_side import LANES, SideBySide, is_side_by_side

# What one process plays: its PBXs run, and its plays are told by several modules. Others go by module.
GROUPS = {"test_bridged_listen": "evening", "test_listen_live": "evening"}
GROUPS |= dict.fromkeys(("test_bridged_drive", "test_bridged_breaks", "test_bridged_load", "test_lab"), "")


PATIENCE_SECONDS = 300.0


class InGroups(LoadScopeScheduling):  # type: ignore[misc]
    """Gives each process a whole group at a time."""

    def _split_scope(self, nodeid: str) -> str:
        stem = Path(nodeid.partition("::")[0]).stem
        return GROUPS.get(stem, "calls") or stem


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling | None:
    """Do what `--dist loadgroup` says: xdist 3.8 marks groups in a way that pytest 9.2 does not see."""
    return InGroups(config, log) if config.getvalue("dist") == "loadgroup" else None


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "side_by_side: played with the others of its module at the same time")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == Path(__file__).parent:
            # The first of a module waits for all that is played for it.
            item.add_marker(pytest.mark.timeout(PATIENCE_SECONDS))
        if is_side_by_side(item) and isinstance(item, pytest.Function):
            item.fixturenames.append("side_by_side")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if not is_side_by_side(pyfuncitem):
        return None
    side_by_side = pyfuncitem.funcargs["side_by_side"]
    assert isinstance(side_by_side, SideBySide)
    side_by_side.result(pyfuncitem, FirstOf(pyfuncitem))
    return True


class FirstOf(Mapping[int, AsteriskServer]):
    """The PBXs that run for the whole session, as far as somebody asks for them."""

    def __init__(self, item: pytest.Function) -> None:
        self._item = item

    def __getitem__(self, generation: int) -> AsteriskServer:
        server = self._item._request.getfixturevalue(f"asterisk{generation}")
        assert isinstance(server, AsteriskServer)
        return server

    def __iter__(self) -> Iterator[int]:
        return iter(LANES)

    def __len__(self) -> int:
        return len(LANES)


@pytest.fixture(scope="session")
def side_by_side() -> Iterator[SideBySide]:
    """Plays tests of a module at the same time."""
    playing = SideBySide()
    yield playing
    playing.close()


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


@pytest.fixture(scope="session")
def evening(tmp_path_factory: pytest.TempPathFactory, asterisk16: AsteriskServer) -> Iterator[Evening]:
    """Every kind of call, played once on either PBX and heard by a hub, and by ears of our own, at once."""
    pbx22 = AsteriskServer(22)
    try:
        try:
            evening = asyncio.run(listen(tmp_path_factory.mktemp("evening"), pbx22, asterisk16))
        except Exception as fault:  # noqa: BLE001 - a thousand tests tell it: in a few lines each
            pytest.fail("".join(traceback.format_exception(fault, limit=-2)), pytrace=False)
        pbx22.retire()
        yield evening
    finally:
        pbx22.close()


@pytest.fixture(params=[22, 16], ids=["asterisk22", "asterisk16"])
def asterisk(request: pytest.FixtureRequest) -> AsteriskServer:
    """Each of both, one after the other."""
    server = request.getfixturevalue(f"asterisk{request.param}")
    assert isinstance(server, AsteriskServer)
    return server
