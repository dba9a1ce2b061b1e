"""WebSockets that peers open to a running hub: judged before the upgrade, then held by one run."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest
import structlog

from switchhook.app.hub import Ready, open_hub
from switchhook.core.connector import Connector, Field, Key, Link, Role, Side
from switchhook.core.edge import Reply, Request, reply_json
from switchhook.core.errors import BadMessage, PeerDown, Refused, TooMany, Unsupported
from switchhook.core.link_hub import LinkHub
from switchhook.flow.configure import Configured, change_connection, create_connection
from switchhook.net import inbound_socket, protocol
from switchhook.net.server import MAX_MESSAGE_BYTES
from switchhook.settings import read_place
from switchhook.store.connections import ConnectionStatus, set_status
from switchhook.store.link_leases import get_link
from tests.fakes import eventually

KIND = "exchange"
STATUSES = ((TooMany, 429), (Refused, 401), (BadMessage, 400), (Unsupported, 403))


@dataclass
class Peer:
    """The hub's side of a played exchange: it answers each text with itself, and keeps how sockets ended."""

    heard: list[str] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    is_blocked: bool = False

    async def run(self, link: Link, hub: LinkHub) -> None:
        if self.is_blocked:
            await asyncio.Event().wait()
        while True:
            socket = await hub.next_socket()
            await hub.up("Exchange")
            try:
                while True:
                    self.heard.append(await socket.receive())
                    await socket.send(self.heard[-1])
            except PeerDown as error:
                self.ends.append(error.reason)

    def admit(self, request: Request, link: Link) -> str:
        self.requests.append(request)
        presented = request.headers.get("authorization", "").removeprefix("Basic ")
        if not link.accepts("password", base64.b64decode(presented).decode().partition(":")[2]):
            raise Refused("wrong password")
        if "ari" not in request.headers.get("sec-websocket-protocol", ""):
            raise BadMessage("expected the subprotocol ari")
        return "ari"

    def connector(self) -> Connector:
        side = Side(
            role=Role.PBX,
            fields=(Field(name="host", label="Host"),),
            keys=(Key(name="password", label="Password"),),
            urls={"ari": "/ari"},
            run=self.run,
            admit=self.admit,
        )
        deaf = Side(role=Role.CRM)

        def sorry(error: Exception) -> Reply:
            status = next((status for kind, status in STATUSES if isinstance(error, kind)), 500)
            return reply_json(status, {"message": "no"})

        return Connector(key=KIND, title=KIND, sides={Role.PBX: side, Role.CRM: deaf}, sorry=sorry)


@dataclass(kw_only=True)
class Scene:
    now: Ready
    peer: Peer
    made: Configured
    http: aiohttp.ClientSession

    @property
    def url(self) -> str:
        """Where the peer reaches the hub; the public address is not of this machine."""
        return self.now.url + "/x/" + self.made.urls["ari"].partition("/x/")[2]

    def open(
        self,
        *,
        password: str | None = None,
        url: str | None = None,
        protocols: tuple[str, ...] = ("ari",),
        headers: dict[str, str] | None = None,
    ) -> "AbstractAsyncContextManager[aiohttp.ClientWebSocketResponse[bool]]":
        secret = self.made.keys["password"] if password is None else password
        login = base64.b64encode(f"switchhook:{secret}".encode()).decode()
        headers = {"Authorization": f"Basic {login}"} if headers is None else headers
        return self.http.ws_connect(url or self.url, protocols=protocols, headers=headers)

    async def status_of(self, **kwargs: object) -> int:
        """Give the status with which a handshake is refused; 101 when it is not."""
        try:
            async with self.open(**kwargs):  # type: ignore[arg-type]
                return 101
        except aiohttp.WSServerHandshakeError as refused:
            return refused.status


@asynccontextmanager
async def open_scene(folder: Path, *, is_blocked: bool = False) -> AsyncIterator[Scene]:
    peer = Peer(is_blocked=is_blocked)
    place = read_place(folder, environ={}, given={"port": 0})
    async with (
        open_hub(place, connectors={KIND: peer.connector()}) as now,
        aiohttp.ClientSession() as http,
    ):
        made = await add(now, peer, "pbx")
        yield Scene(now=now, peer=peer, made=made, http=http)


async def add(now: Ready, peer: Peer, role: str) -> Configured:
    desk, connectors = now.desk, {KIND: peer.connector()}
    made = await create_connection(
        desk.store,
        desk.box,
        connectors,
        desk.account_id,
        kind=KIND,
        role=role,
        name="PBX",
        settings={},
        at=datetime.now(UTC),
    )
    await now.registry.refresh()
    return made


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with open_scene(tmp_path) as opened:
        yield opened


async def test_a_socket_with_the_right_key_is_given_to_the_run(scene: Scene) -> None:
    async with scene.open() as socket:
        await socket.send_str("hällo")
        heard = await socket.receive_str(timeout=20)
        protocol = socket.protocol
    await eventually(lambda: bool(scene.peer.ends))
    lease = await scene.now.desk.store.read(get_link, scene.now.desk.account_id, scene.made.id)

    assert (heard, protocol) == ("hällo", "ari")
    assert scene.peer.ends == ["127.0.0.1 closed the WebSocket (1000)"]
    assert scene.peer.requests[0].path == "/ari"
    assert scene.peer.requests[0].client == "127.0.0.1"
    assert lease is not None
    assert lease.what == "Exchange"


async def test_the_newest_socket_counts(scene: Scene) -> None:
    async with scene.open() as first:
        await first.send_str("1")
        await first.receive_str(timeout=20)
        async with scene.open() as second:
            await second.send_str("2")
            heard = await second.receive_str(timeout=20)
            ended = await first.receive(timeout=20)

    assert heard == "2"
    assert ended.type is aiohttp.WSMsgType.CLOSE


@pytest.mark.parametrize("password", ["", "wrong"])
async def test_a_wrong_key_is_refused_before_the_upgrade(scene: Scene, password: str) -> None:
    with structlog.testing.capture_logs() as logs, pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        async with scene.open(password=password):
            pass

    assert refused.value.status == 401
    assert refused.value.headers is not None
    assert refused.value.headers["www-authenticate"] == 'Basic realm="switchhook"'
    assert refused.value.headers["content-type"] == "application/json"
    assert scene.made.keys["password"] not in str(logs)
    assert scene.url.split("/")[4] not in str(logs)


async def test_many_wrong_keys_are_counted_and_the_right_one_opens_all_the_same(scene: Scene) -> None:
    statuses = [await scene.status_of(password="wrong") for _ in range(21)]

    assert statuses == [401] * 19 + [429] * 2
    assert await scene.status_of() == 101


async def test_what_the_connector_does_not_understand_is_told(scene: Scene) -> None:
    assert await scene.status_of(protocols=("soap",)) == 400


async def test_a_connector_that_fails_says_so_without_words(scene: Scene) -> None:
    assert await scene.status_of(headers={"Authorization": "Basic \xff"}) == 500


@pytest.mark.parametrize("path", ["/x/nobody-has-this-key/ari", "/x/", "/", "/healthz", "/api/v1/live"])
async def test_nothing_else_takes_sockets(scene: Scene, path: str) -> None:
    assert await scene.status_of(url=scene.now.url + path) == 404


async def test_a_connection_that_takes_none_is_not_there(scene: Scene) -> None:
    await add(scene.now, scene.peer, "crm")
    crm = next(one for one in scene.now.registry.snapshot.by_id.values() if one.side.role is Role.CRM)

    assert await scene.status_of(url=f"{scene.now.url}/x/{crm.row.url_key}/ari") == 404


async def test_a_paused_connection_takes_none(scene: Scene) -> None:
    desk = scene.now.desk
    await desk.store.write(set_status, desk.account_id, scene.made.id, ConnectionStatus.PAUSED)
    await scene.now.registry.refresh()

    assert await scene.status_of() == 403


async def test_requests_still_go_their_way(scene: Scene) -> None:
    async with scene.http.get(scene.url) as answer:
        assert answer.status == 403
    async with scene.http.get(f"{scene.now.url}/healthz") as answer:
        assert (answer.status, await answer.text()) == (200, "ok\n")


async def test_the_list_of_a_big_pbx_is_one_message(scene: Scene) -> None:
    channels = "x" * (3 * 1024 * 1024)  # some three thousand of them
    async with scene.open() as socket:
        await socket.send_str(channels)
        await eventually(lambda: bool(scene.peer.heard))

    assert scene.peer.heard == [channels]


async def test_a_message_over_the_size_ends_the_socket(scene: Scene) -> None:
    async with scene.open() as socket:
        with suppress(ConnectionError):  # its length says too much: the rest is not waited for
            await socket.send_str("x" * (MAX_MESSAGE_BYTES + 1))
        ended = await socket.receive(timeout=20)
    await eventually(lambda: bool(scene.peer.ends))

    assert ended.type is not aiohttp.WSMsgType.TEXT
    assert scene.peer.heard == []


async def test_bytes_end_the_socket(scene: Scene) -> None:
    async with scene.open() as socket:
        await socket.send_bytes(b"\0")
        ended = await socket.receive(timeout=20)
    await eventually(lambda: bool(scene.peer.ends))

    assert (ended.type, ended.data) == (aiohttp.WSMsgType.CLOSE, 1003)
    assert "sent bytes" in scene.peer.ends[0]


async def test_a_peer_that_reads_nothing_is_given_up(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbound_socket, "WRITE_SECONDS", 0.3)
    login = base64.b64encode(f"switchhook:{scene.made.keys['password']}".encode()).decode()
    reader, writer = await asyncio.open_connection("127.0.0.1", int(scene.now.url.rpartition(":")[2]))
    path = "/" + "/".join(scene.url.split("/")[3:])
    head = (
        f"GET {path} HTTP/1.1\r\nHost: hub\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        f"Authorization: Basic {login}\r\nSec-WebSocket-Protocol: ari\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    writer.write(head.encode())
    await reader.readuntil(b"\r\n\r\n")
    text = b"x" * 60_000
    frame = b"\x81\xfe" + len(text).to_bytes(2, "big") + b"\0\0\0\0" + text
    sending = asyncio.create_task(keep_sending(writer, frame))
    await eventually(lambda: bool(scene.peer.ends))
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    writer.close()

    assert scene.peer.ends == ["127.0.0.1 took nothing for 0.3 s"]


async def keep_sending(writer: asyncio.StreamWriter, data: bytes) -> None:
    for _ in range(5000):
        writer.write(data)
        await writer.drain()


async def test_an_open_socket_outlives_the_time_of_a_head(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.2)
    async with scene.open() as socket:
        await asyncio.sleep(0.6)
        await socket.send_str("still here")
        heard = await socket.receive_str(timeout=20)

    assert heard == "still here"


@pytest.mark.parametrize(
    "path", ["/x/é", "/x/" + "k" * 9000], ids=["not ascii", "longer than the other parser reads"]
)
async def test_a_head_that_cannot_be_read_ends_the_connection(scene: Scene, path: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(scene.now.url.rpartition(":")[2]))
    head = (
        f"GET {path} HTTP/1.1\r\nHost: hub\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    writer.write(head.encode())
    async with asyncio.timeout(20):
        answer = await reader.read()
    writer.close()

    assert b" 101 " not in answer


async def test_a_hub_that_ends_closes_its_sockets(tmp_path: Path) -> None:
    async with aiohttp.ClientSession() as http:
        async with open_scene(tmp_path) as scene:
            scene.http, before = http, scene.http
            socket = await scene.open().__aenter__()
            await socket.send_str("1")
            await socket.receive_str(timeout=20)
            scene.http = before
            began = asyncio.get_running_loop().time()
        seconds = asyncio.get_running_loop().time() - began
        ended = await socket.receive(timeout=20)

    assert ended.type is aiohttp.WSMsgType.CLOSE
    assert seconds < 5


async def test_a_socket_waits_for_a_run_that_is_not_there_yet(tmp_path: Path) -> None:
    """Nothing is lost that the peer sends at once."""
    async with open_scene(tmp_path, is_blocked=True) as scene:
        desk = scene.now.desk
        async with scene.open() as socket:
            await socket.send_str("early")
            scene.peer.is_blocked = False
            await change_connection(
                desk.store,
                desk.box,
                {KIND: scene.peer.connector()},
                desk.account_id,
                scene.made.id,
                settings={"host": "pbx.example"},
            )
            heard = await socket.receive_str(timeout=20)

    assert heard == "early"
