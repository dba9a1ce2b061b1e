"""An ARI on loopback that does as it is told: what no real Asterisk does when one wants it to."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

INFO = {"system": {"version": "22.10.1+dfsg", "entity_id": "02:fc"}}


@dataclass
class PlayedAri:
    """`lost_registrations`: so many sockets stay open and are of no registered application."""

    version: str = "22.10.1+dfsg"
    info_status: int = 200
    info_body: bytes | None = None
    write_status: int = 404
    subscription_status: int = 200
    epoch: str = "1795285271"
    lost_registrations: int = 0
    is_deaf: bool = False  # its application is there and told of nothing
    greeting: tuple[str, ...] = ()
    port: int = 0
    sockets: list[web.WebSocketResponse] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)  # by what way, and what
    done: list[tuple[str, str]] = field(default_factory=list)  # by what method, and what; of the last socket

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def is_registered(self) -> bool:
        return len(self.sockets) > self.lost_registrations and not self.sockets[-1].closed

    def answer(self, method: str, uri: str) -> tuple[int, Any]:
        self.done.append((method, uri))
        if uri.startswith("asterisk/info"):
            return self.info_status, {"system": {"version": self.version}}
        if uri.startswith("applications/") and method == "GET":
            asked = ("POST", f"{uri}/subscription") in self.done
            heard = ["__AST_CHANNEL_ALL_TOPIC"] if asked and not self.is_deaf else []
            app = {"name": "switchhook", "channel_ids": heard}
            return (200, app) if self.is_registered else (404, {"message": "not found"})
        if uri.startswith("asterisk/variable") and method == "GET":
            return 200, {"value": self.epoch}
        if uri.endswith("/subscription"):
            return self.subscription_status, {}
        if method == "DELETE":
            return self.write_status, {"message": "Channel not found"}
        return 200, [] if method == "GET" else {}

    async def tell(self, *messages: str) -> None:
        for message in messages:
            await self.sockets[-1].send_str(message)

    async def _http(self, request: web.Request) -> web.StreamResponse:
        uri = request.path.removeprefix("/ari/")
        if uri == "events":
            return await self._events(request)
        self.asked.append(("http", uri))
        status, value = self.answer(request.method, uri)
        if uri == "asterisk/info" and self.info_body is not None:
            return web.Response(status=status, body=self.info_body)
        return web.json_response(value, status=status)

    async def _events(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets.append(socket)
        self.done.clear()
        await self.tell(*self.greeting)
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                asked = json.loads(message.data)
                self.asked.append(("socket", asked["uri"]))
                status, value = self.answer(asked["method"], asked["uri"])
                said = {"type": "RESTResponse", "request_id": asked["request_id"], "status_code": status}
                await socket.send_str(json.dumps(said | {"message_body": json.dumps(value)}))
        return socket


@asynccontextmanager
async def playing(ari: PlayedAri) -> AsyncIterator[PlayedAri]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", ari._http)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    ari.port = runner.addresses[0][1]
    try:
        yield ari
    finally:
        for socket in ari.sockets:
            await socket.close()
        await runner.cleanup()


@asynccontextmanager
async def saying(*pieces: bytes, after_each: float = 0.0) -> AsyncIterator[int]:
    """A TCP server that says this to whoever comes and then nothing; gives its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(after_each)
        while await reader.read(4096):
            pass
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        server.close()
