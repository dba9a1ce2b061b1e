"""The printed configuration, loaded into a real Asterisk as it is, makes the link work."""

import asyncio
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from switchhook.connectors.asterisk.as_crm import SIDE
from switchhook.connectors.asterisk.link.here import LASTS_SECONDS
from switchhook.connectors.asterisk.link.run import run
from switchhook.connectors.asterisk.probe import probe
from switchhook.connectors.asterisk.snippets import HIDDEN, snippets
from switchhook.core.connector import DialOrder, Link
from switchhook.core.directory import Caller, GroupKind
from switchhook.core.errors import PeerDown
from switchhook.core.ring_plan import RingPlan, RingStep
from tests.asterisk.actors import FOR_EVER, OUTSIDE, Actors
from tests.asterisk.holding_a_link import until
from tests.asterisk.server import AsteriskServer
from tests.connectors.asterisk.door import door
from tests.connectors.asterisk.holding import MemoryHub, link_to, make_link, running

PASSWORD = "entered-by-hand-77"
LINE = "74950000001"
RELOADS = {
    "http.conf": "module reload http",
    "ari.conf": "module reload res_ari.so",
    "websocket_client.conf": "module reload res_websocket_client.so",
    "manager.conf": "manager reload",
    "extensions.conf": "dialplan reload",
}


class Unheld(MemoryHub):
    """A hub that runs nothing."""

    async def ask_link(self, verb: str, body: object, *, seconds: float = 10) -> None:
        raise PeerDown("nobody holds the link")


@pytest.fixture(scope="module")
def pbx() -> Iterator[AsteriskServer]:
    """One of our own: its files are written over."""
    with AsteriskServer(22) as server:
        yield server


def write(pbx: AsteriskServer, link: Link) -> list[str]:
    """Write what is printed in place of the PBX's own files, but after its own dialplan; give their names."""
    files: defaultdict[str, str] = defaultdict(str)
    for snippet in snippets(link):
        files[snippet.file] += snippet.text.replace(HIDDEN, PASSWORD) + "\n"
    for name, text in files.items():
        path = pbx.folder / "etc" / name
        path.write_text((path.read_text() if name == "extensions.conf" else "") + text)
    return list(files)


async def load(pbx: AsteriskServer, link: Link) -> None:
    """Write the files and have them read."""
    files = await asyncio.to_thread(write, pbx, link)
    # What another depends on is read before it.
    for name in sorted(files, key=list(RELOADS).index):
        if name == "ari.conf" and "websocket_client.conf" in files:
            await asyncio.to_thread(pbx.cli, RELOADS["websocket_client.conf"])
        await asyncio.to_thread(pbx.cli, RELOADS[name])


def complaints(pbx: AsteriskServer, since: int) -> list[str]:
    lines = pbx.log.read_text(errors="replace")[since:].splitlines()
    return [line for line in lines if "ERROR" in line or "WARNING" in line]


async def test_ari(pbx: AsteriskServer) -> None:
    settings = {
        "mode": "ari",
        "url": f"http://127.0.0.1:{pbx.ports.http}",
        "password": PASSWORD,
        "fallback": "101",
    }
    hub = MemoryHub()
    async with link_to(**settings) as link:
        said = len(pbx.log.read_text(errors="replace"))
        await load(pbx, link)
        assert complaints(pbx, said) == []
        async with running(run(link, hub)):
            await until(lambda: bool(hub.ups))
            found = {one.what: one.is_ok for one in await probe(link, Unheld())}
            assert found["user and password"]


@contextmanager
def printed_dialplan(pbx: AsteriskServer, link: Link) -> Iterator[None]:
    """Its `from-trunk` in place of ours."""
    dialplan = pbx.folder / "etc/extensions.conf"
    before = dialplan.read_text()
    text = "".join(one.text for one in snippets(link) if one.file == "extensions.conf")
    dialplan.write_text("[general]\nstatic = yes\n" + text)
    try:
        pbx.cli("dialplan reload")
        yield
    finally:
        dialplan.write_text(before)
        pbx.cli("dialplan reload")


async def test_the_dialplan_goes_on_when_the_hub_is_away(pbx: AsteriskServer) -> None:
    """Nobody serves the application, and the last phone rings."""
    link = make_link({"mode": "ari", "url": "http://127.0.0.1:1", "password": PASSWORD, "fallback": "102"})
    with printed_dialplan(pbx, link):
        async with Actors(pbx) as sip:
            phone = await sip.answers("102")
            await sip.calls("74950000001", talk_seconds=0.5)
            await sip.all_as_scripted()
            assert "ANSWERED" in phone.said


async def test_ami(pbx: AsteriskServer) -> None:
    """The user may do all that is needed, and nothing is told to it that is not read."""
    settings = {
        "mode": "ami",
        "host": "127.0.0.1",
        "port": str(pbx.ami_port),
        "password": PASSWORD,
        "context": "from-the-hub",
        "trunk": "PJSIP/{number}@trunk",
        "caller_id": "74950000009",
        "recordings_url": "http://127.0.0.1:9/monitor",
        "recordings_folder": str(pbx.monitor),
    }
    hub = MemoryHub()
    async with link_to(**settings) as link:
        only_user = [one for one in snippets(link) if one.file == "manager.conf"]
        text = (
            only_user[0]
            .text.replace(HIDDEN, PASSWORD)
            .replace("[general]", "[general]\nbindaddr = 127.0.0.1")
        )
        (pbx.folder / "etc/manager.conf").write_text(text)
        with (pbx.folder / "etc/extensions.conf").open("a") as dialplan:
            dialplan.write("".join(one.text for one in snippets(link) if "from-the-hub" in one.text))
        await asyncio.to_thread(pbx.cli, "manager reload")
        await asyncio.to_thread(pbx.cli, "dialplan reload")
        found = await probe(link, Unheld())
        assert {one.what: one.is_ok for one in found} == {
            "address": True,
            "user and password": True,
            "version": True,
            "permissions": True,
            "link": False,
        }
        async with Actors(pbx) as sip, running(run(link, hub)):
            await until(lambda: bool(hub.ups))
            await sip.answers("101")
            await sip.only_rings("102")
            await sip.calls("74950000002", talk_seconds=0.7)
            await until(lambda: "ended 101 answered" in hub.told())
            await sip.close()
            await sip.answers("101")
            client = await sip.answers(OUTSIDE, talk_seconds=0.5)
            order = DialOrder(id="order-1", extension="101", number="79997776655")
            assert SIDE.dial is not None
            await SIDE.dial(order, link, hub)
            await sip.all_as_scripted()
            assert "74950000009" in client.said
            await until(lambda: hub.told().count("ended 101 answered") == 2)
    hub.settle()

    inbound, click = hub.calls.values()
    assert inbound.is_recorded
    assert sorted(leg.extension for leg in inbound.legs) == ["101", "102"]
    assert (click.call_id, click.number) == ("swd-order-1", "79997776655")


async def test_ari_inbound(pbx: AsteriskServer, free_port: Callable[[], int]) -> None:
    """The PBX comes by itself, is let in by the key, and all goes over its socket; also a second time."""
    port = free_port()
    link = make_link({"mode": "ari-inbound", "user": "inside", "fallback": "101"})
    link.urls["ari"] = f"http://127.0.0.1:{port}/x/url-key/ari"  # type: ignore[index]
    hub = MemoryHub()
    async with Actors(pbx) as sip:
        async with door(link, hub.sockets.put, port) as refused:
            await load(pbx, link)
            async with running(run(link, hub)):
                await until(lambda: bool(hub.ups))
                await sip.answers("101")
                caller = await sip.calls("74950000006", talk_seconds=FOR_EVER)
                await until(lambda: "answered 101" in hub.told())
        # The hub was away: the PBX comes back, and the call is the same one.
        async with door(link, hub.sockets.put, port), running(run(link, hub)):
            await until(lambda: len(hub.ups) > 1)
            await caller.hangs_up()
            await until(lambda: "ended 101 answered" in hub.told())
    hub.settle()

    assert refused == []
    assert set(hub.ups) == {"Asterisk 22.10.1 by ARI"}
    (call,) = hub.calls.values()
    assert [(leg.extension, leg.attempt) for leg in call.legs] == [("101", 1)]


@pytest.mark.parametrize("is_graceful", [True, False], ids=["stopped", "cut-off"])
async def test_the_dialplan_goes_on_though_the_pbx_keeps_the_application(
    pbx: AsteriskServer, free_port: Callable[[], int], is_graceful: bool
) -> None:
    """An Asterisk that connects to the hub keeps the application for it; the caller must not wait."""
    port = free_port()
    link = make_link({"mode": "ari-inbound", "user": "inside", "fallback": "102"})
    link.urls["ari"] = f"http://127.0.0.1:{port}/x/url-key/ari"  # type: ignore[index]
    hub = MemoryHub()
    step = RingStep(extensions=("101",), kind=GroupKind.RING, because="the line's group")
    hub.plans[LINE] = RingPlan(caller=Caller(number="79101234567"), steps=(step,))
    async with Actors(pbx) as sip:
        async with door(link, hub.sockets.put, port):
            await load(pbx, link)
            with printed_dialplan(pbx, link):
                async with running(run(link, hub)):
                    await until(lambda: bool(hub.ups))
                    await until(lambda: re.search("_HERE_UNTIL=[1-9]", pbx.cli("dialplan show globals")))
                    await sip.answers("101")
                    await sip.calls(LINE, talk_seconds=0.5)
                    await until(lambda: "ended 101 answered" in hub.told())
                    await sip.all_as_scripted()
                    hub.held = is_graceful
        with printed_dialplan(pbx, link):
            await sip.close()
            if not is_graceful:
                await asyncio.sleep(LASTS_SECONDS + 1)
            last = await sip.answers("102")
            await sip.calls(LINE, talk_seconds=0.5)
            await sip.all_as_scripted()
            assert "ANSWERED" in last.said
    shown = await asyncio.to_thread(pbx.cli, "ari show apps")
    assert "switchhook" in shown


async def test_a_pbx_with_another_password_is_not_let_in(
    pbx: AsteriskServer, free_port: Callable[[], int]
) -> None:
    port = free_port()
    link = make_link({"mode": "ari-inbound", "user": "inside"})
    link.urls["ari"] = f"http://127.0.0.1:{port}/x/url-key/ari"  # type: ignore[index]
    other = make_link({"mode": "ari-inbound", "user": "inside"}, keys={"password": "another-key"})
    hub = MemoryHub()
    async with door(other, hub.sockets.put, port) as refused:
        await load(pbx, link)
        await until(lambda: bool(refused))

    assert set(refused) == {"the user or the password is wrong"}
    assert hub.sockets.empty()
