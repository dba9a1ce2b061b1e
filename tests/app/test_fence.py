"""A hub that is stopped with the SQLite file in hand is ended by the others; nobody else is."""

import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from switchhook.app.fence import in_the_way, is_stopped, read_locks
from switchhook.app.hub import open_hub
from switchhook.settings import read_place
from switchhook.store.hub_settings import set_setting
from tests.fakes import eventually

# What it does on its way is told in words: a hub is known by its lock on <file>.hubs.
PROCESS = """
import fcntl, os, signal, sqlite3, sys
file, *ways = sys.argv[1:]
db = sqlite3.connect(file, isolation_level=None)
db.execute("PRAGMA journal_mode = WAL")
db.execute("CREATE TABLE IF NOT EXISTS half_done (one)")
if "is a hub" in ways:
    handle = os.open(file + ".hubs", os.O_RDWR | os.O_CREAT)
    fcntl.flock(handle, fcntl.LOCK_SH)
if "writes" in ways:
    db.execute("BEGIN IMMEDIATE")
    db.execute("INSERT INTO half_done VALUES (1)")
print("ready", flush=True)
if "stops" in ways:
    os.kill(os.getpid(), signal.SIGSTOP)
sys.stdin.read()
"""
ALL = ("is a hub", "writes", "stops")
FREE_AGAIN_SECONDS = 5.0

pytestmark = pytest.mark.skipif(not Path("/proc/locks").exists(), reason="this system has no /proc/locks")


@asynccontextmanager
async def process_on(file: Path, *ways: str) -> AsyncIterator[asyncio.subprocess.Process]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PROCESS, str(file), *ways), stdin=pipe, stdout=pipe
    )
    assert process.stdout is not None
    try:
        assert await process.stdout.readline() == b"ready\n"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.mark.parametrize("missing", [None, *ALL])
async def test_only_a_hub_that_stands_still_in_a_write_is_in_the_way(
    tmp_path: Path, missing: str | None
) -> None:
    file = tmp_path / "hub.db"
    async with process_on(file, *(way for way in ALL if way != missing)) as process:
        if missing != "stops":
            await eventually(lambda: is_stopped(process.pid))

        assert in_the_way(file) == ({process.pid} if missing is None else set())


async def test_a_hub_goes_on_though_another_was_stopped_with_the_file_in_hand(tmp_path: Path) -> None:
    place = read_place(tmp_path, given={"port": 0})
    async with open_hub(place) as ready:
        async with process_on(Path(place.store), *ALL) as process:
            began = time.monotonic()
            await ready.desk.store.write(set_setting, "after", "x")
            seconds = time.monotonic() - began
            status = await asyncio.wait_for(process.wait(), 5)

        def half_done(tx: sa.Connection) -> int:
            return len(tx.exec_driver_sql("SELECT one FROM half_done").all())

        assert await ready.desk.store.read(half_done) == 0

    assert status == -signal.SIGKILL
    assert seconds < FREE_AGAIN_SECONDS


def test_whoever_waits_for_a_lock_holds_none() -> None:
    lines = [
        "1: POSIX  ADVISORY  WRITE 4242 fe:00:1311 120 120",
        "1: -> POSIX  ADVISORY  WRITE 4243 fe:00:1311 120 120",
        "2: POSIX  ADVISORY  READ 4244 fe:00:1311 123 123",
        "3: FLOCK  ADVISORY  READ 4242 fe:00:1312 0 EOF",
        "4: OFDLCK ADVISORY  WRITE -1 fe:00:1311 120 120",
        "5: POSIX",
    ]

    assert list(read_locks(lines, "POSIX", "120")) == [(4242, 1311)]
    assert list(read_locks(lines, "FLOCK", None)) == [(4242, 1312)]
