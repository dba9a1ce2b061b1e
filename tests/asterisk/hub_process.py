"""`switchhook serve` as processes of their own, several on one store: killed, frozen, started again."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from switchhook.app.desk import open_desk
from switchhook.net.http import HttpClient
from switchhook.settings import read_place
from switchhook.store.hub_settings import PUBLIC_URL, set_setting
from tests.asterisk.bridged import Company
from tests.servers.ports import free_port

READY_SECONDS = 30.0


@dataclass(kw_only=True)
class HubProcess:
    """One hub on the folder; what it logs goes to `log`."""

    folder: Path
    public_url: str
    port: int = field(default_factory=free_port)
    process: asyncio.subprocess.Process | None = None

    @property
    def log(self) -> Path:
        return self.folder / f"log-{self.port}"

    async def start(self) -> None:
        """Start it and wait until it takes requests."""
        command = (sys.executable, "-m", "switchhook", "serve", "--data", str(self.folder))
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *command,
                "--port",
                str(self.port),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env={**os.environ, "SWITCHHOOK_PUBLIC_URL": self.public_url},
            )
        assert self.process.stdout is not None
        async with asyncio.timeout(READY_SECONDS):
            line = await self.process.stdout.readline()
        assert line.startswith(b"listening on "), self.log.read_text()

    @property
    def owner(self) -> str:
        """How the leases of its links name it begin and go on."""
        assert self.process is not None
        return f":{self.process.pid}:"

    def freeze(self) -> None:
        self._send(signal.SIGSTOP)

    def thaw(self) -> None:
        self._send(signal.SIGCONT)

    async def end(self, by: signal.Signals = signal.SIGKILL) -> None:
        if self.process is None:
            return
        self.thaw()
        self._send(by)
        await self.process.wait()
        self.process = None

    def _send(self, number: signal.Signals) -> None:
        if self.process is not None:
            with suppress(ProcessLookupError):
                self.process.send_signal(number)


@asynccontextmanager
async def company_of_processes(
    folder: Path, *, hubs: int = 1
) -> AsyncIterator[tuple[Company, list[HubProcess]]]:
    """Give a company with a filled address book, and hubs on its store that are not started yet.

    The first one is where peers and browsers are told to come to.
    """
    port = free_port()
    public_url = f"http://127.0.0.1:{port}"
    ports = [port, *(free_port() for _ in range(hubs - 1))]
    processes = [HubProcess(folder=folder, public_url=public_url, port=one) for one in ports]
    async with AsyncExitStack() as stack:
        http = (await stack.enter_async_context(HttpClient())).granted(allow_private=True)
        desk = await stack.enter_async_context(open_desk(read_place(folder, environ={})))
        await desk.store.write(set_setting, PUBLIC_URL, public_url)
        parties = await stack.enter_async_context(AsyncExitStack())
        for process in processes:
            stack.push_async_callback(process.end)
        made = Company(desk=desk, public_url=public_url, http=http, stack=parties)
        await made.fill_book()
        yield made, processes
