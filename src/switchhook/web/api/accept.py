"""Which of several types of answer somebody prefers (RFC 9110, 12.5.1). Pure."""

import re
from collections.abc import Sequence

RANGE = re.compile(r"\s*(?P<type>[^;,\s]+)\s*(?P<parameters>(?:;[^,]*)?)")
QUALITY = re.compile(r";\s*q\s*=\s*(?P<q>[01](?:\.[0-9]{0,3})?)\s*(?:;|\Z)", re.IGNORECASE)
LONGEST = 2000


def preferred(accept: str, offered: Sequence[str]) -> str:
    """Give the type of answer that is liked best; of equals, and of none, the first that is offered."""
    wanted: dict[str, float] = {}
    for part in accept[:LONGEST].split(","):
        found = RANGE.fullmatch(part)
        if found:
            quality = QUALITY.search(found["parameters"])
            wanted[found["type"].lower()] = float(quality["q"]) if quality else 1.0
    return max(offered, key=lambda one: _liking(one, wanted))


def _liking(media_type: str, wanted: dict[str, float]) -> float:
    names = (media_type, media_type.partition("/")[0] + "/*", "*/*")
    return next((wanted[name] for name in names if name in wanted), 0.0)
