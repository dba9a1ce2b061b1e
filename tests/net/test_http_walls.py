"""Where the HTTP client never connects, and the proxy that may stand behind it as a second wall."""

import socket
from collections.abc import AsyncIterator

import aiohttp
import pytest

from switchhook.core.errors import ForbiddenTarget
from switchhook.net.http import HttpClient
from switchhook.net.wall import Wall
from tests.net.peers import Exchange, Names, listening

LOOPBACK = Names(["127.0.0.1"])


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    async with HttpClient(lookup=LOOPBACK) as client:
        yield client


# Where we never connect.


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "2130706433", "0x7f000001", "017700000001", "127.1", "0177.0.0.1", "0.0.0.0", "0",
     "127.0.0.1.", "①②⑦.0.0.1", "127。0。0。1", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::127.0.0.1]",
     "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "localhost", "pbx.example.test", "127.0.0.1.nip.example"],
)  # fmt: skip
async def test_makes_no_connection_without_a_grant(host: str) -> None:
    async with listening() as peer, HttpClient(ports={peer.port}, lookup=LOOPBACK) as client:
        with pytest.raises(ForbiddenTarget, match="public address"):
            await client.send("GET", f"http://{host}:{peer.port}/", allow_private=False)
        with pytest.raises(ForbiddenTarget):
            async with client.download(
                f"http://{host}:{peer.port}/", allow_private=False, max_bytes=1, total_seconds=1
            ):
                pass

    assert peer.connections == 0


async def test_makes_no_connection_to_a_port_that_is_not_listed(client: HttpClient) -> None:
    async with listening() as peer:
        with pytest.raises(ForbiddenTarget, match="expected port 80, 443"):
            await client.send("GET", f"http://8.8.8.8:{peer.port}/", allow_private=False)

    assert peer.connections == 0


async def test_one_denied_address_among_many_is_enough() -> None:
    names = Names(["8.8.8.8", "127.0.0.1"])
    async with listening() as peer, HttpClient(ports={peer.port}, lookup=names) as client:
        with pytest.raises(ForbiddenTarget):
            await client.send("GET", f"http://crm.example.test:{peer.port}/", allow_private=False)

        assert peer.connections == 0


async def test_what_was_judged_is_what_is_connected_to() -> None:
    """A name server that changes its mind (DNS rebinding) is asked once for a connection."""
    names = Names(["127.0.0.1"], ["169.254.169.254"])

    async def closes(exchange: Exchange) -> None:
        await exchange.answer(b"ok", headers=["Connection: close"])

    async with listening(closes) as peer, HttpClient(lookup=names) as client:
        url = f"http://pbx.example.test:{peer.port}/"
        answer = await client.send("GET", url, allow_private=True)
        asked_for_one = len(names.asked)
        with pytest.raises(ForbiddenTarget, match="link-local"):
            await client.send("GET", url, allow_private=True)

    assert (answer.status, asked_for_one, peer.connections) == (200, 1, 1)


async def test_a_connection_of_a_granted_one_is_not_lent() -> None:
    async with listening() as peer, HttpClient(ports={peer.port}, lookup=LOOPBACK) as client:
        url = f"http://pbx.example.test:{peer.port}/"
        await client.send("GET", url, allow_private=True)
        with pytest.raises(ForbiddenTarget):
            await client.send("GET", url, allow_private=False)

        assert (peer.connections, len(peer.heads)) == (1, 1)


@pytest.mark.parametrize(
    "address", [("127.0.0.1", 80), ("::ffff:127.0.0.1", 80, 0, 0), ("pbx.example.test", 80)]
)
def test_every_socket_is_judged_once_more(address: tuple[str, int]) -> None:
    wall = Wall(allow_private=False, lookup=LOOPBACK)

    with pytest.raises(ForbiddenTarget):
        wall.open_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", address))


async def test_the_library_asks_the_wall_for_every_socket() -> None:
    """A literal passes by the resolver; the last judgement must not be passed by."""
    wall = Wall(allow_private=False, lookup=LOOPBACK)
    async with listening() as peer:
        connector = aiohttp.TCPConnector(resolver=wall, socket_factory=wall.open_socket)
        async with aiohttp.ClientSession(connector=connector) as session:
            with pytest.raises(ForbiddenTarget):
                await session.get(peer.url)

    assert peer.connections == 0


async def test_the_grant_is_bound_to_a_connection(client: HttpClient) -> None:
    async with listening() as peer:
        answer = await client.granted(allow_private=True).send("GET", peer.url)
        with pytest.raises(ForbiddenTarget):
            await client.granted(allow_private=False).send("GET", peer.url)

    assert (answer.status, peer.connections) == (200, 1)


# The second wall.


async def test_requests_without_a_grant_go_by_the_proxy() -> None:
    async with (
        listening() as proxy,
        listening() as pbx,
        HttpClient(proxy=f"http://hub:pw@127.0.0.1:{proxy.port}", lookup=Names()) as client,
    ):
        await client.send("GET", "http://crm.example.test/x?y=1", allow_private=False)
        await client.send("GET", pbx.url, allow_private=True)

    assert proxy.heads[0].startswith("GET http://crm.example.test/x?y=1 HTTP/1.1\r\n")
    assert "Proxy-Authorization: Basic aHViOnB3" in proxy.heads[0]
    assert (len(proxy.heads), len(pbx.heads)) == (1, 1)
    assert "authorization" not in pbx.heads[0].lower()


@pytest.mark.parametrize("host", ["127.0.0.1", "pbx.example.test"])
async def test_the_first_wall_stands_before_the_proxy_too(host: str) -> None:
    async with listening() as proxy, HttpClient(proxy=proxy.url, lookup=LOOPBACK) as client:
        with pytest.raises(ForbiddenTarget):
            await client.send("GET", f"http://{host}/", allow_private=False)

        assert proxy.connections == 0


async def test_a_refusal_of_the_proxy_is_a_forbidden_target() -> None:
    async def denies(exchange: Exchange) -> None:
        await exchange.answer(status="407 Request rejected by proxy")

    async with (
        listening(denies) as proxy,
        HttpClient(proxy=f"http://hub:pw@127.0.0.1:{proxy.port}", lookup=Names()) as client,
    ):
        with pytest.raises(ForbiddenTarget, match="egress proxy"):
            await client.send("GET", "https://crm.example.test/", allow_private=False)

        assert proxy.heads[0].startswith("CONNECT crm.example.test:443 ")
        assert "Proxy-Authorization: Basic aHViOnB3" in proxy.heads[0]
