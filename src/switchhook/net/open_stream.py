"""A TCP connection that we opened, as connectors use it; and the opening, to addresses already judged."""

import asyncio
import socket
import ssl
from collections.abc import Sequence

from switchhook.core.errors import PeerDown
from switchhook.net.wall import Wall

LARGEST_READ_BYTES = 64 * 1024
WRITE_SECONDS = 10.0
CLOSE_SECONDS = 2.0


async def connect(
    addresses: Sequence[str],
    port: int,
    *,
    wall: Wall,
    tls: ssl.SSLContext | None,
    name: str,
    seconds: float,
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to the first address that answers; each gets its part of the time.

    `name` is whose certificate is expected. Raises OSError: what the last of them came to.
    """
    failed: OSError = OSError("no address")
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + seconds
    for left, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
        try:
            async with asyncio.timeout(max(ends_at - loop.time(), 0) / left):
                return await _connect_one(address, port, wall=wall, tls=tls, name=name)
        except OSError as error:  # a TimeoutError is one
            failed = error
    raise failed


async def _connect_one(
    address: str, port: int, *, wall: Wall, tls: ssl.SSLContext | None, name: str
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    opened = wall.open_socket((family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, port)))
    try:
        opened.setblocking(False)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        await asyncio.get_running_loop().sock_connect(opened, (address, port))
        return await asyncio.open_connection(
            sock=opened,
            ssl=tls,
            server_hostname=name if tls is not None else None,
            limit=LARGEST_READ_BYTES,
        )
    except BaseException:
        opened.close()
        raise


class OpenStream:
    """A `Stream` over asyncio's."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, origin: str) -> None:
        self._reader = reader
        self._writer = writer
        self._origin = origin
        self._is_closed = False  # by us

    async def read(self) -> bytes:
        try:
            data = await self._reader.read(LARGEST_READ_BYTES)
        except OSError:
            data = b""
        if not data:
            raise self._ended()
        return data

    async def write(self, data: bytes) -> None:
        if self._writer.is_closing():
            raise self._ended()
        try:
            async with asyncio.timeout(WRITE_SECONDS):
                self._writer.write(data)
                await self._writer.drain()
        except TimeoutError:
            self._writer.transport.abort()
            raise PeerDown(f"{self._origin} took nothing for {WRITE_SECONDS:g} s") from None
        except (OSError, RuntimeError):
            raise self._ended() from None

    async def close(self) -> None:
        self._is_closed = True
        self._writer.close()
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._writer.wait_closed()
        except OSError:  # a TimeoutError is one: what was not taken until now never will be
            self._writer.transport.abort()

    def _ended(self) -> PeerDown:
        if self._is_closed:
            return PeerDown(f"the connection to {self._origin} is closed")
        return PeerDown(f"{self._origin} hung up")
