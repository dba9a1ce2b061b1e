"""A listening socket and the server behind it: uvicorn with what it leaves open closed.

It is not allowed to believe X-Forwarded-For: who asks is judged in one place, `net/client_address`.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import structlog
import uvicorn

from switchhook.core.errors import Misconfigured
from switchhook.net.asgi import AsgiApp
from switchhook.net.direct import Direct, Takes

log = structlog.get_logger(__name__)

KEEP_ALIVE_SECONDS = 75
# Of WebSockets, which only peers with a right key open: a message's size, since the list of all channels of a
# big PBX is one message; and how long the other end may be silent to a ping.
MAX_MESSAGE_BYTES = 16 * 1024 * 1024
PING_EVERY_SECONDS = PONG_SECONDS = 10.0
MAX_CONNECTIONS = 10_000
BACKLOG = 2048
# So often it is looked whether the last request has been answered, at the end.
LOOK_SECONDS = 0.01


def nothing(_: str) -> bool:
    return False


class Server:
    """Serve one ASGI app inside the running loop. Use as `async with`, or start and stop.

    Port 0 takes a free one; `url` and `port` say which.
    """

    def __init__(
        self,
        app: AsgiApp,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tls_cert: Path | None = None,
        tls_key: Path | None = None,
        stop_seconds: int = 10,
        takes: Takes = nothing,
    ) -> None:
        """`takes` names the paths whose short whole messages the app answers by `ShortCut`."""
        self._host, self._port = host, port
        tls = make_tls(tls_cert, tls_key)
        self._is_tls = tls is not None
        self._config = uvicorn.Config(
            app,
            http=cast(type[asyncio.Protocol], partial(Direct, takes=takes)),
            ws="none",  # its choice of a class; ours is made in net/protocol.py
            ws_max_size=MAX_MESSAGE_BYTES,
            ws_ping_interval=PING_EVERY_SECONDS,
            ws_ping_timeout=PONG_SECONDS,
            ws_per_message_deflate=False,
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            forwarded_allow_ips="",
            server_header=False,
            date_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=stop_seconds,
            limit_concurrency=MAX_CONNECTIONS,
            backlog=BACKLOG,
            ssl_context_factory=(lambda _config, _default: tls) if tls is not None else None,
        )
        self._server = _QuietServer(self._config)
        self._socket: socket.socket | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        return self._port

    @property
    def url(self) -> str:
        """Address on this machine: a wildcard host is told as loopback."""
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}.get(self._host, self._host)
        host = f"[{host}]" if ":" in host and not host.startswith("[") else host
        return f"{'https' if self._is_tls else 'http'}://{host}:{self._port}"

    async def start(self) -> None:
        """Listen, and return when the first request may come.

        Raises:
            Misconfigured: the address cannot be listened on; the text says why.
        """
        self._socket = bind(self._host, self._port)
        self._port = self._socket.getsockname()[1]
        self._task = asyncio.create_task(self._server.serve(sockets=[self._socket]), name="http server")
        while not self._server.started:
            if self._task.done():
                await self._task
                raise Misconfigured("the HTTP server did not start")
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        """Stop listening, let requests in hand finish, close. Does nothing when it does not run."""
        task, self._task = self._task, None
        if task is None:
            return
        self._server.stopping.set()
        await task
        if self._socket is not None:
            self._socket.close()

    async def wait(self) -> None:
        """Return when the server has ended by itself, which it does for a defect only."""
        if self._task is not None:
            await asyncio.shield(self._task)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()


class _QuietServer(uvicorn.Server):
    """uvicorn without signals, which are the app's business, and without looking ten times a second."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.stopping = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        await self.on_tick(0)  # sets the headers that all answers have
        await self.stopping.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening and let what is in hand finish, for as long as it may."""
        for listening in (*self.servers, *(sockets or ())):
            listening.close()
        state = self.server_state
        for connection in list(state.connections):
            connection.shutdown()
        try:
            async with asyncio.timeout(self.config.timeout_graceful_shutdown):
                while state.connections or state.tasks:  # noqa: ASYNC110 - sets of uvicorn, which tell nobody
                    await asyncio.sleep(LOOK_SECONDS)
                for server in self.servers:
                    await server.wait_closed()
        except TimeoutError:
            log.warning("requests were cut off at the end", requests=len(state.tasks))
            for task in state.tasks:
                task.cancel()


def bind(host: str, port: int) -> socket.socket:
    """Take the address.

    Raises:
        Misconfigured: it is taken, not ours, or not allowed; the text says which.
    """
    try:
        family, kind, proto, _, address = socket.getaddrinfo(
            host or "0.0.0.0", port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, proto)
    except OSError as error:
        raise Misconfigured(f"cannot listen on {host}: {error.strerror or error}", field="host") from error
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.setblocking(False)
    except OSError as error:
        listening.close()
        raise Misconfigured(
            f"cannot listen on {host} port {port}: {(error.strerror or str(error)).lower()}", field="port"
        ) from error
    return listening


def make_tls(cert: Path | None, key: Path | None) -> ssl.SSLContext | None:
    """Read a certificate chain and its key; None when neither is given.

    Raises:
        Misconfigured: only one of them is given, or they cannot be used together.
    """
    if cert is None and key is None:
        return None
    if cert is None or key is None:
        raise Misconfigured("expected both a TLS certificate and its key, got one", field="tls_cert")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as error:
        reason = getattr(error, "reason", None) or error.strerror or str(error)
        raise Misconfigured(f"cannot use the TLS certificate {cert}: {reason}", field="tls_cert") from error
    return context


def uvloop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """Give what makes the fastest event loop that is installed."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    factory: Callable[[], Any] = uvloop.new_event_loop
    return factory


__all__ = ["Server", "bind", "make_tls", "uvloop_factory"]
