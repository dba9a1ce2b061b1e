"""Short whole messages are answered directly, and as the usual way would have answered them."""

import asyncio
import re
from collections.abc import AsyncIterator

import pytest

from switchhook.core.edge import Reply
from switchhook.net import direct
from switchhook.net.asgi import (
    Receive,
    Scope,
    Send,
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
    "nothing": Reply(status=204),
    "odd": Reply(status=499, body=b"odd", content_type="text/plain"),
    "own": Reply(headers={"Connection": "Close"}),
    "big": Reply(body=BIG),
}
SMUGGLING = Reply(headers={"x-a": "1\r\nx-b: 2"})


class Peer:
    """An app that replies as its path says, and tells what it has read."""

    def __init__(self) -> None:
        self.read: list[bytes] = []
        self.were_direct: list[bool] = []
        self.has_read = asyncio.Event()
        self.may_reply = asyncio.Event()
        self.may_reply.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        name = scope["path"].rpartition("/")[2]
        short_cut = short_cut_of(scope)
        self.were_direct.append(short_cut is not None)
        request = await read_request(scope, receive, path=scope["path"], client="")
        self.read.append(request.body)
        self.has_read.set()
        await self.may_reply.wait()
        await send_reply(
            send,
            REPLIES.get(name, SMUGGLING),
            is_head=scope["method"] == "HEAD",
            is_last=request.query.get("last") == "1",
            extra=PLAIN,
            short_cut=short_cut,
        )


@pytest.fixture
def peer() -> Peer:
    return Peer()


@pytest.fixture
async def served(peer: Peer) -> AsyncIterator[Server]:
    async with Server(peer, stop_seconds=1, takes=lambda path: path.startswith("/direct/")) as running:
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
    return f"{method} {path} HTTP/{version}\r\nHost: hub\r\n{closing}\r\n".encode()


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
    straight = await exchange(served, get(f"/direct/{name}", **shape))  # type: ignore[arg-type]
    usual = await exchange(served, get(f"/usual/{name}", **shape))  # type: ignore[arg-type]

    assert straight == usual


@pytest.mark.parametrize("way", ["direct", "usual"])
async def test_a_reply_cannot_smuggle_headers(served: Server, way: str) -> None:
    answer = await exchange(served, get(f"/{way}/smuggling"))

    assert b"x-b" not in answer
    assert not answer.startswith(b"HTTP/1.1 200")


async def test_a_reply_that_is_the_last_closes_the_connection(served: Server, peer: Peer) -> None:
    straight = await exchange(served, get("/direct/json?last=1"))
    usual = await exchange(served, get("/usual/json?last=1"))

    assert straight == usual
    assert b"\r\nconnection: close\r\n" in straight


async def test_a_connection_is_kept_for_the_next_request(served: Server, peer: Peer) -> None:
    answer = await exchange(served, get("/direct/json") * 2 + get("/direct/empty", is_last=True))

    assert answer.count(b"HTTP/1.1 200 OK\r\n") == 3
    assert answer.count(b'{"a":1}') == 2
    assert answer.count(b"connection: close") == 1
    assert peer.were_direct == [True, True, True]


async def test_requests_sent_ahead_are_answered_in_order(served: Server, peer: Peer) -> None:
    peer.may_reply.clear()
    asyncio.get_running_loop().call_later(0.02, peer.may_reply.set)

    answer = await exchange(
        served,
        get("/direct/json") + get("/direct/refused") + get("/usual/empty"),
        get("/direct/odd?last=1"),
    )

    assert re.findall(rb"HTTP/1.1 (\d+)", answer) == [b"200", b"401", b"200", b"499"]


async def test_a_body_in_pieces_is_waited_for(served: Server, peer: Peer) -> None:
    head = b"POST /direct/empty HTTP/1.1\r\nHost: hub\r\nConnection: close\r\nContent-Length: 6\r\n\r\n"

    await exchange(served, head + b"ab", b"cd", b"ef")
    await exchange(served, head + b"abcdef")

    assert peer.read == [b"abcdef", b"abcdef"]
    assert peer.were_direct == [True, True]


async def test_a_message_that_comes_slowly_is_waited_for_by_the_usual_way(
    served: Server, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(direct, "REST_SECONDS", 0.02)
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(b"POST /direct/empty HTTP/1.1\r\nHost: hub\r\nContent-Length: 4\r\n\r\nab")
    await asyncio.sleep(0.1)
    writer.write(b"cd" + get("/direct/json", is_last=True))
    async with asyncio.timeout(30):
        answer = await reader.read()
    writer.close()

    assert peer.read == [b"abcd", b""]
    assert peer.were_direct == [False, False]
    assert answer.count(b"HTTP/1.1 200 OK\r\n") == 2


@pytest.mark.parametrize(
    "request_bytes",
    [
        get("/usual/json"),
        get("/%64irect/json"),
        b"POST /direct/json HTTP/1.1\r\nHost: hub\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /direct/json HTTP/1.1\r\nHost: hub\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\na",
    ],
    ids=["another path", "an escaped path", "chunks", "a question first"],
)
async def test_what_is_not_plain_goes_the_usual_way(served: Server, peer: Peer, request_bytes: bytes) -> None:
    answer = await exchange(served, request_bytes + get("/direct/empty", is_last=True))

    assert answer.count(b"HTTP/1.1 200 OK\r\n") == 2
    assert peer.were_direct == [False, False]


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"POST /direct/json HTTP/1.1\r\nHost: hub\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"POST /direct/json HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\na",
        b"POST /direct/json HTTP/1.1\r\nHost: hub\r\nContent-Length: -1\r\n\r\n",
        b"GET /direct/json HTTP/1.1\r\nHost: a\rb\r\n\r\n",
        b"GET /direct/json HTP/1.1\r\nHost: a\r\n\r\n",
    ],
    ids=["two lengths", "a length and chunks", "a negative length", "a bare CR", "no HTTP"],
)
async def test_what_is_malformed_is_refused(served: Server, peer: Peer, request_bytes: bytes) -> None:
    answer = await exchange(served, request_bytes)

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert peer.read == []


async def test_who_reads_slowly_gets_all_the_same(served: Server, peer: Peer) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port, limit=1024)
    writer.write(get("/direct/big") * 29 + get("/direct/big", is_last=True))
    async with asyncio.timeout(30):
        await peer.has_read.wait()
        await asyncio.sleep(0.2)
        made = len(peer.read)
        answer = await reader.read()
    writer.close()

    assert made < 30
    assert answer.count(BIG) == 30
    assert answer.count(b"HTTP/1.1 200 OK\r\n") == 30


async def test_who_hung_up_is_not_written_to(served: Server, peer: Peer) -> None:
    peer.may_reply.clear()
    _, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(get("/direct/json"))
    await peer.has_read.wait()
    writer.transport.abort()
    await asyncio.sleep(0.05)
    peer.may_reply.set()

    answer = await exchange(served, get("/direct/empty", is_last=True))

    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")


async def test_who_asks_and_says_no_more_gets_the_answer(served: Server, peer: Peer) -> None:
    peer.may_reply.clear()
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(get("/direct/json"))
    writer.write_eof()
    await peer.has_read.wait()
    asyncio.get_running_loop().call_later(0.05, peer.may_reply.set)
    async with asyncio.timeout(30):
        answer = await reader.read()
    writer.close()

    assert b'{"a":1}' in answer


async def test_an_idle_connection_is_closed(served: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(direct, "HEAD_SECONDS", 0.05)

    assert await exchange(served) == b""


async def test_what_is_in_hand_is_answered_when_the_server_stops(served: Server, peer: Peer) -> None:
    peer.may_reply.clear()
    asked = asyncio.create_task(exchange(served, get("/direct/json")))
    await peer.has_read.wait()
    asyncio.get_running_loop().call_later(0.05, peer.may_reply.set)
    await served.stop()

    assert b'{"a":1}' in await asked
