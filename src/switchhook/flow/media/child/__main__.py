"""One job in a process that can do nothing else."""

import errno
import io
import os
import sys
import wave
from collections.abc import Callable
from importlib import import_module

from switchhook.flow.media.child.confine import bound, die_with_the_hub, shut_doors
from switchhook.flow.media.child.sound import FFmpegError, Refusal
from switchhook.flow.media.jobs import CANNOT, DONE, NO_ROOM, REFUSED, Job

Run = Callable[..., None]

# Each is in a module of its own, since loading what a job does not need takes as long as many a job.
JOBS = {Job.MEASURE: "measuring", Job.PEAKS: "peaks", Job.MP3: "mp3"}


def main(
    job: Job, demuxer: str, cpu_seconds: int, memory_bytes: int, output_bytes: int, sound_seconds: int
) -> int:
    """Do the job from standard input to standard output; give the status, why not is on standard error."""
    die_with_the_hub()
    bound(cpu_seconds=cpu_seconds, memory_bytes=memory_bytes)
    run: Run = getattr(import_module(f"{__package__}.{JOBS[job]}"), job)
    # The libraries load parts of themselves when they are first used; behind shut doors they cannot.
    run(io.BytesIO(silence()), "wav", io.BytesIO(), longest_seconds=1)
    shut_doors(output_bytes=output_bytes)
    try:
        with open(0, "rb", closefd=False) as source, open(1, "wb", closefd=False) as target:
            run(source, demuxer, target, longest_seconds=sound_seconds)
    except (Refusal, MemoryError, OSError, FFmpegError) as error:
        return told(error)
    return DONE


def told(error: Exception) -> int:
    """Say why nothing was made, in the last line on standard error; give the status."""
    match error:
        case OSError(errno=errno.ENOSPC | errno.EDQUOT):
            return NO_ROOM
        case OSError(errno=errno.EFBIG):
            reason = "what is made of it is too large"
        case MemoryError():
            reason = "it takes too much memory"
        case Refusal():
            reason = error.reason
        case _:
            reason = CANNOT
    os.write(2, b"\n" + reason.encode())
    return REFUSED


def silence() -> bytes:
    """Give a very short recording, with two sides."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(2)
        writer.setsampwidth(2)
        writer.setframerate(8000)
        writer.writeframes(bytes(3200))
    return file.getvalue()


if __name__ == "__main__":
    status = main(Job(sys.argv[1]), sys.argv[2], *map(int, sys.argv[3:7]))
    # The usual tidying up opens files, and so would only fail.
    os._exit(status)
