"""The link to a real Asterisk: what is told over it, and what becomes of calls when nobody held it."""

import asyncio
import re

import pytest

from switchhook.connectors.asterisk.link.run import run
from switchhook.core.call import Disposition, LegState, Phase
from switchhook.core.errors import Misconfigured
from tests.asterisk.actors import FOR_EVER, Actors
from tests.asterisk.holding_a_link import WAYS, held, settings_of, until
from tests.asterisk.server import AsteriskServer
from tests.asterisk.side_by_side import SIDE_BY_SIDE
from tests.asterisk.test_session_breaks import proxy_to
from tests.connectors.asterisk.holding import MemoryHub, link_to

pytestmark = SIDE_BY_SIDE
GROUP, DIRECT = "74950000002", "74950000006"
OURS = "79107770155"  # a caller of one test, for others call at the same time

both_ways = pytest.mark.parametrize("way", WAYS)


@both_ways
async def test_a_ring_group_is_told_as_it_happens(asterisk: AsteriskServer, way: str) -> None:
    hub = MemoryHub()
    version = re.search(r"[0-9]+\.[0-9.]+", asterisk.installed.version)
    async with Actors(asterisk) as sip, held(asterisk, way, hub):
        await sip.answers("101")
        await sip.only_rings("102")
        await sip.calls(GROUP, talk_seconds=1.2)
        await until(lambda: "ended 101 answered" in hub.told())

    assert version is not None
    assert hub.ups == [f"Asterisk {version[0]} by {way.upper()}"]
    hub.settle()
    (call,) = hub.calls.values()
    assert (call.number, call.disposition, call.did) == ("79101234567", Disposition.ANSWERED, GROUP)
    assert {(leg.extension, leg.disposition) for leg in call.legs} == {
        ("101", Disposition.ANSWERED),
        ("102", Disposition.CANCELLED),
    }
    assert (call.talk_seconds or 0) >= 1


@both_ways
async def test_a_hub_that_comes_back_goes_on_with_the_same_call(asterisk22: AsteriskServer, way: str) -> None:
    hub = MemoryHub()
    async with Actors(asterisk22) as sip:
        async with held(asterisk22, way, hub):
            await sip.answers("101")
            await sip.only_rings("102")
            caller = await sip.calls(GROUP, talk_seconds=FOR_EVER)
            await until(lambda: "answered 101" in hub.told())
        async with held(asterisk22, way, hub):
            (call,) = hub.calls.values()
            assert call.leg("101") is not None
            assert [(leg.extension, leg.attempt) for leg in call.legs if leg.state is LegState.TALKING] == [
                ("101", 1)
            ]
            await asyncio.sleep(1)
            await caller.hangs_up()
            await until(lambda: "ended 101 answered" in hub.told())
    hub.settle()

    (call,) = hub.calls.values()
    assert call.phase is Phase.FINAL
    assert [leg.attempt for leg in call.legs] == [1, 1]
    assert caller.talk is not None
    assert abs((call.talk_seconds or 0) - (caller.talk[1] - caller.talk[0])) <= 2


@both_ways
async def test_calls_that_ended_while_nobody_listened_are_closed(
    asterisk22: AsteriskServer, way: str
) -> None:
    hub = MemoryHub()
    async with Actors(asterisk22) as sip:
        async with held(asterisk22, way, hub):
            await sip.answers("101")
            await sip.calls(DIRECT, talk_seconds=1)
            await until(lambda: "answered 101" in hub.told())
        await sip.all_as_scripted()
        async with held(asterisk22, way, hub):
            assert hub.told()[-1] == "ended 101 answered"
    hub.settle()

    (call,) = hub.calls.values()
    assert (call.phase, call.disposition) == (Phase.FINAL, Disposition.ANSWERED)


@both_ways
async def test_a_ring_that_vanished_ends_without_a_known_result(asterisk22: AsteriskServer, way: str) -> None:
    hub = MemoryHub()
    async with Actors(asterisk22) as sip:
        async with held(asterisk22, way, hub):
            await sip.only_rings("101")
            caller = await sip.gives_up(DIRECT, caller=OURS, ring_seconds=FOR_EVER)
            await until(lambda: "ringing 101" in hub.told())
        await caller.goes_on("RINGS")
        await caller.as_scripted()
        # The PBX is not done with it yet when the caller is: who comes now would hear it end.
        await until(lambda: OURS not in asterisk22.cli("core show channels concise"))
        async with held(asterisk22, way, hub):
            assert hub.told() == ["ringing 101", "ended 101 unknown", "ended unknown"]
    hub.settle()

    (call,) = hub.calls.values()
    assert (call.phase, call.disposition) == (Phase.FINAL, Disposition.MISSED)


async def test_a_program_that_takes_the_application_over_ends_the_link_in_words(
    asterisk22: AsteriskServer,
) -> None:
    hub, other = MemoryHub(), MemoryHub()
    async with link_to(**settings_of(asterisk22, "ari")) as link:
        first = asyncio.create_task(run(link, hub))
        await until(lambda: bool(hub.ups))
        async with held(asterisk22, "ari", other):
            with pytest.raises(Misconfigured, match="took application switchhook over"):
                await asyncio.wait_for(first, 5)


def test_a_pbx_that_is_killed_and_started_again_is_held_again(asterisk22: AsteriskServer) -> None:
    """Its calls are gone; they are closed from the list of live channels, by the listener that had them."""
    with AsteriskServer(asterisk22.generation) as pbx:
        asyncio.run(is_held_again(pbx))


async def is_held_again(pbx: AsteriskServer) -> None:
    hub = MemoryHub()
    async with (
        proxy_to(pbx.ports.http) as proxy,
        Actors(pbx) as sip,
        held(pbx, "ari", hub, url=f"http://127.0.0.1:{proxy.port}"),
    ):
        await sip.answers("101")
        await sip.calls(DIRECT, talk_seconds=FOR_EVER)
        await until(lambda: "answered 101" in hub.told())
        # A PBX that takes long to start would be told as gone, and be held anew.
        proxy.hold()
        await asyncio.to_thread(pbx.kill)
        await asyncio.to_thread(pbx.start, registers=False)
        proxy.let_through()
        await until(lambda: len(hub.ups) > 1)
        assert hub.told()[-1] == "ended 101 answered"
