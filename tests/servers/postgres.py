"""A throw-away PostgreSQL server: its own folder, port and user, gone when it is closed.

    with PostgresServer() as server:
        url = server.create_database("calls")

PostgreSQL refuses to run as root, so root starts it as the user `postgres` or `nobody`.
"""

import asyncio
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import asyncpg

from tests.servers.ports import free_port

T = TypeVar("T")

SUPERUSER = "postgres"
START_SECONDS = 60.0
STOP_SECONDS = 30.0


class PostgresMissing(Exception):
    """The PostgreSQL server programs are not installed: whoever runs the tests has to install them."""


class PostgresFailed(Exception):
    """PostgreSQL is installed but did not start; the text ends with the end of its log."""


class PostgresServer:
    """One server on 127.0.0.1 and on a unix socket in its folder, without passwords.

    `durable=True` keeps fsync and synchronous_commit on, for tests that kill things; the default trades both
    for speed. The server dies with the thread that started it, even when that process is killed.
    """

    def __init__(self, *, durable: bool = False) -> None:
        self.durable = durable
        self.bin = find_postgres()
        self.port = free_port()
        # Not under pytest's tmp_path: that is closed to other users, and too long for a socket's name.
        self.folder = Path(tempfile.mkdtemp(prefix="switchhook-pg-", dir="/tmp"))
        self.data = self.folder / "data"
        self.log = self.folder / "log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self._init()
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def url(self, database: str = "postgres") -> str:
        """Return the database's address, as `SWITCHHOOK_DATABASE_URL` takes it."""
        return f"postgresql://{SUPERUSER}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start on the folder's data, which `stop` and `kill` leave as they are, and wait until it answers.

        Raises: PostgresFailed.
        """
        speed = () if self.durable else ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
        settings = (
            "listen_addresses=127.0.0.1",
            f"port={self.port}",
            f"unix_socket_directories={self.folder}",
            "max_connections=200",
            "shared_buffers=32MB",
            "timezone=UTC",
            "logging_collector=off",
            *speed,
        )
        arguments = [argument for setting in settings for argument in ("-c", setting)]
        with self.log.open("ab") as log:
            self._process = self._popen([self.bin / "postgres", "-D", self.data, *arguments], log)
        until = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > until:
                raise PostgresFailed(f"postgres did not start:\n{self._end_of_log()}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Shut down cleanly, cutting open connections; do nothing when it does not run."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """Kill the server as `kill -9` does; `start` then recovers what was committed."""
        self._end(signal.SIGKILL)
        # The children notice by themselves; a new server refuses to start before the last is gone.
        until = time.monotonic() + STOP_SECONDS
        while time.monotonic() < until and any(self._children()):
            time.sleep(0.02)

    def close(self) -> None:
        """End it and delete everything."""
        # Without writing down what is deleted next.
        self._end(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def create_database(self, name: str, *, template: str = "template0") -> str:
        """Create a database, or copy `template` (which nobody may be connected to), and return its URL."""
        self.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Drop a database, cutting whoever is connected to it."""
        self.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def clear_database(self, name: str) -> None:
        """Leave nothing in a database, cutting whoever is connected to it: ten times as fast as a new one."""
        self.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid();"
            "DROP SCHEMA public CASCADE; CREATE SCHEMA public",
            database=name,
        )

    def execute(self, statements: str, *, database: str = "postgres") -> None:
        """Run statements in one transaction; callable whether or not an event loop runs in this thread."""

        async def run() -> None:
            connection = await asyncpg.connect(self.url(database), timeout=10)
            try:
                await connection.execute(statements)
            finally:
                await connection.close()

        with ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, run()).result()

    def _init(self) -> None:
        user = unprivileged()
        if user:
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        self.log.touch()
        how = f"--username={SUPERUSER} --auth=trust --encoding=UTF8 --locale=C --no-sync --no-instructions"
        with self.log.open("ab") as log:
            status = self._popen([self.bin / "initdb", "-D", self.data, *how.split()], log).wait()
        if status:
            raise PostgresFailed(f"initdb failed:\n{self._end_of_log()}")

    def _popen(self, command: list[str | Path], log: Any) -> "subprocess.Popen[bytes]":
        user = unprivileged()
        become: dict[str, Any] = (
            {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
        )
        return subprocess.Popen(
            [*dying_with_us(), *command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=self.folder,
            # Not ours: PGDATA, PGPORT and their kin would change what we start.
            env={"PATH": f"{self.bin}:/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
            # Ctrl-C is for pytest; it stops us in its own time.
            start_new_session=True,
            **become,
        )

    def _answers(self) -> bool:
        async def ask() -> None:
            connection = await asyncpg.connect(self.url(), timeout=5)
            await connection.close()

        try:
            with ThreadPoolExecutor(1) as thread:
                thread.submit(asyncio.run, ask()).result()
        except (OSError, asyncpg.PostgresError, TimeoutError):
            return False
        return True

    def _end(self, by: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(by)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _children(self) -> Iterator[int]:
        """Yield the processes that still work in our data folder."""
        for link in Path("/proc").glob("[0-9]*/cwd"):
            try:
                if link.readlink() == self.data:
                    yield int(link.parent.name)
            except OSError:
                continue

    def _end_of_log(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-20:])


class KeptConnection:
    """A connection that is opened once, for statements between tests; its loop has a thread of its own."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._thread = ThreadPoolExecutor(1)
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        self._connection: asyncpg.Connection[asyncpg.Record] = self._run(
            asyncpg.connect(self.url, timeout=10)
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run(self._connection.close())
        self._thread.submit(self._runner.close).result()
        self._thread.shutdown()

    def execute(self, statements: str) -> None:
        """Run statements in one transaction; callable whether or not an event loop runs in this thread."""
        self._run(self._connection.execute(statements))

    def _run(self, what: Awaitable[T]) -> T:
        async def wait() -> T:
            return await what

        return self._thread.submit(self._runner.run, wait()).result()


def find_postgres() -> Path:
    """Return the folder with `initdb` and `postgres`; `SWITCHHOOK_POSTGRES_BIN` names one to use.

    Raises: PostgresMissing.
    """
    chosen = os.environ.get("SWITCHHOOK_POSTGRES_BIN")
    for folder in [Path(chosen)] if chosen else likely_folders():
        if all(os.access(folder / program, os.X_OK) for program in ("initdb", "postgres")):
            return folder
    raise PostgresMissing(
        f"no initdb and postgres in SWITCHHOOK_POSTGRES_BIN={chosen}"
        if chosen
        else "the PostgreSQL server is not installed: apt install postgresql,"
        " or set SWITCHHOOK_POSTGRES_BIN to the folder of initdb and postgres"
    )


def likely_folders() -> Iterator[Path]:
    # Debian keeps the server out of PATH, one folder per major version; the newest comes first.
    debian = Path("/usr/lib/postgresql").glob("*/bin")
    others = [*Path("/usr").glob("pgsql-*/bin"), *Path("/opt/homebrew/opt").glob("postgresql*/bin")]
    yield from sorted([*debian, *others], key=version_in, reverse=True)
    initdb = shutil.which("initdb")
    if initdb:
        yield Path(initdb).resolve().parent


def version_in(folder: Path) -> int:
    numbers = re.findall(r"\d+", str(folder))
    return int(numbers[-1]) if numbers else 0


def unprivileged() -> pwd.struct_passwd | None:
    """Return whom root becomes for the server; None when we are not root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise PostgresMissing("root cannot run PostgreSQL, and there is no user postgres or nobody to become")


def dying_with_us() -> list[str]:
    """Return the words before a command that end it with the thread that started it, where the system can."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "INT", "--"] if setpriv else []
