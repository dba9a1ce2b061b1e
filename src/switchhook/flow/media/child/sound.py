"""The sound in a file, piece by piece: what is decoded is counted and bounded, no header is believed.

Only for the child process: the library is written in C and the bytes come from strangers.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import av
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError, InvalidDataError

__all__ = ["LAYOUTS", "FFmpegError", "Refusal", "frames_of", "open_sound", "resampled"]

LAYOUTS = {1: "mono", 2: "stereo"}
# Outside of these it is no telephone, and a second of sound is no bound on anything.
RATES = range(4000, 192_001)
# What is written about the sound may be in any character set. From version 19 on no word is needed for it.
IN_ANY_WRITING: dict[str, Any] = (
    {"metadata_errors": "replace"} if int(av.__version__.partition(".")[0]) < 19 else {}
)


class Refusal(Exception):
    """Nothing can be made of this file; says why, in our words."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@contextmanager
def open_sound(source: IO[bytes], demuxer: str) -> Iterator[tuple[InputContainer, AudioStream]]:
    """Open a file as what it is said to be, and as nothing else.

    Raises:
        Refusal: there is no sound in it.
    """
    with av.open(source, "r", format=demuxer, **IN_ANY_WRITING) as container:
        if not container.streams.audio:
            raise Refusal("there is no sound in it")
        stream = container.streams.audio[0]
        stream.codec_context.thread_count = 1  # the child may start nothing
        yield container, stream


def frames_of(
    container: InputContainer, stream: AudioStream, *, longest_seconds: int
) -> Iterator[AudioFrame]:
    """Decode, at least one frame; what is damaged is left out, as players do.

    Raises:
        Refusal: nothing can be decoded, more than two channels, a rate that is none, or too long.
    """
    seconds = 0.0
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except InvalidDataError:
            continue
        for frame in frames:
            _judge(frame)
            seconds += frame.samples / frame.sample_rate
            if seconds > longest_seconds:
                raise Refusal(f"it is longer than {longest_seconds / 60:g} minutes")
            yield frame
    if not seconds:
        raise Refusal("there is no sound in it")


def resampled(frames: Iterator[AudioFrame], *, layout: str, rate: int) -> Iterator[AudioFrame]:
    """Give the sound as 16-bit samples, side by side; its form may change on the way, as in joined files."""
    resampler, form = None, None
    for frame in frames:
        frame.pts = None  # clocks inside files jump; samples do not
        found = frame.format.name, frame.layout.name, frame.sample_rate
        if resampler is None or found != form:
            yield from _rest(resampler)
            resampler, form = AudioResampler(format="s16", layout=layout, rate=rate), found
        yield from resampler.resample(frame)
    yield from _rest(resampler)


def _rest(resampler: AudioResampler | None) -> list[AudioFrame]:
    return [] if resampler is None else [frame for frame in resampler.resample(None) if frame is not None]


def _judge(frame: AudioFrame) -> None:
    if frame.layout.nb_channels not in LAYOUTS:
        raise Refusal(f"expected one or two channels, got {frame.layout.nb_channels}")
    if frame.sample_rate not in RATES:
        raise Refusal(f"expected {RATES[0]} to {RATES[-1]} samples a second, got {frame.sample_rate}")
