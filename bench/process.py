"""A server as a process of its own: started, measured from outside, ended by pid."""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SWITCHHOOK = (sys.executable, "-m", "switchhook")


@dataclass(frozen=True, kw_only=True)
class Served:
    """A running server."""

    url: str
    pid: int
    start_seconds: float

    def cpu_seconds(self) -> float:
        """Processor time of all its threads so far."""
        # Its clock, as clock_getcpuclockid makes the number in Linux: /proc counts in ticks.
        return time.clock_gettime((~self.pid << 3) | 2)

    def memory_bytes(self) -> int:
        """Resident memory that is its own (proportional set where the kernel tells it)."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        return 0


@asynccontextmanager
async def serving(command: Sequence[str], **environment: str) -> AsyncIterator[Served]:
    """Start a server that prints "listening on URL"; end it by pid."""
    begun = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *command,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, **environment},
    )
    try:
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), timeout=60)
        url = line.decode().strip().removeprefix("listening on ")
        yield Served(url=url, pid=process.pid, start_seconds=time.perf_counter() - begun)
    finally:
        if process.returncode is None:
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), timeout=20)
        except TimeoutError:
            process.kill()
            await process.wait()


async def command(*arguments: str, **environment: str) -> dict[str, Any]:
    """Run one `switchhook` command with --json and read its document."""
    process = await asyncio.create_subprocess_exec(
        *SWITCHHOOK,
        *arguments,
        "--json",
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **environment},
    )
    output, _ = await process.communicate()
    if process.returncode != 0:
        raise SystemExit(f"switchhook {arguments[0]} ended with {process.returncode}")
    document: dict[str, Any] = json.loads(output)
    return document
