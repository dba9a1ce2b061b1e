"""Answers read with a cap: on the bytes that come, and on what they unpack to."""

import zlib
from collections.abc import AsyncGenerator, Iterator

import aiohttp

from switchhook.core.errors import BadMessage

# We ask for `identity`; some servers pack all the same. What else they use we cannot read.
GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
PACKED = frozenset({"gzip", "x-gzip", "deflate"})
PIECE_BYTES = 64 * 1024


def unpacker(encoding: str) -> "Unpacker | None":
    """Give what undoes this Content-Encoding, or None when nothing has to be undone.

    Raises:
        BadMessage: an encoding that we did not ask for and cannot read.
    """
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return None
    if name not in PACKED:
        raise BadMessage(
            f"expected an answer that is not packed, got {name[:40]!r}", field="content-encoding"
        )
    return Unpacker()


class Unpacker:
    """Unpack gzip or deflate in pieces of bounded size: a bomb is only ever as big as the reader wants."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(GZIP_OR_ZLIB)
        self._is_fresh = True

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """Give what `data` unpacks to, a piece at a time.

        Raises:
            BadMessage: it is not what the header says.
        """
        while data:
            try:
                piece = self._stream.decompress(data, PIECE_BYTES)
            except zlib.error as error:
                if not self._is_fresh:
                    raise BadMessage(
                        "expected packed bytes, got something else", field="content-encoding"
                    ) from error
                # Some servers mean a bare stream when they say "deflate" (RFC 9110, 8.4.1.2).
                self._stream, self._is_fresh = zlib.decompressobj(-zlib.MAX_WBITS), False
                continue
            self._is_fresh = False
            data = self._stream.unconsumed_tail
            if not piece:
                return
            yield piece


async def read_capped(response: aiohttp.ClientResponse, max_bytes: int) -> tuple[bytes, bool]:
    """Read the answer up to `max_bytes`; tell whether that was all of it.

    Raises:
        BadMessage: packed in a way that cannot be read.
    """
    whole = bytearray()
    async for piece in unpacked(response):
        whole += piece
        if len(whole) > max_bytes:
            return bytes(whole[:max_bytes]), False
    return bytes(whole), True


async def unpacked(response: aiohttp.ClientResponse) -> AsyncGenerator[bytes, None]:
    """Give the answer's pieces as they come, unpacked."""
    unpack = unpacker(response.headers.get("Content-Encoding", ""))
    async for data in response.content.iter_any():
        if unpack is None:
            yield data
            continue
        for piece in unpack.pieces(data):
            yield piece
