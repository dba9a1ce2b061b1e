"""Load on one address: so many connections, each with one request in flight."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlsplit

CONNECTIONS = 32


@dataclass(kw_only=True)
class Result:
    """What came back: how many, how many were not 200, how long each took (seconds)."""

    seconds: float = 0.0
    answered: int = 0
    refused: int = 0
    waits: list[float] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        return self.answered / self.seconds if self.seconds else 0.0

    def percentile(self, share: float) -> float:
        """Seconds that this share of the answers took at most."""
        ordered = sorted(self.waits)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


class _Sender(asyncio.Protocol):
    """One connection that sends the next request when the last is answered."""

    def __init__(self, requests: Iterator[bytes], result: Result, done: asyncio.Future[None]) -> None:
        self.requests, self.result, self.done = requests, result, done
        self.buffer = b""
        self.sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast("asyncio.Transport", transport)  # uvloop's does not inherit from it
        self.transport = transport
        self._send()

    def _send(self) -> None:
        request = next(self.requests, None)
        if request is None:
            self.transport.close()
            return
        self.sent_at = time.perf_counter()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        if not found or len(body) < _content_length(head):
            return
        self.buffer = b""
        self.result.answered += 1
        self.result.refused += not head.startswith(b"HTTP/1.1 200")
        self.result.waits.append(time.perf_counter() - self.sent_at)
        self._send()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


def post(url: str, body: bytes, *, content_type: str = "application/x-www-form-urlencoded") -> bytes:
    """One POST as bytes, ready to be sent again and again."""
    parts = urlsplit(url)
    head = (
        f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "127.0.0.1", parts.port or 80


async def run(url: str, requests: Sequence[bytes], *, connections: int = CONNECTIONS) -> Result:
    """Send all requests over so many connections, as fast as they are answered."""
    result, queue = Result(), iter(requests)
    loop = asyncio.get_running_loop()
    ends: list[asyncio.Future[None]] = []

    def sender() -> _Sender:
        ends.append(loop.create_future())
        return _Sender(queue, result, ends[-1])

    begun = time.perf_counter()
    for _ in range(connections):
        await loop.create_connection(sender, *address(url))
    await asyncio.gather(*ends)
    result.seconds = time.perf_counter() - begun
    return result


async def paced(url: str, requests: Sequence[bytes], *, per_second: float) -> Result:
    """Send requests at a steady rate over a pool of connections, however slow the answers are."""
    result = Result()
    pool: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    for _ in range(CONNECTIONS):
        pool.put_nowait(await asyncio.open_connection(*address(url)))
    begun = time.perf_counter()

    async def one(request: bytes, due: float) -> None:
        reader, writer = await pool.get()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(_content_length(head))
        pool.put_nowait((reader, writer))
        result.answered += 1
        result.refused += not head.startswith(b"HTTP/1.1 200")
        result.waits.append(time.perf_counter() - due)

    tasks = []
    for index, request in enumerate(requests):
        due = begun + index / per_second
        if (wait := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        tasks.append(asyncio.create_task(one(request, due)))
    await asyncio.gather(*tasks)
    result.seconds = time.perf_counter() - begun
    while not pool.empty():
        pool.get_nowait()[1].close()
    return result
