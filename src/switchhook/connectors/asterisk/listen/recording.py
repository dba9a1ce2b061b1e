"""Recordings that may be there, and the word that one is. Pure.

`MixMonitor(…,b)` writes only while the channel is connected: a call that nobody answered leaves a file of a
header and nothing more.
"""

from msgspec import Struct

from switchhook.core.call import CallEvent, Happening

# A wav file has 44 bytes before its first sound, a wav49 file 60; the other formats of Asterisk have none.
LONGEST_HEADER_BYTES = 60


class Recording(Struct, frozen=True, kw_only=True):
    """A file that Asterisk wrote: stored by ARI under this name, or by the dialplan at this path."""

    call_id: str
    name: str
    is_stored: bool


def recording_news(recording: Recording, *, url: str, size_bytes: int) -> tuple[CallEvent, ...]:
    """Announce a recording that can be had at `url`; nothing of one that is only a header."""
    if size_bytes <= LONGEST_HEADER_BYTES:
        return ()
    return (
        CallEvent(
            call_id=recording.call_id,
            happening=Happening.RECORDED,
            extension=None,
            is_recorded=True,
            recording_url=url,
        ),
    )
