"""Files fetched from peers: redirects judged one by one, bytes counted while they come."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from urllib.parse import urljoin

import aiohttp

from switchhook.core.errors import BadMessage, TooLarge
from switchhook.net.body import unpacked
from switchhook.net.failures import FAILURES, hub_error
from switchhook.net.target import Target, read_target

Fetch = Callable[[Target], Awaitable[aiohttp.ClientResponse]]
"""One GET of one target, judged; no redirects followed."""

REDIRECTS = frozenset({301, 302, 303, 307, 308})


class Download:
    """A file that is still arriving. The status may be anything: look before reading."""

    def __init__(
        self,
        response: aiohttp.ClientResponse,
        target: Target,
        *,
        max_bytes: int,
        ends_at: float,
        idle_seconds: float,
    ) -> None:
        self.status: int = response.status
        self.headers: Mapping[str, str] = {name.lower(): value for name, value in response.headers.items()}
        self._response = response
        self._target = target
        self._max_bytes = max_bytes
        self._ends_at = ends_at
        self._idle_seconds = idle_seconds

    @property
    def content_type(self) -> str:
        """What the peer calls it, in lower case and without parameters; never to be trusted."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def size_bytes(self) -> int | None:
        """Size as announced, before unpacking."""
        text = self.headers.get("content-length", "")
        return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else None

    async def chunks(self) -> AsyncIterator[bytes]:
        """Give the bytes as they come; once.

        Raises:
            TooLarge: more than the cap; what was given until then is to be thrown away.
            PeerDown: it broke off, paused for too long or took too long as a whole.
        """
        if (self.size_bytes or 0) > self._max_bytes:
            raise self._too_large()
        loop = asyncio.get_running_loop()
        count = 0
        try:
            async with aclosing(unpacked(self._response)) as pieces:
                while True:
                    async with asyncio.timeout_at(min(self._ends_at, loop.time() + self._idle_seconds)):
                        piece = await anext(pieces, None)
                    if piece is None:
                        return
                    count += len(piece)
                    if count > self._max_bytes:
                        raise self._too_large()
                    yield piece
        except FAILURES as error:
            raise hub_error(error, self._target) from None

    def _too_large(self) -> TooLarge:
        return TooLarge(f"expected a file of up to {self._max_bytes} bytes, {self._target.origin} sends more")


@asynccontextmanager
async def open_download(
    target: Target,
    fetch: Fetch,
    *,
    max_bytes: int,
    total_seconds: float,
    idle_seconds: float,
    max_redirects: int,
) -> AsyncIterator[Download]:
    """Fetch, follow redirects, and give what the last one answers; the connection ends with the block."""
    ends_at = asyncio.get_running_loop().time() + total_seconds
    response = await _fetch(target, fetch, ends_at, total_seconds)
    try:
        for hop in range(max_redirects + 1):
            location = response.headers.get("Location")
            if response.status not in REDIRECTS or location is None:
                break
            if hop == max_redirects:
                raise BadMessage(
                    f"expected a file, got more than {max_redirects} redirects from {target.origin}"
                )
            response.close()
            target = read_target(urljoin(str(target.url), location))
            response = await _fetch(target, fetch, ends_at, total_seconds)
        yield Download(response, target, max_bytes=max_bytes, ends_at=ends_at, idle_seconds=idle_seconds)
    finally:
        response.close()


async def _fetch(
    target: Target, fetch: Fetch, ends_at: float, total_seconds: float
) -> aiohttp.ClientResponse:
    try:
        async with asyncio.timeout_at(ends_at):
            return await fetch(target)
    except FAILURES as error:
        raise hub_error(error, target, within_seconds=total_seconds) from None
