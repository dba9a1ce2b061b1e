"""Running the command line as a script does: a process, its output and its exit status."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

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


def command(*words: str, data: Path | None = None, environ: Mapping[str, str] | None = None) -> Done:
    """Run one command to its end."""
    where = ["--data", str(data)] if data is not None else []
    ran = subprocess.run(
        [sys.executable, "-m", "switchhook", *words, *where],
        capture_output=True,
        text=True,
        timeout=TOLD_SECONDS,
        env=environment(environ),
        check=False,
    )
    return Done(status=ran.returncode, out=ran.stdout, err=ran.stderr)


@contextmanager
def serving(data: Path, *words: str) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """Run a hub in a process of its own, on a free port; give its address."""
    with (data.parent / f"{data.name}.log").open("w+") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "switchhook", "serve", "--port", "0", "--data", str(data), *words],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=environment(),
        )
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line.startswith("listening on "):
                log.seek(0)
                raise AssertionError(f"the hub did not start: {line!r} {log.read()}")
            yield line.removeprefix("listening on ").strip(), process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            process.wait(TOLD_SECONDS)
            assert process.stdout is not None
            process.stdout.close()
