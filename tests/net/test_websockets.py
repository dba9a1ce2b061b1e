"""WebSockets that we open, to real peers on loopback."""

import asyncio
import time

import pytest
import structlog
from aiohttp import web

from switchhook.core.errors import HubError, Misconfigured, PeerDown, Refused
from switchhook.net import open_socket
from switchhook.net.sockets import SocketClient
from tests.net.lines import LOOPBACK, SECRET, web_peer
from tests.net.peers import listening


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
