"""How long a recording is: its packets are counted, since a RIFF header may claim 4 GB.

In the child process.
"""

from typing import IO

from switchhook.flow.media.child.sound import open_sound


def measure(source: IO[bytes], demuxer: str, target: IO[bytes], *, longest_seconds: int) -> None:
    """Write the length in seconds, as text; nothing is decoded for it."""
    with open_sound(source, demuxer) as (container, stream):
        ticks = sum((packet.duration or 0 for packet in container.demux(stream)), 0)
        seconds = float(ticks * stream.time_base) if stream.time_base else 0.0
    target.write(f"{seconds}".encode())
