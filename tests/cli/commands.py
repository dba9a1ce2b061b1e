"""Running the command line as a script does: a process, its output and its exit status.

The processes are forked off one that has loaded it, unless they are to start `afresh`.
"""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from tests.servers.forked import Forked, fork

TOLD_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class Done:
    """What came of a command."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on standard output."""
        return msgspec.json.decode(self.out)


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Give the environment less our own variables, so that the machine's settings change nothing."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("SWITCHHOOK_")}
    return {**plain, "PYTHONWARNINGS": "error", **(extra or {})}


def command(
    *words: str, data: Path | None = None, environ: Mapping[str, str] | None = None, afresh: bool = False
) -> Done:
    """Run one command to its end."""
    where = ["--data", str(data)] if data is not None else []
    if afresh:
        ran = subprocess.run(
            [sys.executable, "-m", "switchhook", *words, *where],
            capture_output=True,
            text=True,
            timeout=TOLD_SECONDS,
            env=environment(environ),
            check=False,
        )
        return Done(status=ran.returncode, out=ran.stdout, err=ran.stderr)
    with (
        tempfile.TemporaryFile("w+") as err,
        fork("switchhook", *words, *where, environ=environment(environ), stderr=err.fileno()) as process,
    ):
        out = process.stdout.read().decode()
        status = process.wait(TOLD_SECONDS)
        err.seek(0)
        return Done(status=status, out=out, err=err.read())


@contextmanager
def serving(data: Path, *words: str) -> Iterator[tuple[str, Forked]]:
    """Run a hub in a process of its own, on a free port; give its address."""
    words = ("serve", "--port", "0", "--data", str(data), *words)
    with (
        (data.parent / f"{data.name}.log").open("w+") as log,
        fork("switchhook", *words, environ=environment(), stderr=log.fileno()) as process,
    ):
        line = process.stdout.readline().decode()
        if not line.startswith("listening on "):
            log.seek(0)
            raise AssertionError(f"the hub did not start: {line!r} {log.read()}")
        yield line.removeprefix("listening on ").strip(), process
        process.send_signal(signal.SIGTERM)
        process.wait(TOLD_SECONDS)
