"""Ports of one Asterisk and its phones: a block of its own, so that several may run side by side."""

import os
import socket
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

TABLES = ("/proc/net/udp", "/proc/net/udp6")
# Below the ports that Linux gives to outgoing connections (32768 and up).
FIRST, LAST, SIZE = 10_000, 32_000, 1_400


class NoPorts(Exception):
    """Every block is taken: more labs run on this machine than there is room for."""


class PortBlock:
    """Fourteen hundred ports that no other lab on this machine uses while this object is open.

    The first of them is kept bound as the sign that the block is taken; it goes with the process.
    """

    def __init__(self) -> None:
        starts = list(range(FIRST, LAST - SIZE + 1, SIZE))
        offset = os.getpid() % len(starts)  # workers that start together do not race for the same one
        for base in starts[offset:] + starts[:offset]:
            sign = _bound(base, socket.SOCK_STREAM)
            if sign is None:
                continue
            if _is_free(base):
                self.base, self._sign = base, sign
                break
            sign.close()
        else:
            raise NoPorts(f"no free block of ports between {FIRST} and {LAST}")
        self.sip, self.ami, self.http = base + 1, base + 2, base + 3
        self.outside = base + 4  # the operator's switch: it takes what the PBX sends out
        self.lookup = base + 5  # where the dialplan asks who is calling
        self._phones: dict[str, int] = {}
        self._actors = cycle(range(base + 200, base + 300))
        self._media = cycle(range(base + 300, base + 600, 4))
        self._much_media = cycle(range(base + 600, base + 984, 64))  # for six at once, one per office

    def phone(self, name: str) -> int:
        """Give the port on which a phone listens, always the same."""
        return self._phones.setdefault(name, self.base + 100 + len(self._phones))

    def actor(self) -> int:
        """Give a port for someone who calls."""
        return next(port for port in self._actors if not is_bound(port))

    def media(self, *, calls: int = 1) -> tuple[int, int]:
        """Give the ports for the sound of one actor, first and last: four, or 64 for one with many calls."""
        if calls > 1:
            first = next(self._much_media)
            return first, first + 63
        first = next(port for port in self._media if not is_bound(port))
        return first, first + 3

    @property
    def rtp(self) -> tuple[int, int]:
        """The ports of Asterisk's own sound, first and last."""
        return self.base + 1000, self.base + SIZE - 1

    def close(self) -> None:
        self._sign.close()


def is_bound(port: int) -> bool:
    """Tell whether somebody listens on a UDP port of loopback or of every address."""
    return port in set(_bound_udp())


def _bound_udp() -> Iterator[int]:
    for table in TABLES:
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            yield int(line.split()[1].rpartition(":")[2], 16)


def _is_free(base: int) -> bool:
    """Try the ports that matter most: somebody who is no lab may sit in the middle of a block."""
    kinds = ((base + 1, socket.SOCK_DGRAM), (base + 2, socket.SOCK_STREAM), (base + 3, socket.SOCK_STREAM))
    for port, kind in kinds:
        found = _bound(port, kind)
        if found is None:
            return False
        found.close()
    return True


def _bound(port: int, kind: socket.SocketKind) -> socket.socket | None:
    sock = socket.socket(socket.AF_INET, kind)
    try:
        sock.bind(("127.0.0.1", port))
    except OSError:
        sock.close()
        return None
    return sock
