"""A waveform is as the sound is, however long that is and however coarse it is asked for."""

from array import array
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchhook.flow.media.child.peaks import Extremes
from switchhook.flow.media.waveform import FULL_SCALE, Waveform, decode, encode, peaks_of

SAMPLES = st.integers(-32_768, 32_767)


def waveform_of(*channels: Sequence[int], seconds: float = 1.0) -> Waveform:
    return Waveform(seconds=seconds, channels=tuple(array("h", channel).tobytes() for channel in channels))


def extreme(samples: Sequence[int]) -> int:
    return max(max(samples), min(samples), key=abs) if samples else 0


@given(st.lists(SAMPLES, min_size=1, max_size=300), st.integers(1, 120))
def test_every_bucket_holds_the_sample_farthest_from_silence(samples: list[int], buckets: int) -> None:
    (peaks,) = peaks_of(waveform_of(samples), buckets).peaks

    count = len(samples)
    assert len(peaks) == min(buckets, count)
    assert abs(extreme([round(peak * FULL_SCALE) for peak in peaks])) == pytest.approx(
        abs(extreme(samples)), abs=4
    )
    for i, peak in enumerate(peaks):
        own = samples[i * count // len(peaks) : -(-(i + 1) * count // len(peaks))]
        assert peak * FULL_SCALE == pytest.approx(extreme(own), abs=4) or abs(max(own)) == abs(min(own))


def test_full_scale_is_one_and_signs_are_kept() -> None:
    peaks = peaks_of(waveform_of([-32_768, 5, 16_384, -16_383], [0, 0, 32_767, 0], seconds=0.5), 2)

    assert peaks.peaks == ((-1.0, 0.5), (0.0, 1.0))
    assert peaks.duration == 0.5


def test_a_waveform_is_kept_as_it_is() -> None:
    waveform = waveform_of([1, -2], [3, 32_767], seconds=12.345)

    assert decode(encode(waveform)) == waveform


@given(
    st.lists(st.integers(1, 200), min_size=1, max_size=8),
    st.integers(0, 2**32 - 1),
    st.sampled_from([1, 2]),
)
def test_however_the_sound_comes_in_pieces_its_points_are_true(
    sizes: list[int], seed: int, channels: int
) -> None:
    most = 16
    sound = np.random.default_rng(seed).integers(-32_768, 32_768, (sum(sizes), channels), dtype=np.int16)
    found, start = Extremes(channels, most=most), 0
    for size in sizes:
        found.add(sound[start : start + size])
        start += size
    points = found.points()

    width = 1
    while len(sound) // width >= most:
        width *= 2
    true = [
        [extreme([int(sample) for sample in sound[at : at + width, channel]]) for channel in range(channels)]
        for at in range(0, len(sound), width)
    ]
    assert found.count == len(sound)
    assert len(points) <= most
    assert np.abs(points.astype(int)).tolist() == np.abs(true).tolist()
