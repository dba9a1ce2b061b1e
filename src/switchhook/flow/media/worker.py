"""Starts the child process that reads strangers' sound, and ends it when it is late.

The bytes come from strangers and the library that decodes them is written in C. So the child gets one
open file to read and one to write, and can open nothing else, which ends the network too; it knows nothing
of our environment, and is short of time and memory.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import IO

import structlog

from switchhook.core.errors import StoreDown
from switchhook.flow.media.jobs import CANNOT, DONE, NO_ROOM, REFUSED, Bounds, Job, Unplayable

log = structlog.get_logger(__name__)

MODULE = "switchhook.flow.media.child"
# All that Python needs to start; what else is in our environment is nobody's business.
ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "VIRTUAL_ENV")
# Each thread would take room from the memory that the child may have.
FOR_LIBRARIES = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
MOST_WORDS = 1024
TOO_LONG = "it takes too long"


async def work(
    job: Job, demuxer: str, source: IO[bytes], bounds: Bounds, *, target: IO[bytes] | None = None
) -> bytes:
    """Have a job done on a file that has just been opened; `target` is written from its begin.

    Without `target` give what the child said, up to 1 KB.

    Raises:
        Unplayable: nothing can be made of the file within the bounds; says why.
        StoreDown: there is no room for what is made.
    """
    child = await asyncio.create_subprocess_exec(
        *_command(job, demuxer, bounds),
        stdin=source,
        stdout=asyncio.subprocess.PIPE if target is None else target,
        stderr=asyncio.subprocess.PIPE,
        env=_environment(),
        cwd="/",
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(bounds.wall_seconds):
            said, why = await asyncio.gather(_last_words(child.stdout), _last_words(child.stderr))
            status = await child.wait()
    except TimeoutError:
        log.warning("recording takes too long", job=job.value, seconds=bounds.wall_seconds)
        raise Unplayable(TOO_LONG) from None
    finally:
        await _end(child)
    if status == DONE:
        return said
    if status == NO_ROOM:
        raise StoreDown("there is no room for what is made of a recording")
    raise Unplayable(_reason(job, status, why))


def _command(job: Job, demuxer: str, bounds: Bounds) -> Sequence[str]:
    numbers = (bounds.cpu_seconds, bounds.memory_bytes, bounds.output_bytes, bounds.sound_seconds)
    return (sys.executable, "-I", "-B", "-m", MODULE, job.value, demuxer, *map(str, numbers))


def _environment() -> dict[str, str]:
    given = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
    return {**given, **FOR_LIBRARIES}


async def _last_words(pipe: asyncio.StreamReader | None) -> bytes:
    """Read to the end; only the last few words are kept."""
    said = b""
    while pipe is not None and (piece := await pipe.read(MOST_WORDS)):
        said = (said + piece)[-MOST_WORDS:]
    return said


def _reason(job: Job, status: int, why: bytes) -> str:
    # Libraries may have said something before.
    words = why.rpartition(b"\n")[2].decode("ascii", "replace")
    if status == REFUSED and words and words.isprintable():
        return words
    if status == -signal.SIGXCPU:
        return TOO_LONG
    log.warning("recording ended the process that read it", job=job.value, status=status)
    return CANNOT


async def _end(child: asyncio.subprocess.Process) -> None:
    if child.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        await child.wait()
