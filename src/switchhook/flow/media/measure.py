"""How long a recording is: asked of FFmpeg's demuxers, in the child process that can do nothing else."""

from pathlib import Path

import structlog

from switchhook.flow.media.jobs import BOUNDS, Job, Unplayable
from switchhook.flow.media.worker import work

log = structlog.get_logger(__name__)

# Longer than any call; a made-up clock inside the file is not shown to people.
LONGEST_SECONDS = 48 * 3600.0


async def measure_seconds(path: Path, demuxer: str) -> float | None:
    """Give the length of the audio in a file, or None when that cannot be found out in time."""
    try:
        with path.open("rb") as source:
            seconds = float(await work(Job.MEASURE, demuxer, source, BOUNDS[Job.MEASURE]))
    except Unplayable as error:
        log.info("recording cannot be measured", reason=error.reason)
        return None
    except ValueError:
        return None
    return round(seconds, 3) if 0 <= seconds <= LONGEST_SECONDS else None
