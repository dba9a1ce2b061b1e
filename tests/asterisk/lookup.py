"""A played CRM that a dialplan asks who is calling: one line, NAME;EXTENSION, or 404."""

from collections.abc import Callable
from types import TracebackType
from typing import Self

from aiohttp import web


class Lookup:
    """Answers at /contact on `port`; `answer` gives the line for a number, "" where nothing is known."""

    def __init__(self, port: int, answer: Callable[[str], str]) -> None:
        self._port, self._answer = port, answer
        self.asked: list[dict[str, str]] = []  # the form of each request

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/contact", self._contact)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    async def _contact(self, request: web.Request) -> web.Response:
        form = {key: str(value) for key, value in (await request.post()).items()}
        self.asked.append(form)
        line = self._answer(form.get("phone", ""))
        return web.Response(text=line or "not found", status=200 if line else 404)
