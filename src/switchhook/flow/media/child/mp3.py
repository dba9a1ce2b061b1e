"""A recording as mp3, which plays everywhere: in the child process."""

from itertools import chain
from typing import IO

import av
from av.audio.stream import AudioStream

from switchhook.flow.media.child.sound import LAYOUTS, frames_of, open_sound, resampled

# 32 kbit/s carry the speech of one side. At 16 kHz the format is ISO/IEC 13818-3, which every player knows;
# the 8 kHz of a telephone would need the extension called MPEG 2.5, which some do not.
BITS_PER_CHANNEL = 32_000
TELEPHONE_RATE, WIDE_RATE = 16_000, 24_000
# The sides of a call are in channels of their own and stay apart; nothing of the file's own tags goes along.
ENCODER = {"joint_stereo": "0", "compression_level": "7"}
CONTAINER = {"id3v2_version": "0"}


def mp3(source: IO[bytes], demuxer: str, target: IO[bytes], *, longest_seconds: int) -> None:
    """Write the mp3. Mono stays mono and stereo stereo."""
    with open_sound(source, demuxer) as (container, stream):
        frames = frames_of(container, stream, longest_seconds=longest_seconds)
        first = next(frames)
        channels = first.layout.nb_channels
        rate = TELEPHONE_RATE if first.sample_rate <= TELEPHONE_RATE else WIDE_RATE
        with av.open(target, "w", format="mp3", options=CONTAINER) as made:
            encoded = made.add_stream(
                "libmp3lame",
                rate=rate,
                options=ENCODER,
                layout=LAYOUTS[channels],
                bit_rate=BITS_PER_CHANNEL * channels,
            )
            assert isinstance(encoded, AudioStream)
            for frame in resampled(chain([first], frames), layout=LAYOUTS[channels], rate=rate):
                frame.pts = None
                made.mux(encoded.encode(frame))
            made.mux(encoded.encode(None))
