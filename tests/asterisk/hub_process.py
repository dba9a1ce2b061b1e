"""`switchhook serve` as processes of their own, several on one store: killed, frozen, started again."""

import asyncio
import functools
import os
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path

from switchhook.app.desk import open_desk
from switchhook.net.http import HttpClient
from switchhook.settings import read_place
from switchhook.store.hub_settings import PUBLIC_URL, set_setting
from tests.asterisk.bridged import Company
from tests.servers.forked import Forked, fork
from tests.servers.ports import free_port

READY_SECONDS = 30.0
# Others may write as well, for much less than this.
WRITE_SECONDS, BETWEEN_WRITES_SECONDS = 0.3, 0.05


def _is_writable(file: Path) -> bool:
    with closing(sqlite3.connect(file, timeout=WRITE_SECONDS, isolation_level=None)) as store:
        try:
            store.execute("BEGIN IMMEDIATE")
            store.execute("ROLLBACK")
        except sqlite3.OperationalError:
            return False
        return True


@dataclass(kw_only=True)
class HubProcess:
    """One hub on the folder; what it logs goes to `log`."""

    folder: Path
    public_url: str
    port: int = field(default_factory=free_port)
    database_url: str = ""
    process: Forked | None = None

    @property
    def log(self) -> Path:
        return self.folder / f"log-{self.port}"

    async def start(self) -> None:
        """Start it and wait until it takes requests."""
        words = ("serve", "--data", str(self.folder), "--port", str(self.port))
        environ = {**os.environ, "SWITCHHOOK_PUBLIC_URL": self.public_url, **place_of(self.database_url)}
        with self.log.open("ab") as log:
            self.process = await asyncio.to_thread(
                functools.partial(fork, "switchhook", *words, environ=environ, stderr=log.fileno())
            )
        async with asyncio.timeout(READY_SECONDS):
            line = await self.process.line()
        assert line.startswith("listening on "), self.log.read_text()

    @property
    def said(self) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-20:])

    @property
    def owner(self) -> str:
        """How the leases of its links name it begin and go on."""
        assert self.process is not None
        return f":{self.process.pid}:"

    async def freeze(self) -> None:
        """Let it stand still, but not in the middle of a write: with SQLite's file in hand it is killed."""
        while True:
            self._send(signal.SIGSTOP)
            if self.database_url:
                return
            is_free = await asyncio.to_thread(_is_writable, self.folder / "switchhook.sqlite3")
            if is_free:
                return
            self.thaw()
            await asyncio.sleep(BETWEEN_WRITES_SECONDS)

    def thaw(self) -> None:
        self._send(signal.SIGCONT)

    async def end(self, by: signal.Signals = signal.SIGKILL) -> None:
        if self.process is None:
            return
        self.thaw()
        self._send(by)
        await self.process.ended()
        self.process.close()
        self.process = None

    def _send(self, number: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(number)


def place_of(database_url: str) -> dict[str, str]:
    """Give what says in the environment where the store is: in the folder, if nowhere else."""
    return {"SWITCHHOOK_DATABASE_URL": database_url} if database_url else {}


@asynccontextmanager
async def company_of_processes(
    folder: Path, *, hubs: int = 1, database_url: str = ""
) -> AsyncIterator[tuple[Company, list[HubProcess]]]:
    """Give a company with a filled address book, and hubs on its store that are not started yet.

    The first one is where peers and browsers are told to come to. The store is SQLite in the folder, or else
    where `database_url` says.
    """
    port = free_port()
    public_url = f"http://127.0.0.1:{port}"
    ports = [port, *(free_port() for _ in range(hubs - 1))]
    processes = [
        HubProcess(folder=folder, public_url=public_url, port=one, database_url=database_url) for one in ports
    ]
    async with AsyncExitStack() as stack:
        http = (await stack.enter_async_context(HttpClient())).granted(allow_private=True)
        desk = await stack.enter_async_context(open_desk(read_place(folder, environ=place_of(database_url))))
        await desk.store.write(set_setting, PUBLIC_URL, public_url)
        parties = await stack.enter_async_context(AsyncExitStack())
        for process in processes:
            stack.push_async_callback(process.end)
        made = Company(desk=desk, public_url=public_url, http=http, stack=parties)
        await made.fill_book()
        yield made, processes
