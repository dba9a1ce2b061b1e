"""The waveform of a recording: kept finer than anybody draws it, given out as coarse as it was asked for.

Pure.
"""

from array import array
from collections.abc import Sequence
from sys import byteorder

import msgspec
from msgspec import Struct

# Kept for each channel: at most so many points, and half as many unless the sound has fewer samples.
MOST_POINTS = 16_384
FEWEST_BUCKETS, MOST_BUCKETS, BUCKETS = 100, 4000, 800
FULL_SCALE = 32_768
PLACES = 4


class Waveform(Struct, frozen=True, kw_only=True):
    """Of each few samples the one farthest from silence, for each channel."""

    seconds: float
    channels: tuple[bytes, ...]  # 16-bit numbers, little-endian


class Peaks(Struct, frozen=True, kw_only=True):
    """A waveform as players draw it: wavesurfer.js takes both values as they are."""

    duration: float
    peaks: tuple[tuple[float, ...], ...]


def encode(waveform: Waveform) -> bytes:
    return msgspec.msgpack.encode(waveform)


def decode(kept: bytes) -> Waveform:
    """Raises: msgspec.MsgspecError: it is no waveform."""
    return msgspec.msgpack.decode(kept, type=Waveform)


def peaks_of(waveform: Waveform, buckets: int) -> Peaks:
    """Give so many peaks for each channel, from -1 to 1; fewer when the sound has fewer samples than that."""
    return Peaks(
        duration=waveform.seconds,
        peaks=tuple(_scaled(_coarser(_numbers(channel), buckets)) for channel in waveform.channels),
    )


def _numbers(channel: bytes) -> list[int]:
    numbers = array("h", channel)
    if byteorder == "big":
        numbers.byteswap()
    return numbers.tolist()


def _coarser(points: Sequence[int], buckets: int) -> Sequence[int]:
    count = len(points)
    if count <= buckets:
        return points
    # A point that lies in two buckets counts in both.
    parts = (points[i * count // buckets : -(-(i + 1) * count // buckets)] for i in range(buckets))
    bounds = ((max(part), min(part)) for part in parts)
    return [highest if highest >= -lowest else lowest for highest, lowest in bounds]


def _scaled(points: Sequence[int]) -> tuple[float, ...]:
    return tuple(round(point / FULL_SCALE, PLACES) for point in points)
