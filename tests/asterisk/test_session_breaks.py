"""Calls that the hub connected live through its restart and through a cut of the link, and end everywhere."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence

import pytest

from switchhook.connectors.asterisk.as_crm import SIDE
from switchhook.core.call import CallEvent, Disposition, Happening, News, Phase
from switchhook.core.connector import DialOrder
from switchhook.core.directory import Caller, GroupKind
from switchhook.core.errors import LinkLost
from switchhook.core.ring_plan import RingPlan, RingStep
from tests.asterisk.actors import FOR_EVER, OUTSIDE, Actors
from tests.asterisk.holding_a_link import WAYS, held, until
from tests.asterisk.server import AsteriskServer
from tests.asterisk.side_by_side import SIDE_BY_SIDE
from tests.connectors.asterisk.holding import MemoryHub

pytestmark = SIDE_BY_SIDE
LINE, DIRECT = "74950000001", "74950000006"


def routing_hub() -> MemoryHub:
    hub = MemoryHub()
    step = RingStep(extensions=("101", "102"), kind=GroupKind.RING, because="the line's group")
    hub.plans[LINE] = RingPlan(caller=Caller(number="79101234567"), steps=(step,))
    return hub


class Proxy:
    """Passes TCP on, until it is cut: then every line breaks off without a word."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._writers: list[asyncio.StreamWriter] = []
        self._is_open = asyncio.Event()
        self._is_open.set()
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._is_open.wait()
        try:
            there, to_there = await asyncio.open_connection("127.0.0.1", self._to)
        except OSError:  # nobody is there: whoever came is told so
            writer.transport.abort()
            return
        self._writers += [writer, to_there]
        await asyncio.gather(_pump(reader, to_there), _pump(there, writer))

    def hold(self) -> None:
        """Let whoever comes from now on wait, until they are let through."""
        self._is_open.clear()

    def let_through(self) -> None:
        self._is_open.set()

    def turn(self, port: int) -> None:
        """Pass on to another port from now on, and cut what went elsewhere."""
        self._to = port
        self.cut()

    def cut(self) -> None:
        writers, self._writers = self._writers, []
        for writer in writers:
            writer.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


@contextlib.asynccontextmanager
async def proxy_to(port: int) -> AsyncIterator[Proxy]:
    """Pass on to a port."""
    proxy = Proxy(port)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        proxy.let_through()
        proxy.cut()
        await asyncio.sleep(0.05)


async def test_a_call_that_the_hub_connected_lives_through_its_restart(asterisk: AsteriskServer) -> None:
    hub = routing_hub()
    async with Actors(asterisk) as sip:
        async with held(asterisk, "ari", hub):
            await sip.answers("101")
            await sip.only_rings("102")
            caller = await sip.calls(LINE, talk_seconds=FOR_EVER)
            await until(lambda: "answered 101" in hub.told())
        async with held(asterisk, "ari", hub):
            await asyncio.sleep(1)
            await caller.hangs_up()
            await until(lambda: "ended 101 answered" in hub.told())
            await sip.all_as_scripted()
            bridges = ""
            for _ in range(50):
                bridges = await asyncio.to_thread(asterisk.cli, "bridge show all")
                if "swb-" not in bridges:
                    break
                await asyncio.sleep(0.1)
            assert "swb-" not in bridges
    hub.settle()

    (call,) = hub.calls.values()
    assert (call.phase, call.disposition) == (Phase.FINAL, Disposition.ANSWERED)
    assert sorted(leg.extension for leg in call.legs) == ["101", "102"]
    assert caller.talk is not None
    assert abs((call.talk_seconds or 0) - (caller.talk[1] - caller.talk[0])) <= 2


class DyingHub(MemoryHub):
    """Ends before it has stored that there is a recording."""

    is_dying = True
    has_died = False

    async def accept(self, news: Sequence[News]) -> None:
        if self.is_dying and any(
            isinstance(one, CallEvent) and one.happening is Happening.RECORDED for one in news
        ):
            self.has_died = True
            raise LinkLost("killed")
        await super().accept(news)


@pytest.mark.parametrize("is_click", [False, True], ids=["inbound", "click"])
async def test_a_recording_of_which_the_hub_died_before_it_was_told_is_told_by_the_next(
    asterisk22: AsteriskServer, is_click: bool
) -> None:
    hub = DyingHub(plans=routing_hub().plans)
    async with Actors(asterisk22) as sip:
        with contextlib.suppress(LinkLost):
            async with held(asterisk22, "ari", hub, trunk="PJSIP/{number}@trunk", caller_id=LINE) as link:
                await sip.answers("101")
                if is_click:
                    await sip.answers(OUTSIDE, talk_seconds=2)
                    order = DialOrder(id=f"order-{time.time_ns()}", extension="101", number="79997776655")
                    assert SIDE.dial is not None
                    await SIDE.dial(order, link, hub)
                else:
                    await sip.calls(LINE, talk_seconds=2)
                await until(lambda: hub.has_died)
        assert "recorded" not in hub.told()
        hub.is_dying = False
        async with held(asterisk22, "ari", hub):
            await until(lambda: "recorded" in hub.told())
            await asyncio.sleep(1)

    assert hub.told().count("recorded") == 1


@pytest.mark.parametrize("way", WAYS)
async def test_a_link_that_is_cut_is_open_again_at_once_and_nothing_is_told_twice(
    asterisk22: AsteriskServer, way: str
) -> None:
    hub = MemoryHub()
    port = asterisk22.ports.http if way == "ari" else asterisk22.ami_port
    async with proxy_to(port) as proxy, Actors(asterisk22) as sip:
        through = {"url": f"http://127.0.0.1:{proxy.port}"} if way == "ari" else {"port": str(proxy.port)}
        async with held(asterisk22, way, hub, **through):
            await sip.answers("101")
            caller = await sip.calls(DIRECT, talk_seconds=FOR_EVER)
            await until(lambda: "answered 101" in hub.told())
            proxy.cut()
            await until(lambda: len(hub.ups) == 2)
            await caller.hangs_up()
            await until(lambda: "ended 101 answered" in hub.told())

    assert hub.told() == ["ringing 101", "answered 101", "ended 101 answered"]
    hub.settle()
    (call,) = hub.calls.values()
    assert caller.talk is not None
    assert abs((call.talk_seconds or 0) - (caller.talk[1] - caller.talk[0])) <= 2
