"""HTTP/1.1 on one connection for short whole messages, which is what peers send: read, answered, in order.

Half the cost of uvicorn's protocol, since nothing is prepared for streams. Whatever is not such a message
(another path, a body of unknown length, a request that comes slowly, anything malformed) hands the
connection over to `net/protocol.Protocol` with the bytes read so far, for good.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import structlog
from uvicorn import Config
from uvicorn.protocols.utils import get_local_addr, get_remote_addr, is_ssl
from uvicorn.server import ServerState

from switchhook.net.asgi import MAX_BODY_BYTES, SHORT_CUT, AsgiApp, Message, Scope
from switchhook.net.heads import Head, read_head, write_head
from switchhook.net.protocol import HEAD_SECONDS, MAX_HEAD_BYTES, Protocol

log = structlog.get_logger(__name__)

# So long the rest of a message is waited for here; then uvicorn waits, and says what is missing.
REST_SECONDS = 1.0
# Sent ahead while an answer is being made; beyond it nothing is read for the time being.
AHEAD_BYTES = MAX_HEAD_BYTES + MAX_BODY_BYTES
END_OF_HEAD = b"\r\n\r\n"
ASGI = {"version": "3.0", "spec_version": "2.3"}
FAILED = (
    b"HTTP/1.1 500 Internal Server Error\r\ncontent-type: text/plain; charset=utf-8\r\n"
    b"content-length: 21\r\nconnection: close\r\n\r\nInternal Server Error"
)

Takes = Callable[[str], bool]
"""Whether the app answers this path by the short cut, whatever comes."""


class Exchange:
    """One message and its answer: the `ShortCut` of its request."""

    __slots__ = ("_body", "_connection", "_head")

    def __init__(self, connection: "Direct", head: Head, body: bytes) -> None:
        self._connection = connection
        self._head = head
        self._body = body

    def headers(self) -> Mapping[str, str]:
        return self._head.headers

    def body(self) -> bytes:
        return self._body

    def reply(self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> bool:
        head, is_kept = write_head(status, headers, is_kept=self._head.is_kept)
        self._connection.answer(head + body, is_kept=is_kept)
        return True


class Direct(asyncio.Protocol):
    """A connection as uvicorn makes them; see the module."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        takes: Takes,
    ) -> None:
        self._config = config
        self._state = server_state
        self._app_state = app_state
        self._loop = _loop or asyncio.get_running_loop()
        self._takes = takes
        self._app = cast(AsgiApp, config.loaded_app)
        self._buffer = b""
        self._needs = 0  # bytes until the message in the buffer is whole
        self._is_busy = False  # an answer is being made
        self._is_stuck = False  # answers are not read at the other end
        self._is_last = False
        self._active_at = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None]  # that makes the answer
        self._idle_seconds = HEAD_SECONDS

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's does not inherit from it
        self._state.connections.add(self)  # type: ignore[arg-type]  # it has `shutdown`, which is all that counts
        self._timer = self._loop.call_later(HEAD_SECONDS, self._look)
        self._common: Scope = {
            "type": "http",
            "asgi": ASGI,
            "http_version": "1.1",
            "server": get_local_addr(self._transport),
            "client": get_remote_addr(self._transport),
            "scheme": "https" if is_ssl(self._transport) else "http",
            "root_path": "",
        }

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        if self._is_busy or self._is_stuck:
            if len(self._buffer) > AHEAD_BYTES:
                self._transport.pause_reading()
        elif len(self._buffer) >= self._needs:
            self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        self._let_go()

    def eof_received(self) -> bool:
        """Close once what was asked is answered; True keeps the other half open for that."""
        self.shutdown()
        return self._is_busy and self._common["scheme"] == "http"  # TLS knows no halves

    def shutdown(self) -> None:
        """Answer what is in hand and close."""
        self._is_last = True
        if not self._is_busy:
            self._transport.close()

    def pause_writing(self) -> None:
        """Whoever does not read its answers gets no more of them made."""
        self._is_stuck = True

    def resume_writing(self) -> None:
        self._is_stuck = False
        self._go_on()

    def answer(self, data: bytes, *, is_kept: bool) -> None:
        """Write an answer in one piece: to write costs more than all the rest."""
        if self._transport.is_closing():
            return
        self._transport.write(data)
        if not is_kept or self._is_last:
            self._transport.close()

    def _next(self) -> None:
        """Begin with the message at the front of the buffer, or see that it cannot be done here."""
        end = self._buffer.find(END_OF_HEAD) + len(END_OF_HEAD)
        head = read_head(self._buffer[:end]) if end >= len(END_OF_HEAD) else None
        is_full = len(self._state.connections) >= (self._config.limit_concurrency or 0)
        if head is None or is_full or not self._takes(head.path):
            return self._hand_over()
        whole = end + head.length
        if whole > AHEAD_BYTES:
            return self._hand_over()
        if len(self._buffer) < whole:
            self._needs = whole
            self._arm(REST_SECONDS)
            return None
        body, self._buffer, self._needs = self._buffer[end:whole], self._buffer[whole:], 0
        self._active_at = self._loop.time()
        self._idle_seconds = self._config.timeout_keep_alive
        self._is_busy = True
        scope = {
            **self._common,
            "method": head.method,
            "path": head.path,
            "raw_path": head.raw_path,
            "query_string": head.query,
            "headers": head.pairs,
            "extensions": {SHORT_CUT: Exchange(self, head, body)},
        }
        self._task = self._loop.create_task(self._run(scope))
        self._state.tasks.add(self._task)
        return None

    async def _run(self, scope: Scope) -> None:
        task = self._task
        try:
            await self._app(scope, _nothing_to_receive, _nowhere_to_send)
        except Exception:
            log.exception("a request failed", path=scope["path"])
            self.answer(FAILED, is_kept=False)
        finally:
            self._state.tasks.discard(task)
        self._state.total_requests += 1
        self._is_busy = False
        self._go_on()

    def _go_on(self) -> None:
        """Go on with what was sent ahead."""
        if self._is_busy or self._is_stuck or self._transport.is_closing():
            return
        self._transport.resume_reading()
        if self._buffer and len(self._buffer) >= self._needs:
            self._next()

    def _hand_over(self) -> None:
        """Let uvicorn's protocol go on with what has been read."""
        self._let_go()
        heir = Protocol(self._config, self._state, self._app_state, self._loop)
        self._transport.set_protocol(heir)
        heir.connection_made(self._transport)
        heir.data_received(self._buffer)

    def _let_go(self) -> None:
        self._state.connections.discard(self)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(seconds, self._look)

    def _look(self) -> None:
        """One timer for a connection, not one for a request: see whether it has been idle for too long."""
        if self._needs:
            self._hand_over()
            return
        left = self._active_at + self._idle_seconds - self._loop.time()
        if self._is_busy or left > 0:
            self._arm(max(left, 1.0))
        else:
            self._transport.close()


async def _nothing_to_receive() -> Message:
    raise RuntimeError("the whole request has been given by the short cut")


async def _nowhere_to_send(message: Message) -> None:
    raise RuntimeError("the whole reply has to be given by the short cut")
