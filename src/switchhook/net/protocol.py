"""HTTP/1.1 on one connection: uvicorn's protocol, bounded where it is not.

uvicorn reads any amount of headers and waits for them for ever; both are bounded here. A request to go on
as a WebSocket hands the connection over to `net/websocket.py`, for good.
"""

from asyncio import TimerHandle, Transport

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 10.0
MAX_HEAD_BYTES = 32 * 1024


class Protocol(HttpToolsProtocol):
    """HTTP/1.1 whose request line and headers have to come within a time and a size."""

    head_bytes = 0
    is_in_head = False
    head_timer: TimerHandle | None = None
    is_handed_over = False

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._start_head_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_head_timer()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        self.is_in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self.is_in_head = False
        self.head_bytes = 0
        self._stop_head_timer()
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.is_handed_over:
            return
        if self.is_in_head:
            # The parser tells a header only when it is whole, so an endless one is counted here.
            self.head_bytes += len(data)
            if self.head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
                self.send_400_response("Headers too large.")
            self._start_head_timer()
        elif self.cycle is None or self.cycle.response_complete:
            self._start_head_timer()  # line breaks between requests are no request

    def handle_websocket_upgrade(self) -> None:
        from switchhook.net.websocket import WebSocketProtocol  # the few that ask for one pay for it

        self._stop_head_timer()
        self.is_handed_over = True
        if not self.url.isascii():
            self.send_400_response("Invalid path.")
        elif self.limit_concurrency is not None and len(self.connections) >= self.limit_concurrency:
            self.transport.close()
        else:
            self.ws_protocol_class = WebSocketProtocol
            super().handle_websocket_upgrade()

    def _should_upgrade_to_ws(self) -> bool:
        return True

    def _start_head_timer(self) -> None:
        if self.head_timer is None and not self.transport.is_closing():
            self.head_timer = self.loop.call_later(HEAD_SECONDS, self._head_is_late)

    def _head_is_late(self) -> None:
        self.head_timer = None
        self.transport.close()

    def _stop_head_timer(self) -> None:
        if self.head_timer is not None:
            self.head_timer.cancel()
            self.head_timer = None
