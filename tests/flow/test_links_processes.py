"""Two real processes and one link: killed, stopped and gone on."""

import asyncio
import shutil
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from switchhook.core.connector import Connector, Role, Side
from switchhook.flow.configure import create_connection
from switchhook.store import Store, calls, open_store
from switchhook.store.accounts import ensure_account
from switchhook.store.link_leases import LinkLease, get_link
from switchhook.store.secrets import SecretBox
from tests.fakes import PATIENCE_SECONDS, START
from tests.flow.link_process import KIND
from tests.servers.forked import Forked, fork
from tests.servers.postgres import PostgresServer
from tests.store.conftest import ENGINES, make

# As promised: three seconds of lease, and another to notice.
# Five on a machine that has time; a busy one is late, not wrong.
TAKEN_OVER_SECONDS = 15.0
# Enough for whoever waits to look for a free link, which is done twice a second.
TRIES_SECONDS = 0.8


@dataclass(eq=False)
class Line:
    """A connection that a process made to the peer."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    name: str

    async def ring(self, call_id: str) -> None:
        self.writer.write(f"{call_id}\n".encode())
        await self.writer.drain()

    async def stored(self) -> str:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return (await self.reader.readline()).decode().strip()


@dataclass(kw_only=True)
class Scene:
    where: str
    folder: Path
    store: Store
    account_id: int
    connection_id: str
    port: int = 0
    lines: "asyncio.Queue[Line]" = field(default_factory=asyncio.Queue)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    processes: list[Forked] = field(default_factory=list)

    async def start(self, name: str, *options: str) -> Forked:
        """Start a process with its own way to the store and the peer; return when it begins."""
        place = (self.where, str(self.folder), str(self.port))
        process = fork("tests.flow.link_process", *place, name, *options)
        self.processes.append(process)
        assert await said(process) == "begun"
        return process

    async def next_line(self) -> Line:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self.lines.get()

    async def lease(self) -> LinkLease:
        lease = await self.store.read(get_link, self.account_id, self.connection_id)
        assert lease is not None
        return lease

    async def renewed(self) -> None:
        """Wait until the lease has just been renewed: whoever holds it writes nothing for a while."""
        before = (await self.lease()).until_ms
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (await self.lease()).until_ms == before:  # noqa: ASYNC110 - another process does it
                await asyncio.sleep(0.01)

    async def call_ids(self) -> list[str]:
        page = await self.store.read(calls.page, self.account_id)
        return sorted(call.call_id for call in page.calls)


async def said(process: Forked) -> str:
    """Give the next line that a process prints."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        return await process.line()


@asynccontextmanager
async def open_scene(where: str, folder: Path) -> AsyncIterator[Scene]:
    store, box = await open_store(where), SecretBox.load(folder)
    connectors = {KIND: Connector(key=KIND, title=KIND, sides={Role.PBX: Side(role=Role.PBX)})}
    account = await store.write(ensure_account, at=START)
    made = await create_connection(
        store,
        box,
        connectors,
        account.id,
        kind=KIND,
        role="pbx",
        name="PBX",
        settings={"allow_private": "true"},
        at=START,
    )
    scene = Scene(where=where, folder=folder, store=store, account_id=account.id, connection_id=made.id)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        scene.writers.append(writer)
        hello = (await reader.readline()).decode().split()
        scene.lines.put_nowait(Line(reader, writer, hello[1]))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    scene.port = server.sockets[0].getsockname()[1]
    try:
        yield scene
    finally:
        server.close()
        for process in scene.processes:
            process.close()
        for writer in scene.writers:
            writer.close()
        await store.close()


@dataclass(frozen=True, kw_only=True)
class Takeover:
    """What could be seen of one link that went from a process to another."""

    name: str  # whose connection came
    seconds: float  # after the signal
    told: str  # what came of the call that it was about
    lease: LinkLease
    call_ids: Sequence[str]


async def taken_over(scene: Scene, how: signal.Signals, *options: str) -> tuple[Forked, Line, Line, float]:
    """Have the first of two processes hold the link, send it a signal, and wait for the second."""
    first = await scene.start("first", *options)
    line = await scene.next_line()
    await line.ring("before")
    assert await line.stored() == "stored before"
    second = await scene.start("second")
    await asyncio.sleep(TRIES_SECONDS)  # it runs, and has nothing to hold
    assert second.poll() is None
    assert scene.lines.empty()
    await scene.renewed()
    first.send_signal(how)
    began = asyncio.get_running_loop().time()
    after = await scene.next_line()
    return first, line, after, asyncio.get_running_loop().time() - began


async def kill(scene: Scene) -> Takeover:
    _, _, after, seconds = await taken_over(scene, signal.SIGKILL)
    await after.ring("after")
    told = await after.stored()
    return await seen(scene, after, seconds, told)


async def stop_and_go_on(scene: Scene, *options: str) -> Takeover:
    first, line, after, seconds = await taken_over(scene, signal.SIGSTOP, *options)
    await line.ring("late")  # waits in its socket
    await after.ring("after")
    await after.stored()
    first.send_signal(signal.SIGCONT)
    assert await said(first) == "held stored before"
    told = await said(first)
    await after.ring("later")
    await after.stored()
    return await seen(scene, after, seconds, told)


async def end(scene: Scene) -> Takeover:
    _, _, after, seconds = await taken_over(scene, signal.SIGINT)
    return await seen(scene, after, seconds, "")


async def seen(scene: Scene, after: Line, seconds: float, told: str) -> Takeover:
    lease, call_ids = await scene.lease(), await scene.call_ids()
    return Takeover(name=after.name, seconds=seconds, told=told, lease=lease, call_ids=call_ids)


PLAYS: Mapping[str, Callable[[Scene], Awaitable[Takeover]]] = {
    "killed": kill,
    "its clock tells it": stop_and_go_on,
    "the store tells it": lambda scene: stop_and_go_on(scene, "--blind"),
    "ended": end,
}


@pytest.fixture(scope="module", params=ENGINES)
def takeovers(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, Takeover | Exception]]:
    """All of them side by side, each on a store of its own: most of the time is spent waiting for leases."""
    folders = {name: tmp_path_factory.mktemp("links") for name in PLAYS}
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")
        places = {name: str(shutil.copy(template, folder / "hub.db")) for name, folder in folders.items()}
        yield asyncio.run(play_all(places, folders))
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    first = server.create_database("links")
    make(first)
    others = [server.create_database(f"links{number}", template="links") for number in range(1, len(PLAYS))]
    yield asyncio.run(play_all(dict(zip(PLAYS, [first, *others], strict=True)), folders))
    for url in (first, *others):
        server.drop_database(url.rpartition("/")[2])


async def play_all(
    places: Mapping[str, str], folders: Mapping[str, Path]
) -> Mapping[str, Takeover | Exception]:
    async def one(name: str) -> Takeover:
        async with open_scene(places[name], folders[name]) as scene:
            return await PLAYS[name](scene)

    results = await asyncio.gather(*map(one, PLAYS), return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, Exception):
            raise result
    return dict(zip(PLAYS, results, strict=True))  # type: ignore[arg-type]


def of(takeovers: Mapping[str, Takeover | Exception], name: str) -> Takeover:
    """Give one that was seen to its end; what went wrong with it is its own test's failure."""
    seen = takeovers[name]
    if isinstance(seen, Exception):
        raise seen
    return seen


def test_the_link_of_a_killed_process_is_taken_over(takeovers: Mapping[str, Takeover | Exception]) -> None:
    it = of(takeovers, "killed")

    assert it.seconds < TAKEN_OVER_SECONDS
    assert (it.name, it.told) == ("second", "stored after")
    assert (it.lease.epoch, it.lease.what) == (2, "second")
    assert it.call_ids == ["after", "before"]


@pytest.mark.parametrize(
    ("how", "heard"),
    [("its clock tells it", "over lost late"), ("the store tells it", "held lost late")],
    ids=["its clock tells it", "the store tells it"],
)
def test_a_stopped_process_that_goes_on_stores_nothing(
    takeovers: Mapping[str, Takeover | Exception], how: str, heard: str
) -> None:
    it = of(takeovers, how)

    assert it.seconds < TAKEN_OVER_SECONDS
    assert (it.name, it.told) == ("second", heard)
    assert (it.lease.epoch, it.lease.what) == (2, "second")
    assert it.call_ids == ["after", "before", "later"]


def test_a_process_that_ends_in_order_hands_its_link_over_at_once(
    takeovers: Mapping[str, Takeover | Exception],
) -> None:
    it = of(takeovers, "ended")

    assert it.seconds < 1.5
    assert it.name == "second"
