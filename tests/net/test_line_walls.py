"""Open lines go only to where their connection was let."""

import pytest

from switchhook.core.errors import ForbiddenTarget, Misconfigured
from switchhook.net.sockets import SocketClient
from tests.net.lines import LOOPBACK, hangs_up, tcp_peer
from tests.net.peers import Names, listening


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
