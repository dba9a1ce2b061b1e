"""Heads of short messages are read and written once, and never taken for each other."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchhook.core.edge import Reply
from switchhook.net import heads
from switchhook.net.asgi import Receive, Scope, Send, read_request, send_reply, short_cut_of
from switchhook.net.heads import read_head, write_head
from switchhook.net.server import Server

TOKENS = st.text("abcXYZ-019", min_size=1, max_size=12)
VALUES = st.text("abc XYZ,;=/019", max_size=20).map(str.strip)
FIELDS = st.lists(st.tuples(TOKENS, VALUES), max_size=6)


@given(
    method=st.sampled_from(["GET", "POST", "PUT"]),
    path=st.text("abc/09", max_size=12),
    query=st.text("abc=&09", max_size=12),
    fields=FIELDS,
    length=st.integers(0, 10**8),
)
def test_what_is_read_is_what_was_written(
    method: str, path: str, query: str, fields: list[tuple[str, str]], length: int
) -> None:
    lines = [f"{method} /x{path}?{query} HTTP/1.1", *(f"{name}: {value}" for name, value in fields)]
    data = "\r\n".join([*lines, f"Content-Length: {length}", "", ""]).encode()

    for _ in range(2):
        head = read_head(data)
        assert head is not None
        assert (head.method, head.path, head.query) == (method, f"/x{path}", query.encode())
        assert head.length == length
        assert head.pairs == [
            *((name.lower().encode(), value.encode()) for name, value in fields),
            (b"content-length", str(length).encode()),
        ]
        assert head.headers == {name.decode(): value.decode() for name, value in head.pairs}


@pytest.mark.parametrize(
    ("more", "is_kept"),
    [("", True), ("Connection: close\r\n", False), ("Connection: keep-alive\r\n", True)],
)
def test_the_sender_says_whether_the_connection_is_kept(more: str, is_kept: bool) -> None:
    head = read_head(f"POST /x HTTP/1.1\r\n{more}\r\n".encode())

    assert head is not None
    assert head.is_kept is is_kept
    assert write_head(200, [], is_kept=is_kept)[1] is is_kept


@pytest.mark.parametrize(
    "data",
    [
        b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST /x HTTP/1.1\r\nExpect: 100-continue\r\n\r\n",
        b"POST //x HTTP/1.1\r\n\r\n",
        b"POST /%78 HTTP/1.1\r\n\r\n",
        b"POST x HTTP/1.1\r\n\r\n",
        b"POST /x HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST /x HTTP/1.1\r\nContent-Length: 1234567890\r\n\r\n",
        b"POST /x HTTP/1.1\r\nno header\r\n\r\n",
        b"POST /x HTTP/1.1\r\n" + b"a: b\r\n" * 101 + b"\r\n",
        b"POST /x HTTP/1.1\r\na: " + b"b" * 20_000 + b"\r\n\r\n",
    ],
)
def test_what_is_not_plain_is_left_to_others_each_time(data: bytes) -> None:
    assert [read_head(data), read_head(data)] == [None, None]


def test_long_heads_are_read_and_not_remembered() -> None:
    remembered = heads._read_and_remember.cache_info().currsize
    head = read_head(b"POST /x HTTP/1.1\r\na: " + b"b" * heads.LONGEST_REMEMBERED + b"\r\n\r\n")

    assert head is not None
    assert len(head.headers["a"]) == heads.LONGEST_REMEMBERED
    assert heads._read_and_remember.cache_info().currsize == remembered


@pytest.mark.parametrize("text", [b"1\r\nx-b: 2", b"1\n", b"\r", b"a\0b"])
def test_no_control_character_is_written(text: bytes) -> None:
    for _ in range(2):
        with pytest.raises(ValueError, match="control characters"):
            write_head(200, [(b"x-a", text)], is_kept=True)


async def test_messages_of_one_head_are_told_apart_by_their_bodies() -> None:
    seen: list[tuple[str, bytes]] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        request = await read_request(scope, receive, path=scope["path"], client="")
        seen.append((request.headers["x-key"], request.body))
        reply = Reply(body=request.headers["x-key"].encode() + b" " + request.body)
        await send_reply(send, reply, short_cut=short_cut_of(scope))

    sent = [(key, body) for key in ("one", "two") for body in (b"1234", b"5678")] * 2
    async with Server(app, takes=lambda path: True) as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        for key, body in sent:
            writer.write(f"POST /x HTTP/1.1\r\nX-Key: {key}\r\nContent-Length: 4\r\n\r\n".encode() + body)
            await reader.readuntil(b"\r\n\r\n")
            assert await reader.readexactly(8) == key.encode() + b" " + body
        writer.close()

    assert seen == sent
