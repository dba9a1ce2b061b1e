"""A WebSocket server for tests: judges by `admit` as the hub's own door does, and hands the socket on."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import WSMsgType, web

from switchhook.connectors.asterisk.as_crm import admit
from switchhook.core.connector import Link
from switchhook.core.edge import Request
from switchhook.core.errors import PeerDown, Refused
from switchhook.core.sockets import Socket


class ServedSocket:
    """A `Socket` over what aiohttp's server has."""

    def __init__(self, opened: web.WebSocketResponse) -> None:
        self._opened = opened

    async def send(self, text: str) -> None:
        try:
            await self._opened.send_str(text)
        except ConnectionError as error:
            raise PeerDown("it is closed") from error

    async def receive(self) -> str:
        message = await self._opened.receive()
        if message.type is not WSMsgType.TEXT:
            raise PeerDown("the peer closed it")
        return str(message.data)

    async def close(self) -> None:
        await self._opened.close()


Handed = Callable[[Socket], Awaitable[None]]


@asynccontextmanager
async def door(link: Link, handed: Handed, port: int) -> AsyncIterator[list[str]]:
    """Serve `/x/url-key/ari` on loopback; gives why peers were refused."""
    refused: list[str] = []

    async def take(request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        try:
            subprotocol = admit(Request(method="GET", path="/ari", headers=headers), link)
        except Refused as error:
            refused.append(error.reason)
            return web.Response(status=401)
        opened = web.WebSocketResponse(protocols=(subprotocol,), heartbeat=20, max_msg_size=0)
        await opened.prepare(request)
        socket = ServedSocket(opened)
        await handed(socket)
        while not opened.closed:  # noqa: ASYNC110 - the link reads it, and says nothing of its end
            await asyncio.sleep(0.05)
        return opened

    app = web.Application()
    app.router.add_get("/x/url-key/ari", take)
    runner = web.AppRunner(app, shutdown_timeout=0.2)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    try:
        yield refused
    finally:
        await runner.cleanup()
