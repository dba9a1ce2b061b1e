"""What is heard in a recording that was fetched."""

import io
import sys
import wave
from array import array


def samples_of(body: bytes) -> "array[int]":
    """Give the linear samples of a mono wav file of 16 bits."""
    with wave.open(io.BytesIO(body)) as file:
        samples = array("h", file.readframes(file.getnframes()))
    if sys.byteorder == "big":
        samples.byteswap()
    return samples
