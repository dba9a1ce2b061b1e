"""Open lines out: WebSockets and TCP, to real peers on loopback."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest
import structlog
from aiohttp import web

from switchhook.core.errors import ForbiddenTarget, HubError, Misconfigured, PeerDown, Refused
from switchhook.core.sockets import Stream
from switchhook.net import open_socket, open_stream
from switchhook.net.sockets import SocketClient
from tests.net.peers import Names, listening
from tests.servers.certificates import Identity, make_identity

LOOPBACK = Names(["127.0.0.1"])
SECRET = "Basic c3dpdGNoaG9vazpodW50ZXIy"

Talk = Callable[[web.WebSocketResponse], Awaitable[None]]


@dataclass
class WebPeer:
    """A WebSocket server that says what it is told to."""

    port: int = 0
    headers: list[dict[str, str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ari/events?app=switchhook"


async def echoes(socket: web.WebSocketResponse) -> None:
    async for message in socket:
        await socket.send_str(message.data)


@asynccontextmanager
async def web_peer(
    talk: Talk = echoes, *, tls: ssl.SSLContext | None = None, autoping: bool = True
) -> AsyncIterator[WebPeer]:
    peer = WebPeer()

    async def open_it(request: web.Request) -> web.WebSocketResponse:
        peer.headers.append(dict(request.headers))
        socket = web.WebSocketResponse(protocols=("ari",), autoping=autoping)
        await socket.prepare(request)
        await talk(socket)
        return socket

    app = web.Application()
    app.router.add_get("/ari/events", open_it)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    peer.port = runner.addresses[0][1]
    try:
        yield peer
    finally:
        await runner.cleanup()


@pytest.fixture
async def client() -> AsyncIterator[SocketClient]:
    async with SocketClient(lookup=LOOPBACK) as client:
        yield client


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return make_identity("pbx.example.test", tmp_path_factory.mktemp("tls"))


# WebSockets.


async def test_texts_go_both_ways_with_headers_and_subprotocol(client: SocketClient) -> None:
    async with (
        web_peer() as peer,
        client.granted(allow_private=True).websocket(
            peer.url, headers={"Authorization": SECRET}, subprotocol="ari"
        ) as socket,
    ):
        await socket.send("hällo")
        heard = await socket.receive()

    assert heard == "hällo"
    assert peer.headers[0]["Authorization"] == SECRET
    assert peer.headers[0]["Sec-WebSocket-Protocol"] == "ari"


async def test_any_number_of_tasks_sends(client: SocketClient) -> None:
    async with web_peer() as peer, client.websocket(peer.url, allow_private=True) as socket:
        await asyncio.gather(*(socket.send(str(number)) for number in range(50)))

        assert {await socket.receive() for _ in range(50)} == {str(number) for number in range(50)}


async def test_says_who_closed_and_why(client: SocketClient) -> None:
    async def closes(socket: web.WebSocketResponse) -> None:
        await socket.close(code=4001, message="replaced\u202e by\nanother".encode())

    async with web_peer(closes) as peer, client.websocket(peer.url, allow_private=True) as socket:
        with pytest.raises(PeerDown, match=r"closed the WebSocket \(4001: replaced by another\)$"):
            await socket.receive()
        with pytest.raises(PeerDown, match=r"is closed$"):
            await socket.receive()
        with pytest.raises(PeerDown, match=r"is closed$"):
            await socket.send("too late")
        await socket.close()


async def test_closing_wakes_whoever_receives(client: SocketClient) -> None:
    async with web_peer() as peer, client.websocket(peer.url, allow_private=True) as socket:
        receiving = asyncio.create_task(socket.receive())
        await asyncio.sleep(0.01)
        await socket.close()

        with pytest.raises(PeerDown):
            await receiving


async def test_a_peer_that_is_silent_to_pings_is_given_up() -> None:
    async def sleeps(socket: web.WebSocketResponse) -> None:
        await asyncio.sleep(5)

    began = time.monotonic()
    async with (
        SocketClient(lookup=LOOPBACK, heartbeat_seconds=0.2) as client,
        web_peer(sleeps, autoping=False) as peer,
        client.websocket(peer.url, allow_private=True) as socket,
    ):
        with pytest.raises(PeerDown, match="does not answer our pings"):
            await socket.receive()

    assert time.monotonic() - began < 2


async def test_a_peer_that_answers_pings_may_be_silent() -> None:
    async with (
        SocketClient(lookup=LOOPBACK, heartbeat_seconds=0.1) as client,
        web_peer() as peer,
        client.websocket(peer.url, allow_private=True) as socket,
    ):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.6):
                await socket.receive()


@pytest.mark.parametrize(
    ("status", "error"), [(401, Refused), (403, Refused), (404, PeerDown), (500, PeerDown)]
)
async def test_a_handshake_that_is_answered_otherwise(
    client: SocketClient, status: int, error: type[HubError]
) -> None:
    async with listening(lambda exchange: exchange.answer(status=f"{status} No")) as peer:
        with pytest.raises(error, match=str(status)):
            async with client.websocket(f"http://127.0.0.1:{peer.port}/ari/events", allow_private=True):
                pass


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
async def test_redirects_are_not_followed(client: SocketClient, status: str) -> None:
    async with listening() as elsewhere:
        where = f"Location: http://127.0.0.1:{elsewhere.port}/"
        async with listening(lambda exchange: exchange.answer(status=status, headers=[where])) as peer:
            with pytest.raises(PeerDown, match="answers 30"):
                async with client.websocket(f"ws://127.0.0.1:{peer.port}/", allow_private=True):
                    pass

    assert (peer.connections, elsewhere.connections) == (1, 0)


async def test_a_message_over_the_size_ends_the_socket(client: SocketClient) -> None:
    async def floods(socket: web.WebSocketResponse) -> None:
        await socket.send_str("x" * 2000)
        await asyncio.sleep(5)

    async with (
        web_peer(floods) as peer,
        client.websocket(peer.url, allow_private=True, max_message_bytes=1000) as socket,
    ):
        with pytest.raises(PeerDown, match=r"broke the rules of WebSocket \(1009\)"):
            await socket.receive()


async def test_bytes_end_the_socket(client: SocketClient) -> None:
    async def sends_bytes(socket: web.WebSocketResponse) -> None:
        await socket.send_bytes(b"\0")
        await asyncio.sleep(5)

    async with web_peer(sends_bytes) as peer, client.websocket(peer.url, allow_private=True) as socket:
        with pytest.raises(PeerDown, match="sent bytes"):
            await socket.receive()


async def test_a_peer_that_reads_nothing_is_given_up(
    client: SocketClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_socket, "WRITE_SECONDS", 0.2)
    enough = asyncio.Event()

    async def reads_nothing(socket: web.WebSocketResponse) -> None:
        await enough.wait()

    async with web_peer(reads_nothing) as peer, client.websocket(peer.url, allow_private=True) as socket:
        sent = await asyncio.gather(*(socket.send("x" * 64_000) for _ in range(1000)), return_exceptions=True)
        enough.set()

    failed = [one for one in sent if one is not None]
    assert "took nothing" in str(failed[0])
    assert {type(one) for one in failed} == {PeerDown}


async def test_a_sender_that_gives_up_stops_no_other(client: SocketClient) -> None:
    enough = asyncio.Event()
    heard: asyncio.Queue[str] = asyncio.Queue()

    async def reads_late(socket: web.WebSocketResponse) -> None:
        await enough.wait()
        async for message in socket:
            heard.put_nowait(message.data)

    async with web_peer(reads_late) as peer, client.websocket(peer.url, allow_private=True) as socket:
        sending = [asyncio.create_task(socket.send("x" * 64_000)) for _ in range(500)]
        await asyncio.sleep(0.1)
        waiting = [task for task in sending if not task.done()]
        for task in waiting[:3]:
            task.cancel()
        await asyncio.sleep(0)
        enough.set()
        results = await asyncio.gather(*sending, return_exceptions=True)
        await socket.send("last")
        async with asyncio.timeout(20):
            while await heard.get() != "last":
                pass

    assert len(waiting) > 3
    assert [one for one in results if one is not None and not isinstance(one, asyncio.CancelledError)] == []
    assert sum(isinstance(one, asyncio.CancelledError) for one in results) == 3


async def test_a_peer_that_does_not_answer_the_handshake(client: SocketClient) -> None:
    async with listening(lambda exchange: asyncio.sleep(5)) as peer:
        with pytest.raises(PeerDown, match=r"did not answer in time \(0.2 s\)"):
            async with client.websocket(
                f"ws://127.0.0.1:{peer.port}/", allow_private=True, connect_seconds=0.2
            ):
                pass


async def test_nothing_of_the_headers_or_the_path_is_told(client: SocketClient) -> None:
    async with listening(lambda exchange: exchange.answer(status="401 No")) as peer:
        with structlog.testing.capture_logs() as logs, pytest.raises(Refused) as refused:
            async with client.websocket(
                f"ws://127.0.0.1:{peer.port}/ari/events?api_key=hunter2",
                allow_private=True,
                headers={"Authorization": SECRET},
            ):
                pass
        with pytest.raises(Misconfigured) as wrong:
            async with client.websocket(
                f"ws://127.0.0.1:{peer.port}/",
                allow_private=True,
                headers={"Authorization": SECRET + "\r\nX: y"},
            ):
                pass

    told = f"{refused.value}{refused.value.__cause__}{wrong.value}{logs}"
    assert SECRET not in told
    assert "hunter2" not in told


# TCP.


async def test_bytes_go_both_ways(client: SocketClient) -> None:
    async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"Asterisk Call Manager\r\n" + await reader.readline())
        await writer.drain()
        writer.close()

    granted = client.granted(allow_private=True)
    async with tcp_peer(answers) as port, granted.stream("pbx.example.test", port) as stream:
        await stream.write(b"Action: Ping\r\n")
        heard = await read_all(stream)

    assert heard == b"Asterisk Call Manager\r\nAction: Ping\r\n"


async def test_the_end_of_a_stream_is_told_apart(client: SocketClient) -> None:
    async with tcp_peer(hangs_up) as port, client.stream("127.0.0.1", port, allow_private=True) as stream:
        with pytest.raises(PeerDown, match=f"^tcp://127.0.0.1:{port} hung up$"):
            await stream.read()
        await stream.close()
        with pytest.raises(PeerDown, match=r"is closed$"):
            await stream.write(b"too late")


async def test_reads_are_bounded(client: SocketClient) -> None:
    async def floods(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"x" * 1_000_000)
        await writer.drain()
        writer.close()

    async with tcp_peer(floods) as port, client.stream("127.0.0.1", port, allow_private=True) as stream:
        await asyncio.sleep(0.05)
        sizes = [len(await stream.read()) for _ in range(5)]

    assert max(sizes) <= 64 * 1024


async def test_a_stream_that_takes_nothing_is_given_up(
    client: SocketClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_stream, "WRITE_SECONDS", 0.2)
    enough = asyncio.Event()

    async def reads_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await enough.wait()
        writer.close()

    async with (
        tcp_peer(reads_nothing) as port,
        client.stream("127.0.0.1", port, allow_private=True) as stream,
    ):
        with pytest.raises(PeerDown, match="took nothing"):
            await asyncio.gather(*(stream.write(b"x" * 64_000) for _ in range(1000)))
        enough.set()


async def test_nobody_listens(client: SocketClient, free_port: Callable[[], int]) -> None:
    port = free_port()

    with pytest.raises(PeerDown, match=f"^tcp://127.0.0.1:{port} refuses connections$"):
        async with client.stream("127.0.0.1", port, allow_private=True):
            pass
    with pytest.raises(PeerDown, match=f"^http://127.0.0.1:{port} refuses connections$"):
        async with client.websocket(f"ws://127.0.0.1:{port}/", allow_private=True):
            pass


async def test_a_name_that_nobody_knows() -> None:
    async with SocketClient(lookup=Names()) as client:
        with pytest.raises(PeerDown, match="cannot be found: DNS says"):
            async with client.stream("pbx.example.test", 5038, allow_private=True):
                pass
        with pytest.raises(PeerDown, match="cannot be found: DNS says"):
            async with client.websocket("ws://pbx.example.test:8088/", allow_private=True):
                pass


async def test_the_second_address_is_tried_when_the_first_is_dead(free_port: Callable[[], int]) -> None:
    async with (
        tcp_peer(hangs_up) as port,
        SocketClient(lookup=Names(["127.0.0.2", "127.0.0.1"])) as client,
        client.stream("pbx.example.test", port, allow_private=True) as stream,
    ):
        with pytest.raises(PeerDown, match="hung up"):
            await stream.read()


# TLS.


async def test_a_trusted_certificate_opens(identity: Identity) -> None:
    async with SocketClient(lookup=LOOPBACK, tls=identity.client) as client:
        async with web_peer(tls=identity.server) as peer:
            url = f"wss://pbx.example.test:{peer.port}/ari/events"
            async with client.websocket(url, allow_private=True) as socket:
                await socket.send("hello")
                assert await socket.receive() == "hello"
        async with (
            tcp_peer(hangs_up, tls=identity.server) as port,
            client.stream("pbx.example.test", port, tls=True, allow_private=True) as stream,
        ):
            with pytest.raises(PeerDown, match=f"tls://pbx.example.test:{port} hung up"):
                await stream.read()


async def test_certificates_of_others_do_not(identity: Identity) -> None:
    async with SocketClient(lookup=LOOPBACK) as client:  # trusts the system's authorities only
        async with web_peer(tls=identity.server) as peer:
            with pytest.raises(PeerDown, match="certificate"):
                async with client.websocket(f"wss://pbx.example.test:{peer.port}/", allow_private=True):
                    pass
        async with tcp_peer(hangs_up, tls=identity.server) as port:
            with pytest.raises(PeerDown, match="certificate"):
                async with client.stream("pbx.example.test", port, tls=True, allow_private=True):
                    pass


async def test_a_certificate_for_another_name_does_not(identity: Identity) -> None:
    async with (
        SocketClient(lookup=LOOPBACK, tls=identity.client) as client,
        tcp_peer(hangs_up, tls=identity.server) as port,
    ):
        with pytest.raises(PeerDown, match=r"(?i)hostname mismatch"):
            async with client.stream("other.example.test", port, tls=True, allow_private=True):
                pass


# Where we never connect.


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "2130706433", "0x7f000001", "127.1", "0.0.0.0", "127.0.0.1.", "::1", "::",
     "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "localhost", "pbx.example.test",
     "169.254.169.254"],
)  # fmt: skip
async def test_makes_no_connection_without_a_grant(host: str) -> None:
    async with (
        listening() as peer,
        SocketClient(ports={peer.port}, stream_ports={peer.port}, lookup=LOOPBACK) as client,
    ):
        with pytest.raises(ForbiddenTarget, match="public address"):
            async with client.granted(allow_private=False).stream(host, peer.port):
                pass
        url = f"ws://{f'[{host}]' if ':' in host else host}:{peer.port}/"
        with pytest.raises(ForbiddenTarget, match="public address"):
            async with client.granted(allow_private=False).websocket(url):
                pass

    assert peer.connections == 0


@pytest.mark.parametrize("address", ["169.254.169.254", "100.100.100.200", "fe80::1", "224.0.0.1"])
async def test_some_addresses_are_never_connected_to(address: str) -> None:
    async with SocketClient(lookup=Names([address])) as client:
        with pytest.raises(ForbiddenTarget):
            async with client.stream("pbx.example.test", 5038, allow_private=True):
                pass
        with pytest.raises(ForbiddenTarget):
            async with client.websocket("ws://pbx.example.test:8088/", allow_private=True):
                pass


async def test_ports_without_a_grant_are_few(client: SocketClient) -> None:
    with pytest.raises(ForbiddenTarget, match="expected port 5038, 5039"):
        async with client.stream("8.8.8.8", 25, allow_private=False):
            pass
    with pytest.raises(ForbiddenTarget, match="expected port 80, 443"):
        async with client.websocket("ws://8.8.8.8:8088/", allow_private=False):
            pass


async def test_what_was_judged_is_what_is_connected_to() -> None:
    """A name server that changes its mind is asked once for a connection."""
    names = Names(["127.0.0.1"], ["169.254.169.254"])
    async with tcp_peer(hangs_up) as port, SocketClient(lookup=names) as client:
        async with client.stream("pbx.example.test", port, allow_private=True):
            asked_for_one = len(names.asked)
        with pytest.raises(ForbiddenTarget, match="link-local"):
            async with client.stream("pbx.example.test", port, allow_private=True):
                pass

    assert asked_for_one == 1


async def test_no_line_goes_past_an_egress_proxy_without_a_grant() -> None:
    async with SocketClient(lookup=LOOPBACK, has_proxy=True) as client:
        with pytest.raises(ForbiddenTarget, match="egress proxy"):
            async with client.stream("8.8.8.8", 5038, allow_private=False):
                pass
        with pytest.raises(ForbiddenTarget, match="egress proxy"):
            async with client.websocket("wss://8.8.8.8/", allow_private=False):
                pass


@pytest.mark.parametrize("host", ["", "pbx/evil", "a@b", "pbx\r\nX", "a b", "[::1]", "pbx?x", "pbx#x"])
async def test_what_is_no_host(client: SocketClient, host: str) -> None:
    with pytest.raises(Misconfigured):
        async with client.stream(host, 5038, allow_private=True):
            pass


@pytest.mark.parametrize("port", [0, -1, 65536])
async def test_what_is_no_port(client: SocketClient, port: int) -> None:
    with pytest.raises(Misconfigured, match="port"):
        async with client.stream("127.0.0.1", port, allow_private=True):
            pass


# The peers of this module.


async def hangs_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


@asynccontextmanager
async def tcp_peer(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    *,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[int]:
    """Give the port of a TCP server on loopback."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        finally:
            writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(serve_one(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # for the connections to be closed


async def read_all(stream: Stream) -> bytes:
    heard = b""
    with suppress(PeerDown):
        while True:
            heard += await stream.read()
    return heard
