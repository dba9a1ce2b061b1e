"""The throw-away PostgreSQL is what the other suites think it is."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import asyncpg
import pytest

from tests.servers.postgres import PostgresMissing, PostgresServer, find_postgres


async def answer(url: str, question: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


async def test_answers_under_the_url_it_gives(postgres_url: str) -> None:
    assert await answer(postgres_url, "SELECT 40 + 2") == 42


async def test_a_fresh_database_is_empty(fresh_postgres_url: str) -> None:
    tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"

    assert await answer(fresh_postgres_url, tables) == 0


async def test_copies_a_database_made_ready_before(postgres_server: PostgresServer) -> None:
    postgres_server.create_database("original")
    postgres_server.execute("CREATE TABLE calls AS SELECT 7 AS id", database="original")
    copy = postgres_server.create_database("copied", template="original")

    assert await answer(copy, "SELECT id FROM calls") == 7


@pytest.mark.postgres
async def test_keeps_what_was_committed_over_a_kill() -> None:
    with durable() as server:
        server.execute("CREATE TABLE calls AS SELECT 7 AS id")
        server.kill()
        server.start()

        assert await answer(server.url(), "SELECT id FROM calls") == 7
        assert await answer(server.url(), "SHOW fsync") == "on"


@pytest.mark.postgres
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_dies_with_a_killed_parent() -> None:
    durable().close()
    program = (
        "from tests.servers.postgres import PostgresServer\n"
        "server = PostgresServer().__enter__()\n"
        "print(server.pid, server.folder, flush=True)\n"
        "input()\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout
    pid, folder = parent.stdout.readline().split()
    parent.kill()
    parent.communicate()

    assert gone(int(pid))
    shutil.rmtree(folder)


def durable() -> PostgresServer:
    try:
        return PostgresServer(durable=True)
    except PostgresMissing as missing:
        pytest.skip(str(missing))


def gone(pid: int) -> bool:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    return False


def test_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SWITCHHOOK_POSTGRES_BIN", str(tmp_path))

    with pytest.raises(PostgresMissing, match="no initdb and postgres in SWITCHHOOK_POSTGRES_BIN"):
        find_postgres()
