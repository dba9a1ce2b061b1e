"""Connectors on real loopback HTTP: a served connector, and a peer that answers as scripted."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from aiohttp import web

from switchhook.core.edge import Reply, Request, reply_json

Answer = Callable[[Request], Awaitable[Reply]]


@asynccontextmanager
async def listening(answer: Answer) -> AsyncIterator[str]:
    """Serve on loopback; gives the address."""

    async def handle(request: web.BaseRequest) -> web.Response:
        reply = await answer(
            Request(
                method=request.method,
                path=request.path,
                query=dict(request.query),
                headers={name.lower(): value for name, value in request.headers.items()},
                body=await request.read(),
            )
        )
        headers = {"Content-Type": reply.content_type, **reply.headers}
        return web.Response(status=reply.status, body=reply.body, headers=headers)

    runner = web.ServerRunner(web.Server(handle), shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


@dataclass
class ScriptedPeer:
    """Remembers every request; gives the scripted replies in turn, and the last one for ever."""

    replies: list[Reply] = field(default_factory=lambda: [reply_json(200, {"success": True})])
    requests: list[Request] = field(default_factory=list)

    async def answer(self, request: Request) -> Reply:
        self.requests.append(request)
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]

    @property
    def forms(self) -> list[dict[str, str]]:
        return [dict(parse_qsl(request.body.decode(), keep_blank_values=True)) for request in self.requests]
