"""Asking ARI: over the open websocket where Asterisk answers there, else by HTTP."""

import asyncio
import base64
import itertools
from typing import Protocol

import msgspec
from msgspec import Struct

from switchhook.connectors.asterisk.wire.ari import RESTResponse
from switchhook.connectors.asterisk.wire.rest import RestRequest, global_variable, over_websocket
from switchhook.core.connector import HttpPort
from switchhook.core.errors import PeerDown
from switchhook.core.sockets import Socket

ANSWER_SECONDS = 10.0
# A list of all channels of a large PBX.
LARGEST_ANSWER_BYTES = 16 * 1024 * 1024
MOST_UNANSWERED = 1_000


class RestAnswer(Struct, frozen=True, kw_only=True):
    """What ARI said; the body is JSON or empty."""

    status: int
    body: bytes = b""

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300


class Asker(Protocol):
    async def send(self, request: RestRequest) -> RestAnswer:
        """Send one request, once.

        Raises: PeerDown: no answer within ten seconds, or the link is gone: it may have been done.
        """
        ...

    async def tell(self, request: RestRequest) -> None:
        """Send one request, and wait for no answer where that can be. Raises: PeerDown: the link is gone."""
        ...


class HttpAsker:
    """By HTTP, one request each."""

    def __init__(self, http: HttpPort, url: str, user: str, password: str) -> None:
        """`url` is that of ARI, with `/ari` at its end."""
        self._http = http
        self._url = url
        self._headers = basic(user, password)

    async def send(self, request: RestRequest) -> RestAnswer:
        url = self._url + request.path()
        if request.method == "GET":
            return await self._read(url)
        answer = await self._http.send(
            request.method, url, json=request.json, headers=self._headers, total_seconds=ANSWER_SECONDS
        )
        return RestAnswer(status=answer.status, body=answer.body)

    async def tell(self, request: RestRequest) -> None:
        await self.send(request)

    async def _read(self, url: str) -> RestAnswer:
        """Read lists, too, that are longer than an answer may be."""
        async with self._http.download(
            url, max_bytes=LARGEST_ANSWER_BYTES, total_seconds=ANSWER_SECONDS, headers=self._headers
        ) as download:
            pieces = [piece async for piece in download.chunks()]
            return RestAnswer(status=download.status, body=b"".join(pieces))


class SocketAsker:
    """Over the websocket that brings the events; whoever reads it hands the answers to `take`."""

    def __init__(self, socket: Socket, *, seconds: float = ANSWER_SECONDS) -> None:
        self._socket = socket
        self._seconds = seconds
        self._numbers = itertools.count(1)
        self._waiting: dict[str, asyncio.Future[RestAnswer]] = {}

    async def send(self, request: RestRequest) -> RestAnswer:
        if len(self._waiting) >= MOST_UNANSWERED:
            raise PeerDown(f"Asterisk owes us {MOST_UNANSWERED} answers")
        request_id = f"r{next(self._numbers)}"
        answer: asyncio.Future[RestAnswer] = asyncio.get_running_loop().create_future()
        self._waiting[request_id] = answer
        try:
            await self._socket.send(over_websocket(request, request_id=request_id).decode())
            async with asyncio.timeout(self._seconds):
                return await answer
        except TimeoutError:
            raise PeerDown(f"Asterisk did not answer a request in {self._seconds:g} s") from None
        finally:
            del self._waiting[request_id]

    async def tell(self, request: RestRequest) -> None:
        request_id = f"r{next(self._numbers)}"
        await self._socket.send(over_websocket(request, request_id=request_id).decode())

    def take(self, response: RESTResponse) -> None:
        """Give an answer to whoever waits for it; one that comes too late is nobody's."""
        waiting = self._waiting.get(response.request_id)
        if waiting is not None and not waiting.done():
            waiting.set_result(
                RestAnswer(status=response.status_code, body=response.message_body.encode("utf-8", "replace"))
            )


class _Variable(Struct, frozen=True):
    value: str = ""


async def read_variable(asker: Asker, name: str) -> str:
    """Ask for a variable that needs no channel; "" where it has no value. Raises: PeerDown: no answer."""
    answer = await asker.send(global_variable(name))
    try:
        return msgspec.json.decode(answer.body, type=_Variable).value if answer.is_success else ""
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


def basic(user: str, password: str) -> dict[str, str]:
    """Give the header by which ARI knows a user."""
    token = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {token}"}
