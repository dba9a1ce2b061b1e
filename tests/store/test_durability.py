"""What was acknowledged is there, whatever is killed, full or away."""

import asyncio
import gc
import os
import resource
import signal
import subprocess
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from switchhook.core.errors import Misconfigured, StoreDown
from switchhook.store import Store, open_store
from switchhook.store.hub_settings import revision, set_setting
from switchhook.store.sqlite import SqliteStore
from switchhook.store.sqlite_file import open_engine
from tests.servers.forked import Forked, fork
from tests.servers.postgres import PostgresMissing, PostgresServer

SPACE_BYTES = 3 * 1024 * 1024


@pytest.fixture(autouse=True)
def dead_connections_are_let_go() -> Iterator[None]:
    """asyncpg complains of a connection whose server was killed, whenever it happens to be collected."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def names(tx: sa.Connection) -> set[str]:
    return set(tx.execute(sa.text("SELECT name FROM hub_settings")).scalars())


@asynccontextmanager
async def writer(where: str, prefix: str, *limit: str) -> AsyncIterator[Forked]:
    with fork("tests.store.writer", where, prefix, *limit) as process:
        yield process


async def lines(process: Forked, count: int = -1) -> list[str]:
    """Read so many lines, or to the end; a line that a kill cut off is none."""
    return await asyncio.to_thread(read_lines, process, count)


def read_lines(process: Forked, count: int) -> list[str]:
    read: list[str] = []
    while len(read) != count and (line := process.stdout.readline()).endswith(b"\n"):
        read.append(line.decode().strip())
    # What else the store has to say goes the same way.
    return [line for line in read if line.startswith(("one-", "two-"))]


@pytest.fixture(scope="module")
def own_server() -> Iterator[PostgresServer]:
    try:
        server = PostgresServer(durable=True)
    except PostgresMissing as missing:
        pytest.skip(str(missing))
    with server:
        yield server


@pytest.fixture
def durable_server(own_server: PostgresServer) -> PostgresServer:
    """A running server to kill, and to start again."""
    if own_server.pid is None:  # a test before this one has failed
        own_server.start()
    return own_server


async def test_a_killed_process_loses_no_acknowledged_write_on_sqlite(tmp_path: Path) -> None:
    where = str(tmp_path / "hub.db")
    acknowledged: list[str] = []
    for prefix in ("one", "two"):
        async with writer(where, prefix) as process:
            acknowledged += await lines(process, 100)
            process.send_signal(signal.SIGKILL)
            acknowledged += await lines(process)
    store = await open_store(where)

    assert set(acknowledged) <= await store.read(names)
    assert len(acknowledged) > 180
    await store.close()


@pytest.mark.postgres
async def test_a_killed_server_loses_no_acknowledged_write_on_postgres(
    durable_server: PostgresServer,
) -> None:
    where = durable_server.create_database("killed")
    async with writer(where, "one") as process:
        acknowledged = await lines(process, 100)
        durable_server.kill()
        process.send_signal(signal.SIGKILL)
        acknowledged += await lines(process)
    durable_server.start()
    store = await open_store(where)

    assert set(acknowledged) <= await store.read(names)
    assert len(acknowledged) > 90
    await store.close()


async def test_processes_write_at_once(where: str) -> None:
    async with AsyncExitStack() as stack:
        processes = [
            await stack.enter_async_context(writer(where, prefix, "200")) for prefix in ("one", "two")
        ]
        acknowledged = [name for said in await asyncio.gather(*map(lines, processes)) for name in said]
    store = await open_store(where)

    assert len(acknowledged) == 400
    assert set(acknowledged) <= await store.read(names)
    assert await store.read(revision) == 400
    await store.close()


async def test_processes_make_a_new_database_at_once(tmp_path: Path) -> None:
    where = str(tmp_path / "hub.db")
    async with AsyncExitStack() as stack:
        processes = [await stack.enter_async_context(writer(where, prefix, "1")) for prefix in ("one", "two")]
        said = await asyncio.gather(*map(lines, processes))

    assert said == [["one-0"], ["two-0"]]


@contextmanager
def small_disk(folder: Path) -> Iterator[Callable[[], None]]:
    """Give a folder little room, and a way to give it more: a small disk for root, else a limit of ours."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SPACE_BYTES}", "switchhook-test", str(folder)]
    with ExitStack() as stack:
        if os.geteuid() == 0 and subprocess.run(mount, capture_output=True, check=False).returncode == 0:
            stack.callback(subprocess.run, ["umount", "--lazy", str(folder)], check=True)
            filler = folder / "filler"
            filler.write_bytes(b"\0" * (SPACE_BYTES // 4))
            yield filler.unlink
        else:
            limits = resource.getrlimit(resource.RLIMIT_FSIZE)
            stack.callback(resource.setrlimit, resource.RLIMIT_FSIZE, limits)
            resource.setrlimit(resource.RLIMIT_FSIZE, (SPACE_BYTES, limits[1]))
            yield lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limits)


async def fill(store: Store) -> set[str]:
    stored: set[str] = set()
    try:
        for number in range(10_000):
            name = f"name {number}"
            await store.write(set_setting, name, "x" * 20_000)
            stored.add(name)
    except StoreDown:
        return stored
    raise AssertionError("the disk never got full")


async def test_a_full_disk_is_said_and_got_over(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as make_room:
        store = await open_store(tmp_path / "disk" / "hub.db")
        stored = await fill(store)
        # Reads still answer, and so does whoever looks a caller up.
        assert stored <= await store.read(names)
        make_room()
        await store.write(set_setting, "afterwards", "x" * 1000)

        assert stored | {"afterwards"} <= await store.read(names)
        await store.close()


async def test_a_file_held_by_another_process_is_said_and_got_over(tmp_path: Path) -> None:
    await (await open_store(tmp_path / "hub.db")).close()
    store = SqliteStore(tmp_path / "hub.db", busy_seconds=0.05)
    engine = open_engine(tmp_path / "hub.db", is_writer=True)
    with engine.begin() as holder:
        set_setting(holder, "held", "x")
        with pytest.raises(StoreDown, match="another process holds"):
            await store.write(set_setting, "meanwhile", "x")
    await store.write(set_setting, "afterwards", "x")

    assert {"held", "afterwards"} == await store.read(names) - {"revision"}
    await store.close()
    engine.dispose()


@pytest.mark.postgres
async def test_a_server_that_is_away_is_said_and_got_over(durable_server: PostgresServer) -> None:
    store = await open_store(durable_server.create_database("away"))
    await store.write(set_setting, "before", "x")
    durable_server.kill()
    with pytest.raises(StoreDown):
        await store.write(set_setting, "meanwhile", "x")
    with pytest.raises(StoreDown):
        await store.read(names)
    durable_server.start()
    await store.write(set_setting, "afterwards", "x")

    assert {"before", "afterwards"} <= await store.read(names)
    await store.close()


@pytest.mark.postgres
async def test_a_restart_between_two_requests_goes_unnoticed(durable_server: PostgresServer) -> None:
    store = await open_store(durable_server.create_database("restarted"))
    await store.write(set_setting, "before", "x")
    await store.read(names)
    durable_server.stop()
    durable_server.start()

    assert "before" in await store.read(names)
    await store.write(set_setting, "afterwards", "x")
    await store.close()


@pytest.mark.postgres
async def test_says_that_a_database_does_not_answer() -> None:
    with pytest.raises(StoreDown, match="does not answer"):
        await open_store("postgresql://nobody@127.0.0.1:1/none")


@pytest.mark.parametrize(
    "where", ["mysql://root:canary@127.0.0.1/hub", "postgresql://hub:canary@127.0.0.1:many/hub"]
)
async def test_says_that_an_address_is_none_without_repeating_it(where: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        await open_store(where)

    assert "canary" not in str(caught.value)
