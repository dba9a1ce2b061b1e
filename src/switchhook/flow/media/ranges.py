"""Which part of a file was asked for (RFC 9110, 14).

Pure.
"""

import re
from dataclasses import dataclass

ONE_RANGE = re.compile(r"\s*bytes\s*=\s*(?P<first>[0-9]{0,18})\s*-\s*(?P<last>[0-9]{0,18})\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Part:
    """Bytes from `start` up to and without `end`."""

    start: int
    end: int

    @property
    def size_bytes(self) -> int:
        return self.end - self.start


def read_range(header: str | None, size_bytes: int) -> Part | None:
    """Read a Range header for a file of so many bytes; None: the whole file is to be sent.

    Several ranges at once and what cannot be read are ignored, as the RFC allows: players seek by
    one range, and many of them in a request are an attack.

    Raises:
        ValueError: the range lies outside of the file.
    """
    asked = ONE_RANGE.fullmatch(header or "")
    if asked is None or not (asked["first"] or asked["last"]):
        return None
    if not asked["first"]:
        start, end = max(size_bytes - int(asked["last"]), 0), size_bytes
    else:
        start = int(asked["first"])
        last = int(asked["last"]) if asked["last"] else size_bytes - 1
        if asked["last"] and last < start:
            return None
        end = min(last + 1, size_bytes)
    if start >= end:
        raise ValueError(f"expected a part of {size_bytes} bytes")
    return Part(start, end)
