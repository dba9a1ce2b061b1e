"""A peer on loopback: keeps the requests it gets, and answers each as told."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from switchhook.core.edge import Reply, Request

Behaviour = Callable[[Request], Awaitable[Reply]]


@dataclass(kw_only=True)
class Peer:
    port: int = 0
    requests: list[Request] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def bodies(self) -> list[str]:
        return [request.body.decode() for request in self.requests]


def says(status: int = 200, body: str = "", **headers: str) -> Behaviour:
    async def answer(_: Request) -> Reply:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return Reply(status=status, body=body.encode(), headers=names)

    return answer


def says_in_turn(replies: Sequence[Reply]) -> Behaviour:
    left = list(replies)

    async def answer(_: Request) -> Reply:
        return left.pop(0)

    return answer


@asynccontextmanager
async def listening(behave: Behaviour) -> AsyncIterator[Peer]:
    peer = Peer()

    async def handle(request: web.Request) -> web.Response:
        seen = Request(
            method=request.method,
            path=request.path,
            query=dict(request.query),
            headers={name.lower(): value for name, value in request.headers.items()},
            body=await request.read(),
            client=request.remote or "",
        )
        peer.requests.append(seen)
        reply = await behave(seen)
        headers = {"Content-Type": reply.content_type, **reply.headers}
        return web.Response(status=reply.status, body=reply.body, headers=headers)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        peer.port = runner.addresses[0][1]
        yield peer
    finally:
        await runner.cleanup()
