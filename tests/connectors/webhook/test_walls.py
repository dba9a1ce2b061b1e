"""Where events never go: addresses that are not public, however they are written, named or redirected to.

Nobody is connected to meanwhile: neither the listener on loopback nor anything that Python would open.
"""

from collections.abc import Sequence
from typing import cast

import pytest

from switchhook.core.call import ChangeKind
from switchhook.core.connector import Hub, Link
from switchhook.core.outcome import Delivered, GiveUp, Locked, Outcome
from switchhook.net.http import HttpClient
from tests.connectors.webhook.receiver import SIDE, link_to, receiving
from tests.connectors.webhook.sockets import connections_tried
from tests.connectors.webhook.story import example
from tests.net.peers import Names

LOOPBACK = (
    "127.0.0.1", "127.1", "127.0.1", "127.255.255.254", "2130706433", "0x7f000001", "0x7f.1", "017700000001",
    "0177.0.0.1", "0.0.0.0", "0", "127.0.0.1.", "①②⑦.0.0.1", "127。0。0。1", "１２７.０.０.１",
    "[::1]", "[0:0:0:0:0:0:0:1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]",
)  # fmt: skip
PRIVATE = (
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "0xc0a80101",
    "100.64.0.1",
    "[fc00::1]",
    "[::ffff:10.0.0.1]",
)
# What ipaddress.is_global calls public, or what stands for another address.
SPECIAL = (
    "192.0.0.8", "192.88.99.1", "224.0.0.1", "255.255.255.255", "240.0.0.1", "198.18.0.1", "192.0.2.1",
    "[64:ff9b::7f00:1]", "[64:ff9b:1::1]", "[2002:7f00:1::]", "[fec0::1]", "[ff02::1]", "[3fff::1]",
    "[5f00::1]", "[::7f00:1]", "[2001:db8::1]", "[2001:0:7f00:1::]", "[100::1]",
)  # fmt: skip
LINK_LOCAL = ("169.254.169.254", "0xa9fea9fe", "2852039166", "[fe80::1]", "[::ffff:169.254.169.254]")
DENIED = (*LOOPBACK, *PRIVATE, *SPECIAL, *LINK_LOCAL)
# Of these there is no grant at all.
NEVER = ("224.0.0.1", "255.255.255.255", "[64:ff9b:1::1]", "[ff02::1]", *LINK_LOCAL)
# As a name server gives them.
ANSWERS = (
    "127.0.0.1", "10.0.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "::1", "::",
    "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "fe80::1", "fc00::1", "192.0.0.8", "::7f00:1",
)  # fmt: skip


async def deliver(link: Link) -> Outcome:
    assert SIDE.deliver is not None
    told = next(one for one in example() if one.change.kind is ChangeKind.CALL_FINAL)
    return await SIDE.deliver(told.change, told.call, link, cast(Hub, None))


async def try_all(url: str, *names: Sequence[str], port: int, grant: bool = False) -> tuple[Outcome, bool]:
    """Deliver an event and try the connection; give what came of both."""
    async with HttpClient(ports={port}, lookup=Names(*names)) as client:
        link = link_to(url, client.granted(allow_private=grant))
        assert SIDE.probe is not None
        findings = await SIDE.probe(link, cast(Hub, None))
        return await deliver(link), findings[0].is_ok


@pytest.mark.parametrize("host", DENIED)
async def test_an_address_that_is_not_public_is_never_connected_to(host: str) -> None:
    async with receiving() as receiver:
        port = receiver.peer.port
        with connections_tried() as tried:
            outcome, is_ok = await try_all(f"http://{host}:{port}/hooks", port=port)

    assert isinstance(outcome, Locked)
    assert "expected a" in outcome.reason
    assert (is_ok, receiver.peer.connections, tried) == (False, 0, [])


@pytest.mark.parametrize("address", ANSWERS)
async def test_a_name_that_stands_for_such_an_address_is_never_connected_to(address: str) -> None:
    async with receiving() as receiver:
        port = receiver.peer.port
        url = f"http://program.example.test:{port}/hooks"
        with connections_tried() as tried:
            alone, alone_is_ok = await try_all(url, [address], port=port)
            among, among_is_ok = await try_all(url, ["8.8.8.8", address], port=port)

    assert isinstance(alone, Locked)
    assert isinstance(among, Locked)
    assert (alone_is_ok, among_is_ok, receiver.peer.connections, tried) == (False, False, 0, [])


@pytest.mark.parametrize("host", NEVER)
async def test_a_grant_does_not_open_what_is_never_reached(host: str) -> None:
    with connections_tried() as tried:
        outcome, is_ok = await try_all(f"http://{host}/hooks", port=80, grant=True)

    assert isinstance(outcome, Locked)
    assert (is_ok, tried) == (False, [])


@pytest.mark.parametrize("status", ["301 Moved Permanently", "302 Found", "303 See Other", "307 x", "308 x"])
@pytest.mark.parametrize(
    "host", ["127.0.0.1", "2130706433", "[::ffff:127.0.0.1]", "localhost", "169.254.169.254"]
)
async def test_a_redirect_leads_nowhere(status: str, host: str) -> None:
    async with receiving() as receiver, receiving() as inside, HttpClient() as client:
        receiver.say(status, f"Location: http://{host}:{inside.peer.port}/")
        with connections_tried() as tried:
            outcome = await deliver(link_to(receiver.url, client.granted(allow_private=True)))

    assert isinstance(outcome, GiveUp)
    assert (len(receiver.got), inside.peer.connections, tried) == (1, 0, ["127.0.0.1"])


async def test_a_name_that_changes_its_mind_is_judged_each_time() -> None:
    """DNS rebinding: right when it is tried, an inside service when events are sent."""
    names = Names(["127.0.0.1"], ["169.254.169.254"])
    async with receiving() as receiver, HttpClient(lookup=names) as client:
        link = link_to(
            f"http://program.example.test:{receiver.peer.port}/", client.granted(allow_private=True)
        )
        receiver.say("204 No Content", "Connection: close")
        with connections_tried() as tried:
            first = await deliver(link)
            asked_for_one = len(names.asked)
            second = await deliver(link)

    assert isinstance(first, Delivered)
    assert isinstance(second, Locked)
    assert "link-local" in second.reason
    # One question, one judgement, one connection: nothing can change in between.
    assert (asked_for_one, receiver.peer.connections, tried) == (1, 1, ["127.0.0.1"])


async def test_another_port_is_never_connected_to() -> None:
    async with receiving() as receiver, HttpClient(lookup=Names(["127.0.0.1"])) as client:
        with connections_tried() as tried:
            outcome = await deliver(
                link_to(f"http://8.8.8.8:{receiver.peer.port}/", client.granted(allow_private=False))
            )

    assert isinstance(outcome, Locked)
    assert "expected port 80, 443" in outcome.reason
    assert (receiver.peer.connections, tried) == (0, [])


async def test_the_count_of_connections_is_one_that_counts() -> None:
    async with receiving() as receiver, HttpClient() as client:
        with connections_tried() as tried:
            await deliver(link_to(receiver.url, client.granted(allow_private=True)))

    assert (receiver.peer.connections, tried) == (1, ["127.0.0.1"])
