"""TCP connections that we open, in clear and by TLS, to real peers on loopback."""

import asyncio
from collections.abc import Callable

import pytest

from switchhook.core.errors import PeerDown
from switchhook.net import open_stream
from switchhook.net.sockets import SocketClient
from tests.net.lines import LOOPBACK, hangs_up, read_all, tcp_peer, web_peer
from tests.net.peers import Names
from tests.servers.certificates import Identity


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
