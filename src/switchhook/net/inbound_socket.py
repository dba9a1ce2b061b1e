"""A WebSocket that a peer opened to us, as connectors use it: over ASGI, so over any server."""

import asyncio

from switchhook.core.errors import PeerDown
from switchhook.core.text import clean_name
from switchhook.net.asgi import Message, Receive, Send

WRITE_SECONDS = 10.0
CLOSE_SECONDS = 2.0
# RFC 6455, 7.4.1.
GOING_AWAY, WRONG_DATA, TRY_AGAIN_LATER = 1001, 1003, 1013


class InboundSocket:
    """A `Socket`. `ended` is set once nothing more is to be had of it."""

    def __init__(self, receive: Receive, send: Send, client: str) -> None:
        """`client` is the address of the peer, for the texts of errors."""
        self._receive = receive
        self._send = send
        self._client = client
        self._how = f"the WebSocket of {client} is closed"
        self.ended = asyncio.Event()

    async def accept(self, subprotocol: str) -> None:
        """Agree to the upgrade. Raises: PeerDown: the peer has gone already."""
        await self._say({"type": "websocket.accept", "subprotocol": subprotocol or None})

    async def send(self, text: str) -> None:
        if self.ended.is_set():
            raise PeerDown(self._how)
        await self._say({"type": "websocket.send", "text": text})

    async def receive(self) -> str:
        if self.ended.is_set():
            raise PeerDown(self._how)
        message = await self._receive()
        text = message.get("text")
        if message["type"] == "websocket.receive" and isinstance(text, str):
            return text
        if message["type"] == "websocket.receive":
            await self.close(WRONG_DATA)
            raise PeerDown(f"{self._client} sent bytes where text was expected")
        if not self.ended.is_set():
            said = clean_name(str(message.get("reason") or ""))
            code = message.get("code", 1005)
            self._how = f"{self._client} closed the WebSocket ({code}{': ' if said else ''}{said})"
            self.ended.set()
        raise PeerDown(self._how)

    async def close(self, code: int = GOING_AWAY) -> None:
        if self.ended.is_set():
            return
        self.ended.set()
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._send({"type": "websocket.close", "code": code})
        except (OSError, RuntimeError):  # a TimeoutError is an OSError: it takes nothing any more
            return

    async def _say(self, message: Message) -> None:
        try:
            async with asyncio.timeout(WRITE_SECONDS):
                await self._send(message)
        except TimeoutError:
            self._how = f"{self._client} took nothing for {WRITE_SECONDS:g} s"
            await self.close()
            raise PeerDown(self._how) from None
        except (OSError, RuntimeError):  # the server's word for a peer that has gone
            raise PeerDown(self._how) from None
