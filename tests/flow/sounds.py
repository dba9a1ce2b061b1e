"""Small sound files of every format that is kept, made once."""

import io
import wave
from functools import cache

import av
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
