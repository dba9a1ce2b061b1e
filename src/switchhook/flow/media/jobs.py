"""What the child process may be asked to do, how it is bound, and what it says when it ends.

Both sides read this, so it imports nothing that would take time to load.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from switchhook.core.errors import HubError, TooMany

MIB = 1024 * 1024
# Statuses of the child; a Python that fails by itself ends with 1, one that was called wrongly with 2.
DONE, REFUSED, NO_ROOM = 0, 3, 4
CANNOT = "it cannot be decoded"


class Job(StrEnum):
    MEASURE = "measure"
    PEAKS = "peaks"
    MP3 = "mp3"


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """How much one job may take, at most."""

    cpu_seconds: int
    wall_seconds: float
    memory_bytes: int = 512 * MIB  # of address space, libraries included
    output_bytes: int
    sound_seconds: int = 4 * 3600


BOUNDS: Mapping[Job, Bounds] = {
    Job.MEASURE: Bounds(cpu_seconds=10, wall_seconds=20, output_bytes=1024),
    Job.PEAKS: Bounds(cpu_seconds=60, wall_seconds=120, output_bytes=MIB),
    # Four hours at 64 kbit/s are 110 MiB.
    Job.MP3: Bounds(cpu_seconds=300, wall_seconds=420, output_bytes=128 * MIB),
}


class Unplayable(HubError):
    """What was asked for cannot be made of this recording; the recording itself is as it was."""

    id = "unplayable"


class Busy(TooMany):
    """As many recordings as we take at once are being worked on, and as many wait."""

    id = "busy"
