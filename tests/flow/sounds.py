"""Small sound files of every format that is kept, made once."""

import io
import wave
from functools import cache

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream

SECONDS = 2.0
# Our name for a format to FFmpeg's for its container, its codec and a rate that this can do.
ENCODERS = {
    "mp3": ("mp3", "libmp3lame", 8000),
    "ogg": ("ogg", "libopus", 48_000),
    "flac": ("flac", "flac", 8000),
    "m4a": ("mp4", "aac", 8000),
    "webm": ("webm", "libopus", 48_000),
}


@cache
def wav(seconds: float = SECONDS) -> bytes:
    """Give a wav file of a rough tone, 8 kHz mono like a telephone's."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(8000)
        period = b"".join((8000 if n < 10 else -8000).to_bytes(2, "little", signed=True) for n in range(20))
        writer.writeframes(period * int(seconds * 400))
    return file.getvalue()


@cache
def encoded(name: str) -> bytes:
    """Give the same tone in another format."""
    container, codec, rate = ENCODERS[name]
    file = io.BytesIO()
    with (
        av.open(io.BytesIO(wav()), "r") as source,
        av.open(file, "w", format=container) as target,
    ):
        stream = target.add_stream(codec, rate=rate, layout="mono")
        assert isinstance(stream, AudioStream)
        for frame in source.decode(audio=0):
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    return file.getvalue()


def bare_mp3() -> bytes:
    """Give an mp3 without a tag before it, as most PBXs write them."""
    sound = encoded("mp3")
    size = sum(byte << shift for byte, shift in zip(sound[6:10], (21, 14, 7, 0), strict=True))
    return sound[10 + size :]


def claiming(size_bytes: int) -> bytes:
    """Give the wav with another size in its headers than it has."""
    sound, claim = wav(), size_bytes.to_bytes(4, "little")
    return sound[:4] + claim + sound[8:40] + claim + sound[44:]


def tagged(artist: bytes) -> bytes:
    """Give the wav with a tag before its sound, in whatever character set."""
    sound = wav()
    tag = b"IART" + len(artist).to_bytes(4, "little") + artist + bytes(len(artist) % 2)
    tags = b"LIST" + (4 + len(tag)).to_bytes(4, "little") + b"INFO" + tag
    return b"RIFF" + (len(sound) - 8 + len(tags)).to_bytes(4, "little") + sound[8:36] + tags + sound[36:]


@cache
def sides(left: float, right: float, *, seconds: float = SECONDS, rate: int = 8000) -> bytes:
    """Give a stereo wav; each side is a rough tone as loud as said, from 0 to 1."""
    return many_channels(left, right, seconds=seconds, rate=rate)


def many_channels(*loudness: float, seconds: float = SECONDS, rate: int = 8000) -> bytes:
    """Give a wav with a channel for each loudness."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(len(loudness))
        writer.setsampwidth(2)
        writer.setframerate(rate)
        peaks = [round(loud * 32_767) for loud in loudness]
        halves = [
            b"".join((peak * sign).to_bytes(2, "little", signed=True) for peak in peaks) for sign in (1, -1)
        ]
        writer.writeframes((halves[0] * 10 + halves[1] * 10) * int(seconds * rate / 20))
    return file.getvalue()


@cache
def long_silence(seconds: int) -> bytes:
    """Give many seconds of stereo in a few bytes."""
    file = io.BytesIO()
    samples = 65_535
    with av.open(file, "w", format="flac") as target:
        stream = target.add_stream("flac", rate=8000, layout="stereo", options={"compression_level": "0"})
        assert isinstance(stream, AudioStream)
        frame = AudioFrame(format="s16", layout="stereo", samples=samples)
        frame.sample_rate = 8000
        frame.planes[0].update(bytes(samples * 4))
        for _ in range(seconds * 8000 // samples + 1):
            frame.pts = None
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    return file.getvalue()
