"""How long a recording is: asked of FFmpeg's demuxers, in a child process that can do nothing else.

The bytes come from strangers and the library is written in C. So the child opens the one file,
gives up the right to open anything more (which ends the network too), and is short of time and memory.
The packets are counted, not the header believed: a RIFF header may claim 4 GB.
"""

import asyncio
import io
import os
import resource
import sys
import wave
from contextlib import suppress
from pathlib import Path
from typing import IO

import structlog

log = structlog.get_logger(__name__)

SECONDS = 20.0
CPU_SECONDS = 10
MEMORY_BYTES = 1 << 30
# Longer than any call; a made-up clock inside the file is not shown to people.
LONGEST_SECONDS = 48 * 3600.0
# All that Python needs to start; what else is in our environment is nobody's business.
ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "VIRTUAL_ENV")


async def measure_seconds(path: Path, demuxer: str) -> float | None:
    """Give the length of the audio in a file, or None when that cannot be found out in time."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-m",
        __name__,
        str(path),
        demuxer,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={name: os.environ[name] for name in ENVIRONMENT if name in os.environ},
    )
    try:
        async with asyncio.timeout(SECONDS):
            said, _ = await child.communicate()
    except TimeoutError:
        log.warning("recording cannot be measured in time", seconds=SECONDS)
        return None
    finally:
        if child.returncode is None:
            with suppress(ProcessLookupError):
                child.kill()
            await child.wait()
    try:
        seconds = float(said)
    except ValueError:
        return None
    return round(seconds, 3) if 0 <= seconds <= LONGEST_SECONDS else None


def _count_seconds(path: str, demuxer: str) -> float:
    # The library imports parts of itself while it opens a file; here that would be too late.
    _demux(_silence(), "wav")
    with open(path, "rb") as file:
        _give_up_rights()
        return _demux(file, demuxer)


def _demux(file: IO[bytes], demuxer: str) -> float:
    import av

    with av.open(file, "r", format=demuxer, metadata_errors="replace") as container:
        stream = container.streams.audio[0]
        ticks = sum((packet.duration or 0 for packet in container.demux(stream)), 0)
        return float(ticks * stream.time_base) if stream.time_base else 0.0


def _silence() -> IO[bytes]:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(8000)
        writer.writeframes(bytes(160))
    file.seek(0)
    return file


def _give_up_rights() -> None:
    for limit, value in (
        (resource.RLIMIT_NOFILE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_AS, MEMORY_BYTES),
    ):
        resource.setrlimit(limit, (value, value))


if __name__ == "__main__":
    sys.stdout.write(f"{_count_seconds(sys.argv[1], sys.argv[2])}")
    sys.stdout.flush()
    # Nothing may be opened any more, so the usual tidying up would only fail.
    os._exit(0)
