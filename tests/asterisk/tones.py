"""Tones that actors send, and how loud they are in a recording."""

import math
import sys
import wave
from array import array
from collections.abc import Sequence
from functools import cache
from pathlib import Path

SAMPLES_PER_SECOND = 8000
AMPLITUDE = 8000
# Who sends which, in hertz. Each makes whole waves in a second, so that the file may be played in a ring.
OUTSIDE, PHONE = 440, 880


@cache
def tone_in_alaw(hertz: int) -> bytes:
    """Give one second of a tone as G.711 A-law."""
    angle = 2 * math.pi * hertz / SAMPLES_PER_SECOND
    return bytes(alaw(round(AMPLITUDE * math.sin(angle * i))) for i in range(SAMPLES_PER_SECOND))


def alaw(sample: int) -> int:
    """Give a linear sample of 16 bits as G.711 A-law (ITU-T G.711, table 1a)."""
    sign = 0x80 if sample >= 0 else 0
    magnitude = min(abs(sample) >> 3, 4095)
    if magnitude < 32:
        code = magnitude >> 1
    else:
        exponent = magnitude.bit_length() - 5
        code = (exponent << 4) | ((magnitude >> exponent) & 0x0F)
    return (sign | code) ^ 0x55


def loudness(samples: Sequence[int], hertz: int) -> float:
    """Give the amplitude of one tone in linear samples of 8000 a second (Goertzel's algorithm)."""
    if not samples:
        return 0.0
    turn = 2 * math.cos(2 * math.pi * hertz / SAMPLES_PER_SECOND)
    before, last = 0.0, 0.0
    for sample in samples:
        before, last = last, sample + turn * last - before
    power = last * last + before * before - turn * last * before
    return 2 * math.sqrt(max(power, 0.0)) / len(samples)


def is_heard(samples: Sequence[int], hertz: int) -> bool:
    """Tell whether a tone is there for a quarter of a second at least, whatever is before and after it."""
    quarter = SAMPLES_PER_SECOND // 4
    starts = range(0, len(samples) - quarter + 1, quarter // 2)
    return any(loudness(samples[at : at + quarter], hertz) > AMPLITUDE / 4 for at in starts)


def are_both_heard(samples: Sequence[int]) -> bool:
    """Tell whether both sides of a talk are."""
    return all(is_heard(samples, hertz) for hertz in (OUTSIDE, PHONE))


def read_wav(path: Path) -> "array[int]":
    """Give the linear samples of a mono file of 16 bits."""
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, SAMPLES_PER_SECOND)
        samples = array("h", file.readframes(file.getnframes()))
    if sys.byteorder == "big":
        samples.byteswap()
    return samples
