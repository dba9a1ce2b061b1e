"""The yardstick: uvloop and httptools alone, reading and answering the same POST.

It reads what any server needs to know what it is asked: path, headers and the form; it keeps nothing.
Run as a process of its own.
"""

import asyncio
import sys
from typing import cast
from urllib.parse import unquote_plus

import httptools
import uvloop

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"


class Bare(asyncio.Protocol):
    """Parse one request after another and answer each with `{}`."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast("asyncio.Transport", transport)  # uvloop's does not inherit from it
        self.transport = transport
        self.parser = httptools.HttpRequestParser(self)
        self._begin()

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.lower()] = value

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        form = read_form(self.body)
        answer = ANSWER if "callid" in form and self.headers else b"HTTP/1.1 400 Bad Request\r\n\r\n"
        self._begin()
        self.transport.write(answer)

    def _begin(self) -> None:
        self.url = b""
        self.headers: dict[bytes, bytes] = {}
        self.body = b""


def read_form(body: bytes) -> dict[str, str]:
    pairs = (part.partition("=") for part in body.decode().split("&"))
    return {unquote_plus(name): unquote_plus(value) for name, _, value in pairs}


async def main() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Bare, "127.0.0.1", 0)
    print(f"listening on http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await asyncio.wait_for(server.serve_forever(), timeout=600)


if __name__ == "__main__":
    sys.exit(uvloop.run(main()))
