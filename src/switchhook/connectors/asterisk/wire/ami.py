"""AMI: frames out of the bytes that a manager connection brings.

A frame is lines of `Name: value` up to an empty line; the first line of a connection is a banner. Names
may repeat (`ChanVariable`, `Output`), so a frame is read as pairs. Facts seen of Asterisk 22.10.1.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cached_property

from msgspec import Struct

BANNER = b"Asterisk Call Manager/"
# Far more than any line that matters; longer ones are left out, so that memory stays bounded.
LONGEST_LINE_BYTES = 16 * 1024
MOST_FIELDS = 2_000

# What Asterisk writes where it has nothing to say.
NOTHING = frozenset({"<unknown>", "<null>", "<none>"})


class Kind(StrEnum):
    EVENT = "event"
    RESPONSE = "response"
    OTHER = "other"


class Frame(Struct, frozen=True, dict=True):
    """One message: its fields in the order they came, and the names of those that were too long to read."""

    fields: tuple[tuple[str, str], ...] = ()
    left_out: tuple[str, ...] = ()

    @cached_property
    def _first(self) -> Mapping[str, str]:
        found: dict[str, str] = {}
        for name, value in self.fields:
            found.setdefault(name.lower(), value)
        return found

    @property
    def kind(self) -> Kind:
        """Say what it is. `OriginateResponse` is an event that has a `Response`: Event is asked first."""
        if "event" in self._first:
            return Kind.EVENT
        return Kind.RESPONSE if "response" in self._first else Kind.OTHER

    @property
    def event(self) -> str:
        return self.raw("Event")

    @property
    def action_id(self) -> str:
        return self.raw("ActionID")

    @property
    def is_success(self) -> bool:
        """Tell whether a response says yes. `Goodbye` is the answer to Logoff."""
        return self.raw("Response").lower() in ("success", "goodbye", "follows")

    def raw(self, name: str) -> str:
        """Give the first field of that name as sent, "" where there is none. Case does not matter."""
        return self._first.get(name.lower(), "")

    def get(self, name: str) -> str:
        """Give the first field of that name; "" also where Asterisk says that it does not know."""
        value = self.raw(name)
        return "" if value in NOTHING else value

    def all(self, name: str) -> tuple[str, ...]:
        """Give every field of that name, in order."""
        wanted = name.lower()
        return tuple(value for one, value in self.fields if one.lower() == wanted)

    def number(self, name: str) -> int | None:
        """Give a field of digits; None for anything else."""
        value = self.raw(name)
        return int(value) if value.isascii() and value.isdigit() and len(value) <= 9 else None

    @property
    def timestamp(self) -> datetime | None:
        """Give when it was told by the PBX's clock; only where manager.conf has `timestampevents = yes`."""
        seconds, _, fraction = self.raw("Timestamp").partition(".")
        if not (seconds.isascii() and seconds.isdigit() and len(seconds) <= 11):
            return None
        if not (fraction.isascii() and fraction.isdigit() and len(fraction) == 6):
            return None
        return datetime.fromtimestamp(int(seconds), UTC) + timedelta(microseconds=int(fraction))

    def variables(self, name: str = "ChanVariable") -> dict[str, str]:
        """Give the channel variables that a frame carries, each field `name=value`."""
        pairs = (value.partition("=") for value in self.all(name))
        return {key: value for key, separator, value in pairs if separator}


class FrameReader:
    """Cuts a stream into frames, wherever the network cut it. Not bound to any clock or socket.

    A line over `LONGEST_LINE_BYTES` is left out of its frame, and its name noted; fields over
    `MOST_FIELDS` are dropped. Neither ends the connection: the next frame is whole again.
    """

    def __init__(self) -> None:
        self.banner: str | None = None
        self._rest = b""
        self._is_too_long = False
        self._fields: list[tuple[str, str]] = []
        self._left_out: list[str] = []

    def feed(self, data: bytes) -> Sequence[Frame]:
        """Take bytes in and give the frames that they complete."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        taken = [self._take(line) for line in lines]
        if len(self._rest) > LONGEST_LINE_BYTES:
            # Its name is kept, the rest of the line is not waited for.
            self._rest = self._rest[:LONGEST_LINE_BYTES]
            self._is_too_long = True
        return [frame for frame in taken if frame is not None]

    def _take(self, line: bytes) -> Frame | None:
        is_too_long = self._is_too_long or len(line) > LONGEST_LINE_BYTES
        self._is_too_long = False
        line = line.removesuffix(b"\r")
        if self.banner is None and line.startswith(BANNER):
            self.banner = line[:200].decode("utf-8", "replace")
            return None
        if not line:
            return self._frame()
        name, separator, value = line.partition(b":")
        written = name[:200].decode("utf-8", "replace") if separator else ""
        if is_too_long or len(self._fields) >= MOST_FIELDS:
            self._left_out = [*self._left_out, written][:10]
            return None
        text = (value.removeprefix(b" ") if separator else line).decode("utf-8", "replace")
        self._fields.append((written, text))
        return None

    def _frame(self) -> Frame | None:
        fields, left_out = tuple(self._fields), tuple(self._left_out)
        self._fields, self._left_out = [], []
        return Frame(fields, left_out) if fields or left_out else None
