"""What a channel's name says: technology, endpoint, and which channels are no party to a call. Pure.

`PJSIP/101-0000002a`, `Local/103@transfers-00000000;2`, `DAHDI/i1/79101234567-5`.
"""

import re
from functools import lru_cache

from msgspec import Struct

CHANNEL = re.compile(
    r"(?P<tech>[^/]+)/(?P<resource>.*?)(?:-[0-9A-Fa-f]+)?(?P<half>;[12])?(?:<.*>)?", re.DOTALL
)
LOCAL = "local"
# Made by Asterisk for itself: they record, announce, listen in, carry messages, stand in for others.
INNER = frozenset(
    {
        "announcer", "asyncgoto", "audiosocket", "bridge", "cbann", "cbrec", "conference", "externalmedia",
        "message", "multicastrtp", "parked", "recorder", "snoop", "surrogate", "transfered", "unicastrtp",
        "voicemailrec", "websocket",
    }
)  # fmt: skip


class ChannelName(Struct, frozen=True, kw_only=True):
    endpoint: str  # "101", "trunk"; "" for a channel that is no party
    pair: str = ""  # of a Local channel: what both of its halves share

    @property
    def is_party(self) -> bool:
        """A phone, or a line to the outside; not a channel between two parts of the dialplan."""
        return bool(self.endpoint)


@lru_cache(maxsize=8192)
def read_channel_name(name: str) -> ChannelName:
    """Read a name; never raises. A name that cannot be read is no party."""
    found = CHANNEL.fullmatch(name)
    if found is None:
        return ChannelName(endpoint="")
    tech = found["tech"].lower()
    if tech == LOCAL:
        return ChannelName(endpoint="", pair=name.partition(";")[0])
    if tech in INNER:
        return ChannelName(endpoint="")
    return ChannelName(endpoint=found["resource"])
