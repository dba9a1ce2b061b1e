"""The short cut past ASGI says to the socket what the messages of ASGI would have said."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence

import pytest

from switchhook.core.edge import Reply
from switchhook.net.asgi import (
    Receive,
    Scope,
    Send,
    ShortCut,
    read_request,
    send_reply,
    short_cut_of,
)
from switchhook.net.server import Server

PLAIN = ((b"x-content-type-options", b"nosniff"),)
BIG = b"b" * 300_000
REPLIES = {
    "empty": Reply(),
    "json": Reply(body=b'{"a":1}'),
    "refused": Reply(status=401, body=b"{}", headers={"Retry-After": "5", "X-Two": "two"}),
    "no content": Reply(status=204),
    "odd status": Reply(status=499, body=b"odd", content_type="text/plain"),
    "own connection": Reply(headers={"Connection": "Close"}),
    "big": Reply(body=BIG),
    "smuggling": Reply(headers={"x-a": "1\r\nx-b: 2"}),
}


class Taken:
    """A short cut that notes whether it could be taken."""

    def __init__(self, inner: ShortCut, peer: "Peer") -> None:
        self.inner, self.peer = inner, peer

    def body(self) -> bytes | None:
        return self.inner.body()

    def reply(self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> bool:
        could = self.inner.reply(status, headers, body)
        self.peer.said.append(could)
        if not could:
            self.peer.could_not.set()
        return could


class Peer:
    """An app that replies as its path says, `/short/…` by the short cut, and tells what it has read."""

    def __init__(self) -> None:
        self.said: list[bool] = []
        self.read: list[bytes] = []
        self.has_read, self.has_closed, self.could_not = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.may_reply = asyncio.Event()
        self.may_reply.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        way, _, name = scope["path"].strip("/").partition("/")
        short_cut = short_cut_of(scope)
        assert short_cut is not None
        request = await read_request(scope, receive, path=scope["path"], client="")
        self.read.append(request.body)
        self.has_read.set()
        if not self.may_reply.is_set() and way == "gone":
            await receive()  # what the short cut has read, and then nothing until the end
            await receive()
            self.has_closed.set()
        await self.may_reply.wait()
        await send_reply(
            send,
            REPLIES[name],
            is_head=scope["method"] == "HEAD",
            is_last=request.query.get("last") == "1",
            extra=PLAIN,
            short_cut=Taken(short_cut, self) if way != "usual" else None,
        )


@pytest.fixture
def peer() -> Peer:
    return Peer()


@pytest.fixture
async def served(peer: Peer) -> AsyncIterator[Server]:
    async with Server(peer, stop_seconds=1) as running:
        yield running


async def exchange(served: Server, *pieces: bytes) -> bytes:
    """Send the pieces one by one; give all that comes until the other end closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0)
    async with asyncio.timeout(30):
        answer = await reader.read()
    writer.close()
    return answer


def get(path: str, *, method: str = "GET", version: str = "1.1", is_last: bool = False) -> bytes:
    closing = "Connection: close\r\n" if is_last else ""
    return f"{method} {path.replace(' ', '%20')} HTTP/{version}\r\nHost: hub\r\n{closing}\r\n".encode()


@pytest.mark.parametrize("name", REPLIES)
@pytest.mark.parametrize(
    "shape",
    [
        {"is_last": True},
        {"version": "1.0"},
        {"method": "HEAD", "is_last": True},
    ],
    ids=["HTTP/1.1", "HTTP/1.0", "HEAD"],
)
async def test_both_ways_say_the_same_bytes(served: Server, name: str, shape: dict[str, str]) -> None:
    short = await exchange(served, get(f"/short/{name}", **shape))  # type: ignore[arg-type]
    usual = await exchange(served, get(f"/usual/{name}", **shape))  # type: ignore[arg-type]

    assert short == usual
    assert b"x-b" not in short


async def test_a_reply_that_is_the_last_closes_the_connection(served: Server, peer: Peer) -> None:
    short = await exchange(served, get("/short/json?last=1"))
    usual = await exchange(served, get("/usual/json?last=1"))

    assert short == usual
    assert b"\r\nconnection: close\r\n" in short


async def test_a_connection_is_kept_for_the_next_request(served: Server, peer: Peer) -> None:
    answer = await exchange(served, get("/short/json") * 2 + get("/short/empty", is_last=True))

    assert answer.count(b"HTTP/1.1 200 OK\r\n") == 3
    assert answer.count(b'{"a":1}') == 2
    assert answer.count(b"connection: close") == 1
    assert peer.said == [True, True, True]


async def test_requests_sent_ahead_are_answered_in_order(served: Server, peer: Peer) -> None:
    peer.may_reply.clear()
    asyncio.get_running_loop().call_later(0.02, peer.may_reply.set)

    answer = await exchange(
        served,
        get("/short/json") + get("/short/refused") + get("/usual/empty"),
        get("/short/odd status?last=1"),
    )

    assert re.findall(rb"HTTP/1.1 (\d+)", answer) == [b"200", b"401", b"200", b"499"]


async def test_a_body_in_pieces_is_waited_for(served: Server, peer: Peer) -> None:
    head = b"POST /short/empty HTTP/1.1\r\nHost: hub\r\nConnection: close\r\nContent-Length: 6\r\n\r\n"

    await exchange(served, head + b"ab", b"cd", b"ef")
    await exchange(served, head + b"abcdef")

    assert peer.read == [b"abcdef", b"abcdef"]


async def test_who_reads_slowly_gets_all_the_same(served: Server, peer: Peer) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port, limit=1024)
    writer.write(get("/short/big") * 29 + get("/short/big", is_last=True))
    async with asyncio.timeout(30):
        await peer.could_not.wait()
        answer = await reader.read()
    writer.close()

    assert answer.count(BIG) == 30
    assert answer.count(b"HTTP/1.1 200 OK\r\n") == 30


async def test_who_hung_up_is_not_written_to(served: Server, peer: Peer) -> None:
    peer.may_reply.clear()
    _, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(get("/gone/json"))
    await peer.has_read.wait()
    writer.transport.abort()
    await peer.has_closed.wait()
    peer.may_reply.set()

    answer = await exchange(served, get("/short/empty", is_last=True))

    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert peer.said == [False, True]
