"""A WebSocket that we opened, as connectors use it."""

import asyncio
from collections.abc import Awaitable

import aiohttp
from aiohttp import WSMsgType

from switchhook.core.errors import PeerDown
from switchhook.core.text import clean_name

# A ping after so long without a message; the line is over when nothing at all comes for half as long then.
HEARTBEAT_SECONDS = 10.0
WRITE_SECONDS = 10.0
# So long the other end's word of good-bye is waited for.
CLOSE_SECONDS = 2.0


def linger_seconds() -> aiohttp.ClientWSTimeout:
    return aiohttp.ClientWSTimeout(ws_close=CLOSE_SECONDS)


class OpenSocket:
    """A `Socket` over the library's."""

    def __init__(self, socket: "aiohttp.ClientWebSocketResponse", origin: str) -> None:
        self._socket = socket
        self._origin = origin
        self._writing = asyncio.Lock()

    async def send(self, text: str) -> None:
        if self._socket.closed:
            raise PeerDown(self._how_it_ended())
        try:
            async with asyncio.timeout(WRITE_SECONDS), self._writing:
                await self._write(text)
        except TimeoutError:
            # The rest of the message may still lie in a buffer: nothing more can be said here.
            await self.close()
            raise PeerDown(f"{self._origin} took nothing for {WRITE_SECONDS:g} s") from None
        except (aiohttp.ClientError, OSError, RuntimeError):
            raise PeerDown(self._how_it_ended()) from None

    async def receive(self) -> str:
        message = await self._next()
        if message.type is WSMsgType.TEXT:
            text: str = message.data
            return text
        if message.type is WSMsgType.BINARY:
            await self.close()
            raise PeerDown(f"{self._origin} sent bytes where text was expected")
        if message.type is WSMsgType.ERROR and isinstance(message.data, aiohttp.WebSocketError):
            raise PeerDown(f"{self._origin} broke the rules of WebSocket ({message.data.code})")
        if message.type is WSMsgType.CLOSE:
            said = clean_name(str(message.extra or ""))
            raise PeerDown(
                f"{self._origin} closed the WebSocket ({message.data}{': ' if said else ''}{said})"
            )
        raise PeerDown(self._how_it_ended())

    async def close(self) -> None:
        await _quietly(self._socket.close())

    async def _write(self, text: str) -> None:
        """Write one message; whoever waits for it may be cancelled, and the writing is not.

        The library has one future for all that wait to write: cancel one of them, and all are.
        """
        writing = asyncio.ensure_future(self._socket.send_str(text))
        writing.add_done_callback(_look_at)
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            if not writing.cancelled():
                raise
            # Not we were cancelled but a ping that waited with us, since the socket was closed.
            raise PeerDown(self._how_it_ended()) from None

    async def _next(self) -> aiohttp.WSMessage:
        try:
            return await self._socket.receive()
        except (aiohttp.ClientError, OSError, RuntimeError):
            raise PeerDown(self._how_it_ended()) from None

    def _how_it_ended(self) -> str:
        if isinstance(self._socket.exception(), aiohttp.ServerTimeoutError):
            return f"{self._origin} does not answer our pings any more"
        return f"the WebSocket to {self._origin} is closed"


def _look_at(writing: "asyncio.Future[None]") -> None:
    """Look at what a writing came to, or asyncio complains when nobody waits any more."""
    if not writing.cancelled():
        writing.exception()


async def _quietly(closing: Awaitable[object]) -> None:
    """Close within a time, whatever the other end does."""
    try:
        async with asyncio.timeout(2 * CLOSE_SECONDS):
            await closing
    except (TimeoutError, aiohttp.ClientError, OSError):
        return
