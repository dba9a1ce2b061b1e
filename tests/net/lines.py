"""Peers on loopback that hold a line open: a WebSocket server, and plain TCP."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from aiohttp import web

from switchhook.core.errors import PeerDown
from switchhook.core.sockets import Stream
from tests.net.peers import Names

LOOPBACK = Names(["127.0.0.1"])
SECRET = "Basic c3dpdGNoaG9vazpodW50ZXIy"

Talk = Callable[[web.WebSocketResponse], Awaitable[None]]


@dataclass
class WebPeer:
    """A WebSocket server that says what it is told to."""

    port: int = 0
    headers: list[dict[str, str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ari/events?app=switchhook"


async def echoes(socket: web.WebSocketResponse) -> None:
    async for message in socket:
        await socket.send_str(message.data)


@asynccontextmanager
async def web_peer(
    talk: Talk = echoes, *, tls: ssl.SSLContext | None = None, autoping: bool = True
) -> AsyncIterator[WebPeer]:
    peer = WebPeer()

    async def open_it(request: web.Request) -> web.WebSocketResponse:
        peer.headers.append(dict(request.headers))
        socket = web.WebSocketResponse(protocols=("ari",), autoping=autoping)
        await socket.prepare(request)
        await talk(socket)
        return socket

    app = web.Application()
    app.router.add_get("/ari/events", open_it)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    peer.port = runner.addresses[0][1]
    try:
        yield peer
    finally:
        await runner.cleanup()


async def hangs_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


@asynccontextmanager
async def tcp_peer(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    *,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[int]:
    """Give the port of a TCP server on loopback."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        finally:
            writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(serve_one(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # for the connections to be closed


async def read_all(stream: Stream) -> bytes:
    heard = b""
    with suppress(PeerDown):
        while True:
            heard += await stream.read()
    return heard
