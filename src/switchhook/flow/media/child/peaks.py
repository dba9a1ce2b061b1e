"""The waveform of a recording: in the child process, in one pass and little memory, however long it is."""

from collections.abc import Iterator
from itertools import chain
from typing import IO

import numpy as np
from av.audio.frame import AudioFrame
from numpy.typing import NDArray

from switchhook.flow.media.child.sound import LAYOUTS, frames_of, open_sound, resampled
from switchhook.flow.media.waveform import MOST_POINTS, Waveform, encode

SAMPLE_BYTES = 2
PIECE_BYTES = 256 * 1024

Samples = NDArray[np.int16]
"""A row for each moment, a column for each channel."""


def peaks(source: IO[bytes], demuxer: str, target: IO[bytes], *, longest_seconds: int) -> None:
    """Write the waveform, encoded."""
    with open_sound(source, demuxer) as (container, stream):
        frames = frames_of(container, stream, longest_seconds=longest_seconds)
        first = next(frames)
        channels, rate = first.layout.nb_channels, first.sample_rate
        found = Extremes(channels)
        for piece in pieces(resampled(chain([first], frames), layout=LAYOUTS[channels], rate=rate)):
            found.add(np.frombuffer(piece, dtype=np.int16).reshape(-1, channels))
    points = found.points()
    waveform = Waveform(
        seconds=round(found.count / rate, 3),
        channels=tuple(points[:, channel].astype("<i2").tobytes() for channel in range(channels)),
    )
    target.write(encode(waveform))


def pieces(frames: Iterator[AudioFrame]) -> Iterator[bytes]:
    """Join frames, which are short, so that they are looked at in few large steps."""
    piece = bytearray()
    for frame in frames:
        size_bytes = frame.samples * frame.layout.nb_channels * SAMPLE_BYTES
        piece += memoryview(frame.planes[0])[:size_bytes]  # beyond that it is padded
        if len(piece) >= PIECE_BYTES:
            yield bytes(piece)
            piece.clear()
    yield bytes(piece)


class Extremes:
    """Of each few samples the one farthest from silence; when there are `most`, two become one.

    `most` is even.
    """

    def __init__(self, channels: int, *, most: int = MOST_POINTS) -> None:
        self._points: Samples = np.empty((most, channels), dtype=np.int16)
        self._filled = 0
        self._width = 1  # samples that a point stands for
        self._rest: Samples = np.empty((0, channels), dtype=np.int16)
        self.count = 0

    def add(self, samples: Samples) -> None:
        self.count += len(samples)
        samples = np.concatenate((self._rest, samples))
        while new := min(len(samples) // self._width, len(self._points) - self._filled):
            taken = new * self._width
            self._points[self._filled : self._filled + new] = farthest(samples[:taken], self._width)
            self._filled += new
            samples = samples[taken:]
            if self._filled == len(self._points):
                self._filled //= 2
                self._points[: self._filled] = farthest(self._points, 2)
                self._width *= 2
        self._rest = samples

    def points(self) -> Samples:
        whole = self._points[: self._filled]
        return np.concatenate((whole, farthest(self._rest, len(self._rest)))) if len(self._rest) else whole


def farthest(samples: Samples, width: int) -> Samples:
    """Give one sample for each `width` of them, which divides their number."""
    groups = samples.reshape(-1, width, samples.shape[1])
    highest, lowest = groups.max(axis=1), groups.min(axis=1)
    # The negation of the lowest number there is does not fit its own type.
    found: Samples = np.where(highest >= -lowest.astype(np.int32), highest, lowest)
    return found
