"""WebSockets on one connection: uvicorn's protocol, bounded where it is not.

Loaded when the first peer asks for one: most hubs never do.
"""

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

# So long after the end of it the other end may still read what was said last.
LINGER_SECONDS = 2.0


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """A WebSocket whose connection ends when it does, whether or not the other end reads."""

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self.handshake_initiated:  # a head that this parser does not read would be waited for for ever
            self.transport.close()

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self.loop.call_later(LINGER_SECONDS, self.transport.abort)

    async def run_asgi(self) -> None:
        try:
            await super().run_asgi()
        finally:
            self.loop.call_later(LINGER_SECONDS, self.transport.abort)
