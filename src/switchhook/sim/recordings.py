"""Recordings of calls that nobody spoke in: a short melody of two telephones, different for each call."""

import io
import math
import random
import wave

RATE = 8000
SECONDS = 2.0
BEAT_SECONDS = 0.18
LOUDNESS = 9000
# Two voices, so that it is heard who "speaks".
VOICES = ((196.0, 220.0, 247.0, 294.0), (392.0, 440.0, 494.0, 587.0))
CONTENT_TYPE = "audio/wav"


def make_recording(seed: str, seconds: float = SECONDS) -> bytes:
    """Make a mono WAV file of 16 bits; the same seed gives the same bytes."""
    rng = random.Random(seed)
    samples = bytearray()
    beats = max(1, round(seconds / BEAT_SECONDS))
    for beat in range(beats):
        voice = VOICES[(beat // 4) % len(VOICES)]
        samples += _beat(rng.choice(voice), round(RATE * seconds / beats))
    file = io.BytesIO()
    with wave.open(file, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(RATE)
        wav.writeframes(bytes(samples))
    return file.getvalue()


def _beat(frequency: float, length: int) -> bytes:
    samples = bytearray()
    for index in range(length):
        fade = math.sin(math.pi * index / length)  # no clicks between beats
        level = LOUDNESS * fade * math.sin(2 * math.pi * frequency * index / RATE)
        samples += int(level).to_bytes(2, "little", signed=True)
    return bytes(samples)
