"""What a file is, by its own first bytes: never by what its sender calls it.

Pure.
"""

import re

from msgspec import Struct

from switchhook.core.errors import BadMessage

# Enough for every mark below, web pages with a preamble included.
HEAD_BYTES = 1024
# Writers that do not know the length when they begin put something near the top of the range here.
LENGTH_UNKNOWN = 0x7FFF_0000


class Format(Struct, frozen=True, kw_only=True):
    """A kind of file that we keep and serve."""

    content_type: str
    suffix: str
    demuxer: str  # what FFmpeg calls it: forced, so that nothing else is tried on the bytes


WAV = Format(content_type="audio/wav", suffix="wav", demuxer="wav")
MP3 = Format(content_type="audio/mpeg", suffix="mp3", demuxer="mp3")
OGG = Format(content_type="audio/ogg", suffix="ogg", demuxer="ogg")
FLAC = Format(content_type="audio/flac", suffix="flac", demuxer="flac")
MP4 = Format(content_type="audio/mp4", suffix="m4a", demuxer="mov")
WEBM = Format(content_type="audio/webm", suffix="webm", demuxer="matroska")

BY_CONTENT_TYPE = {made.content_type: made for made in (WAV, MP3, OGG, FLAC, MP4, WEBM)}

# Layer I to III of MPEG 1, 2 and 2.5: eleven bits of sync, then no field with a forbidden value.
MPEG_FRAME = re.compile(rb"\xff[\xe2-\xe7\xf2-\xf7\xfa-\xff][\x10-\xef]", re.DOTALL)

WAV_WITH_LENGTH = re.compile(rb"RIFF....WAVE", re.DOTALL)

MARKS: tuple[tuple[re.Pattern[bytes], Format], ...] = (
    (re.compile(rb"(?:RIFF|RF64)....WAVE", re.DOTALL), WAV),
    (re.compile(rb"ID3[\x02-\x04]"), MP3),
    (MPEG_FRAME, MP3),
    (re.compile(rb"OggS\x00"), OGG),
    (re.compile(rb"fLaC"), FLAC),
    (re.compile(rb"....ftyp", re.DOTALL), MP4),
    (re.compile(rb"\x1a\x45\xdf\xa3.{0,60}?(?:webm|matroska)", re.DOTALL), WEBM),
)

# What came instead, for the administrator: a web page usually means that the link wants a login.
IMPOSTORS: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (re.compile(rb"\s*\Z"), "an empty file"),
    (re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:<!--|<!doctype|<html|<head|<\?xml)", re.IGNORECASE), "a web page"),
    (re.compile(rb"\s*[{\[]"), "JSON"),
    (re.compile(rb"(?:\xef\xbb\xbf)?\s*#EXTM3U"), "a playlist"),
    (re.compile(rb"PK[\x03\x05\x07]"), "a zip archive"),
    (re.compile(rb"%PDF"), "a PDF"),
)


def sniff(head: bytes) -> Format:
    """Tell the format from the first `HEAD_BYTES` of a file, or all of it.

    Raises:
        BadMessage: it is no audio that we know; says what it looks like.
    """
    for mark, made in MARKS:
        if mark.match(head):
            return made
    seen = next((what for mark, what in IMPOSTORS if mark.match(head)), "something unknown")
    raise BadMessage(f"expected a recording, got {seen}")


def is_whole(head: bytes, size_bytes: int) -> bool:
    """Say whether a file is as long as its header says; PBXs give the link out before it is.

    Only wav says so, and not when its writer did not know.
    """
    if not WAV_WITH_LENGTH.match(head):
        return True
    claimed = int.from_bytes(head[4:8], "little")
    return claimed >= LENGTH_UNKNOWN or claimed + 8 <= size_bytes
