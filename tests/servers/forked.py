"""Processes of our code that start in a moment: forked off one that has imported it.

    with fork("switchhook", "serve", "--data", str(folder)) as process:
        process.stdout.readline()

Importing a hub costs a second of processor time, and a fork some milliseconds; from there to its exit status
it runs as under `python -m`. Each is a process of its own, with its own memory, output and signals. What a
start itself has to show is left to tests that run the real command.
"""

import array
import asyncio
import atexit
import functools
import gc
import importlib
import json
import os
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import warnings
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from switchhook.flow.media.worker import FOR_LIBRARIES

ROOT = Path(__file__).parents[2]
LONGEST_ORDER_BYTES = 128 * 1024
# What is loaded before: by a hub and its commands, now or later, and by what reads strangers' sound, which
# counts its memory. All that is left out here is only slower.
LOADED = {
    "hub": (
        *("switchhook.cli", "switchhook.cli.call", "switchhook.cli.connection", "switchhook.cli.login"),
        *("switchhook.cli.employee", "switchhook.cli.serve", "switchhook.app.hub", "switchhook.app.workshop"),
        *("switchhook.web.entrance", "switchhook.store.postgres", "switchhook.net.server"),
        *("uvicorn.loops.auto", "websockets", "asyncpg", "uvloop", "httptools", "alembic.command"),
        "tests.flow.rig",
    ),
    "sound": ("switchhook.flow.media.child.mp3", "switchhook.flow.media.child.peaks"),
}


class Forked:
    """A process of ours; what it prints comes through `stdout`, as bytes."""

    def __init__(self, pid: int, told: socket.socket, stdout: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self.stdout: IO[bytes] = os.fdopen(stdout, "rb")
        self._told = told

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Kill it, should it run, and let go of its output."""
        self.send_signal(signal.SIGKILL)
        self.wait()
        self._told.close()
        self.stdout.close()

    def send_signal(self, which: signal.Signals) -> None:
        """Send a signal; do nothing when it has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):  # its parent may know of its end before we do
                os.kill(self.pid, which)

    def poll(self) -> int | None:
        """Give the exit status, minus the number of the signal that ended it; None while it runs."""
        try:
            return self.wait(0)
        except BlockingIOError:
            return None

    async def line(self) -> str:
        """Give the next line that it prints, without its end; nothing when there are no more."""
        return (await asyncio.to_thread(self.stdout.readline)).decode().strip()

    async def ended(self) -> int:
        """Wait for the exit status."""
        return await asyncio.to_thread(self.wait)

    def wait(self, seconds: float | None = None) -> int:
        """Wait for the exit status.

        Raises: TimeoutError, or BlockingIOError of no time at all: it still runs.
        """
        if self.returncode is None:
            self._told.settimeout(seconds)
            told = self._told.recv(16)
            if not told:
                raise RuntimeError("the process that forks has ended")
            self.returncode = int(told)
        return self.returncode


def fork(
    module: str,
    *words: str,
    environ: Mapping[str, str] | None = None,
    stdin: int | None = None,
    stdout: int | None = None,
    stderr: int | None = None,
    loaded: str = "hub",
) -> Forked:
    """Run a module as `python -m` does, off a process that has `LOADED` what it needs.

    Without other files it reads nothing, what it prints goes to a pipe, and its errors go nowhere.
    """
    mine, its = socket.socketpair()
    nothing = os.open(os.devnull, os.O_RDWR)
    ours, out = os.pipe()
    order = {
        "module": module,
        "words": words,
        "environ": dict(os.environ if environ is None else environ),
    }
    given = (
        file if file is not None else other
        for file, other in zip((stdin, stdout, stderr), (nothing, out, nothing), strict=True)
    )
    files = [its.fileno(), *given]
    try:
        socket.send_fds(parent(loaded), [json.dumps(order).encode()], files)
        return Forked(int(mine.recv(16)), mine, ours)
    finally:
        its.close()
        os.close(nothing)
        os.close(out)


@functools.cache
def parent(loaded: str) -> socket.socket:
    """Start a process that forks, once; all that it started ends with us."""
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.servers.forked", loaded, str(its.fileno())],
        env={**os.environ, **FOR_LIBRARIES},
        stdin=subprocess.DEVNULL,
        pass_fds=[its.fileno()],
        cwd=ROOT,
        start_new_session=True,
    )
    its.close()

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


def serve(orders: socket.socket) -> tuple[str, tuple[str, ...]]:
    """Fork for each order. Returns in the forked process only, with the module to run and its words."""
    running: dict[int, tuple[int, socket.socket]] = {}
    with selectors.DefaultSelector() as waiting:
        waiting.register(orders, selectors.EVENT_READ)
        while True:
            for key, _ in waiting.select():
                if key.fd != orders.fileno():
                    pid, told = running.pop(key.fd)
                    waiting.unregister(key.fd)
                    os.close(key.fd)
                    tell(told, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
                    told.close()
                    continue
                order, files = receive(orders)
                if not order:
                    for pid, _ in running.values():
                        os.kill(pid, signal.SIGKILL)
                    sys.exit()
                pid = os.fork()
                if not pid:
                    # Closed below, all at once; objects that close them again would close others.
                    waiting.close()
                    for one in (orders, *(told for _, told in running.values())):
                        one.detach()
                    return become(json.loads(order), files[1:])
                told = socket.socket(fileno=files[0])
                for file in files[1:]:
                    os.close(file)
                tell(told, pid)
                handle = os.pidfd_open(pid)
                running[handle] = pid, told
                waiting.register(handle, selectors.EVENT_READ)


def receive(orders: socket.socket) -> tuple[bytes, list[int]]:
    order, sent, _, _ = orders.recvmsg(LONGEST_ORDER_BYTES, socket.CMSG_SPACE(4 * 4), socket.MSG_CMSG_CLOEXEC)
    files = array.array("i")
    for _, _, each in sent:
        files.frombytes(each)
    return order, list(files)


def tell(told: socket.socket, number: int) -> None:
    with suppress(OSError):  # nobody waits for it any more
        told.send(str(number).encode())


def become(order: dict[str, object], files: list[int]) -> tuple[str, tuple[str, ...]]:
    """Be, in the forked process, what `python -m` makes of these words."""
    for number, file in enumerate(files):
        os.dup2(file, number)
    os.closerange(3, 256)
    # Whoever runs the tests in the background of a script has interrupts ignored, and so would we.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    environ: dict[str, str] = order["environ"]  # type: ignore[assignment]
    os.environ.update(environ)
    if environ.get("PYTHONWARNINGS") == "error":
        warnings.simplefilter("error")
    words: list[str] = order["words"]  # type: ignore[assignment]
    return str(order["module"]), tuple(words)


if __name__ == "__main__":
    for name in LOADED[sys.argv[1]]:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    module, words = serve(socket.socket(fileno=int(sys.argv[2])))
    sys.argv[1:] = words
    runpy.run_module(module, run_name="__main__", alter_sys=True)
