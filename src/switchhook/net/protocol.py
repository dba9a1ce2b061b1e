"""HTTP/1.1 on one connection: uvicorn's protocol, bounded where it is not, with a short cut for peers.

uvicorn reads any amount of headers and waits for them for ever; both are bounded here. Its ASGI
messages suit pages and streams; a peer's message and our answer are short and whole, and
`WholeMessages` passes them on as they are.
"""

from asyncio import TimerHandle, Transport
from collections.abc import Sequence
from weakref import ref

from uvicorn.protocols.http.httptools_impl import (
    HEADER_RE,
    HEADER_VALUE_RE,
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from switchhook.net.asgi import SHORT_CUT

HEAD_SECONDS = 10.0
MAX_HEAD_BYTES = 32 * 1024


class WholeMessages:
    """A `ShortCut` past the ASGI messages of one request, doing to its cycle what they would have done."""

    __slots__ = ("_cycle",)

    def __init__(self, cycle: RequestResponseCycle) -> None:
        # Weak, because the cycle holds the scope that holds this: whoever is answered is to be let go of.
        self._cycle = ref(cycle)

    def body(self) -> bytes | None:
        cycle = self._cycle()
        return None if cycle is None or cycle.more_body or cycle.disconnected else bytes(cycle.body)

    def reply(self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> bool:
        cycle = self._cycle()
        # Whoever reads too slowly has to be waited for, and errors are uvicorn's to raise.
        if cycle is None or cycle.disconnected or cycle.response_started or cycle.flow.write_paused:
            return False
        names, values = zip(*headers, strict=True) if headers else ((), ())
        if HEADER_RE.search(b"".join(names)) or HEADER_VALUE_RE.search(b"".join(values)):
            return False
        if b"connection" in names:
            return False
        lines = [b"%b: %b\r\n" % pair for pair in headers]
        if not cycle.keep_alive:
            lines.append(b"connection: close\r\n")
        cycle.response_started = cycle.response_complete = True
        # In one piece: to write costs more than all the rest.
        cycle.transport.write(b"".join((STATUS_LINE[status], *lines, b"\r\n", body)))
        cycle.message_event.set()
        if not cycle.keep_alive:
            cycle.transport.close()
        cycle.on_response()
        return True


class Protocol(HttpToolsProtocol):
    """HTTP/1.1 whose request line and headers have to come within a time and a size."""

    head_bytes = 0
    is_in_head = False
    head_timer: TimerHandle | None = None

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
        self.scope["extensions"] = {SHORT_CUT: WholeMessages(self.cycle)}  # type: ignore[dict-item]

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.is_in_head:
            # The parser tells a header only when it is whole, so an endless one is counted here.
            self.head_bytes += len(data)
            if self.head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
                self.send_400_response("Headers too large.")
            self._start_head_timer()
        elif self.cycle is None or self.cycle.response_complete:
            self._start_head_timer()  # line breaks between requests are no request

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
