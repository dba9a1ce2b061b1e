"""A hub that comes to a real Asterisk in the middle of a call: what it learns of it afterwards."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from switchhook.connectors.asterisk.link.run import run
from switchhook.core.call import CallReport, ChangeKind, Disposition, ReportOf
from switchhook.core.directory import Availability, Employee
from tests.asterisk.actors import FOR_EVER, Actors
from tests.asterisk.holding_a_link import WAYS, held, settings_of, until
from tests.asterisk.listening import FILES_PASSWORD, FILES_USER, files_of
from tests.asterisk.server import AsteriskServer
from tests.asterisk.side_by_side import SIDE_BY_SIDE
from tests.connectors.asterisk.holding import MemoryHub, link_to, running

pytestmark = SIDE_BY_SIDE
GROUP, DIRECT = "74950000002", "74950000006"
BUSY, FREE = Availability.BUSY, Availability.FREE


def corrected(hub: MemoryHub) -> list[CallReport]:
    news = (one for batch in hub.batches for one in batch)
    return [one for one in news if isinstance(one, CallReport) and one.of is ReportOf.LEG]


async def test_a_talk_that_began_before_the_hub_came_has_the_length_that_the_pbx_put_down(
    asterisk: AsteriskServer,
) -> None:
    hub = MemoryHub()
    async with Actors(asterisk) as sip:
        phone = await sip.answers("101", ring_seconds=2.3)
        caller = await sip.calls(DIRECT, talk_seconds=FOR_EVER)
        await phone.until_said("ANSWERED")
        await asyncio.sleep(3)
        async with held(asterisk, "ami", hub):
            await asyncio.sleep(1)
            await caller.hangs_up()
            assert caller.talk is not None
            talked = caller.talk[1] - caller.talk[0]
            await until(lambda: "ended 101 answered" in hub.told())
            (call,) = hub.calls.values()
            assert (call.legs[0].is_guess, (call.legs[0].talk_seconds or 0) < talked - 1) == (True, True)
            await until(lambda: bool(corrected(hub)))
            await asyncio.sleep(1.2)  # and no second time
    hub.settle()

    (call,) = hub.calls.values()
    (leg,) = call.legs
    assert (leg.disposition, leg.is_guess) == (Disposition.ANSWERED, False)
    assert abs((call.talk_seconds or 0) - talked) <= 1.5
    assert call.ring_seconds in (1, 2, 3)  # a list of channels has their ages in whole seconds
    assert len(corrected(hub)) == 1
    kinds = [one.kind for one in hub.changes]
    assert (kinds.count(ChangeKind.LEG_ENDED), kinds.count(ChangeKind.CALL_ENDED)) == (1, 1)


async def test_a_call_that_was_heard_in_full_is_not_corrected(asterisk22: AsteriskServer) -> None:
    hub = MemoryHub()
    async with Actors(asterisk22) as sip, held(asterisk22, "ami", hub):
        await sip.answers("101", ring_seconds=1.2)
        await sip.calls(DIRECT, talk_seconds=1)
        await until(lambda: "ended 101 answered" in hub.told())
        await asyncio.sleep(1.5)

    assert corrected(hub) == []


async def test_a_pbx_without_cdr_manager_is_heard_as_before(asterisk22: AsteriskServer) -> None:
    hub = MemoryHub()
    await asyncio.to_thread(asterisk22.cli, "module unload cdr_manager.so")
    try:
        async with Actors(asterisk22) as sip:
            phone = await sip.answers("101", ring_seconds=1.2)
            caller = await sip.calls(DIRECT, talk_seconds=FOR_EVER)
            await phone.until_said("ANSWERED")
            await asyncio.sleep(0.5)
            async with held(asterisk22, "ami", hub):
                await caller.hangs_up()
                await until(lambda: "ended 101 answered" in hub.told())
                await asyncio.sleep(1.2)
    finally:
        await asyncio.to_thread(asterisk22.cli, "module load cdr_manager.so")

    assert corrected(hub) == []
    (call,) = hub.calls.values()
    assert call.legs[0].is_guess


async def test_a_file_of_the_dialplan_is_announced_by_a_hub_that_was_killed_in_mid_call(
    asterisk: AsteriskServer,
) -> None:
    """Its name was told when the recording began, to a hub that is no more."""
    hub = MemoryHub()
    with files_of(asterisk.monitor) as url:
        offered = {
            "recordings_url": url,
            "recordings_folder": str(asterisk.monitor),
            "recordings_user": FILES_USER,
            "recordings_password": FILES_PASSWORD,
        }
        async with Actors(asterisk) as sip:
            await sip.answers("101")
            await sip.only_rings("102")
            async with held(asterisk, "ami", hub, **offered):
                caller = await sip.calls(GROUP, talk_seconds=FOR_EVER)
                await until(lambda: "answered 101" in hub.told())
                await asyncio.sleep(1)
            async with held(asterisk, "ami", hub, **offered):
                await caller.hangs_up()
                await until(lambda: "recorded" in hub.told())

    (call,) = hub.calls.values()
    (recording,) = call.recordings
    assert recording.url == f"{url}/{call.call_id}.wav"
    assert call.is_recorded
    assert hub.told().count("recorded") == 1


@asynccontextmanager
async def watched(pbx: AsteriskServer, way: str, hub: MemoryHub) -> AsyncIterator[None]:
    """Hold the link with `phone_state`, and with what the connection remembers."""
    ups = len(hub.ups)
    async with (
        link_to(**settings_of(pbx, way, phone_state="true")) as link,
        running(run(replace(link, state=dict(hub.state)), hub)) as task,
    ):
        await until(lambda: len(hub.ups) > ups or task.done())
        yield


@pytest.mark.parametrize("way", WAYS)
async def test_who_was_busy_by_a_call_that_ended_unheard_is_free_again(
    asterisk: AsteriskServer, way: str
) -> None:
    hub = MemoryHub()
    hub.people.people = [Employee(id=1, name="Anna", extension="101")]
    async with Actors(asterisk) as sip:
        async with watched(asterisk, way, hub):
            await sip.answers("101")
            caller = await sip.calls(DIRECT, talk_seconds=FOR_EVER)
            await until(lambda: hub.presences == [("101", BUSY)])
        async with watched(asterisk, way, hub):
            await asyncio.sleep(0.4)
            assert hub.presences == [("101", BUSY)]  # they still talk
        await caller.hangs_up()
        await sip.all_as_scripted()
        async with watched(asterisk, way, hub):
            await until(lambda: len(hub.presences) > 1)

    assert hub.presences == [("101", BUSY), ("101", FREE)]


@pytest.mark.parametrize("way", WAYS)
async def test_a_call_that_ends_after_the_restart_frees_too(asterisk22: AsteriskServer, way: str) -> None:
    hub = MemoryHub()
    hub.people.people = [Employee(id=1, name="Anna", extension="101")]
    async with Actors(asterisk22) as sip:
        async with watched(asterisk22, way, hub):
            await sip.answers("101")
            caller = await sip.calls(DIRECT, talk_seconds=FOR_EVER)
            await until(lambda: hub.presences == [("101", BUSY)])
        async with watched(asterisk22, way, hub):
            await caller.hangs_up()
            await until(lambda: len(hub.presences) > 1)

    assert hub.presences == [("101", BUSY), ("101", FREE)]
