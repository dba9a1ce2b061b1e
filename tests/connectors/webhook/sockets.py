"""Every connection that this process tries to open, seen where Python opens it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

_lists: list[list[str]] = []
_is_hooked = False


def _note(event: str, args: tuple[object, ...]) -> None:
    if event == "socket.connect" and _lists:
        address = args[1]
        host = str(address[0]) if isinstance(address, tuple) else str(address)
        for tried in _lists:
            tried.append(host)


@contextmanager
def connections_tried() -> Iterator[list[str]]:
    """Give the hosts that are connected to inside the block."""
    global _is_hooked
    if not _is_hooked:
        sys.addaudithook(_note)
        _is_hooked = True
    tried: list[str] = []
    _lists.append(tried)
    try:
        yield tried
    finally:
        _lists.remove(tried)
