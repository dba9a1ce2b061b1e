"""Hubs, PBXs and lines between them that break in the middle of calls: every call ends everywhere, once.

The stories are played side by side, each with a PBX of its own; what went wrong is told by its test.
"""

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from switchhook.core.call import Call, CallReport, Disposition
from switchhook.core.directory import GroupKind
from tests.asterisk.actors import FOR_EVER, Actors
from tests.asterisk.bridged import Company, company, settings_for, until
from tests.asterisk.hub_process import HubProcess, company_of_processes
from tests.asterisk.server import AsteriskServer
from tests.asterisk.test_session_breaks import proxy_to

LINE, DIRECT = "74950000001", "74950001006"  # routed by the hub to 101, and by the dialplan to 201
ROUTED, PLAIN = "79120000001", "79120000002"  # who calls there
# Five on a machine that has time; a busy one is late, not wrong.
TAKEN_OVER_SECONDS = 15.0
CRMS = ("planfix", "retailcrm")

Story = Callable[[Path, AsteriskServer], Awaitable[None]]
STORIES: dict[str, Story] = {}


def story(play: Story) -> Story:
    STORIES[play.__name__] = play
    return play


async def set_up(office: Company, settings: dict[str, str]) -> None:
    await office.add_line(f"+{LINE}", GroupKind.RING, "101")
    for crm in CRMS:
        await office.add_crm(crm, crm)
    await office.add_hook("webhook")
    await office.add_pbx("pbx", settings)


async def both_talk(office: Company, sip: Actors) -> None:
    """Two calls begin, one of each kind, and are known as talks in every CRM. They last until hung up."""
    for phone, number, caller in (("101", LINE, ROUTED), ("201", DIRECT, PLAIN)):
        await sip.answers(phone)
        await sip.calls(number, caller=caller, talk_seconds=FOR_EVER)
    for phone, caller in (("101", ROUTED), ("201", PLAIN)):
        call = await office.until_call(caller, so=lambda call: call.has_talked)
        await until(functools.partial(_knows_of_talk, office, call, phone), what="Planfix knows of the talk")
        # What is under way when a hub is killed may be told once more: nobody knows whether it arrived.
        await office.until_told(call)


def _knows_of_talk(office: Company, call: Call, phone: str) -> bool:
    return "answered" in office.cards_at("planfix", call).get(phone, ())


async def hang_up(pbx: AsteriskServer, sip: Actors) -> None:
    """End the talks, which else go on for long."""
    await asyncio.to_thread(pbx.hang_everything_up)
    await sip.all_as_scripted()


async def check_ends(office: Company, *callers: str) -> list[Call]:
    """Each call was answered, and every CRM was told each step once."""
    calls = [await office.until_call(one) for one in callers]
    await office.until_told(*calls)
    for call in calls:
        assert call.disposition is Disposition.ANSWERED
        assert [leg.attempt for leg in call.legs] == [1]
        (leg,) = call.legs
        assert office.cards_at("planfix", call) == {leg.extension: ["ringing", "answered", "ended"]}
        assert office.cards_at("retailcrm", call) == {leg.extension: ["ringing", "ended"]}
        types = [one["type"] for one in office.hooked("webhook", call)]
        for kind in ("call.ringing", "call.answered", "call.leg_ended", "call.ended", "call.final"):
            assert types.count(kind) == 1, types
    assert len(await office.calls()) == len(callers)
    return calls


@story
async def a_hub_that_is_killed_in_mid_call_goes_on_with_it(folder: Path, pbx: AsteriskServer) -> None:
    async with company_of_processes(folder) as (office, (hub,)), Actors(pbx) as sip:
        await set_up(office, settings_for(pbx, "ari"))
        await hub.start()
        await office.until_up("pbx")
        await office.until_paired()
        await both_talk(office, sip)
        await hub.end()
        await asyncio.sleep(0.5)
        await hub.start()
        await office.until_up("pbx", epoch=2)
        assert "2 active calls" in await asyncio.to_thread(pbx.cli, "core show channels count")
        await asyncio.sleep(1)
        await hang_up(pbx, sip)
        calls = await check_ends(office, ROUTED, PLAIN)
        await until(functools.partial(_no_bridges, pbx), what="the hub's bridge is gone")
        (recording,) = calls[0].recordings
        told = [
            one.recording_url for one in office.news_at("retailcrm", calls[0]) if isinstance(one, CallReport)
        ]
        assert told == [f"{office.public_url}{calls[0].recording_path()}"]

    assert all(3 <= (call.talk_seconds or 0) <= 30 for call in calls)
    assert recording.is_kept
    assert recording.seconds is not None
    assert abs(recording.seconds - (calls[0].talk_seconds or 0)) <= 2


async def _no_bridges(pbx: AsteriskServer) -> bool:
    return "swb-" not in await asyncio.to_thread(pbx.cli, "bridge show all")


@story
async def a_pbx_that_is_killed_in_mid_call_ends_its_calls_and_is_linked_again(
    folder: Path, pbx: AsteriskServer
) -> None:
    async with company(folder) as office:
        await set_up(office, settings_for(pbx, "ari"))
        await office.until_up("pbx")
        await office.until_paired()
        async with Actors(pbx) as sip:
            await both_talk(office, sip)
            await asyncio.to_thread(pbx.kill)
            await asyncio.to_thread(pbx.start, registers=False)
            await check_ends(office, ROUTED, PLAIN)
        await asyncio.to_thread(pbx.register, "101")
        async with Actors(pbx) as sip:
            await sip.answers("101")
            await sip.calls(LINE, caller="79120000003", talk_seconds=1.5)
            await sip.all_as_scripted()
            await check_ends(office, ROUTED, PLAIN, "79120000003")


@story
async def a_line_that_breaks_again_and_again_heals(folder: Path, pbx: AsteriskServer) -> None:
    """Asterisk may clean up after the last socket when the next is open, and forget the application."""
    async with company(folder) as office, proxy_to(pbx.ports.http) as proxy, Actors(pbx) as sip:
        through = settings_for(pbx, "ari", url=f"http://127.0.0.1:{proxy.port}")
        await set_up(office, through)
        await office.until_up("pbx")
        await office.until_paired()
        await both_talk(office, sip)
        for cut in range(12):
            proxy.cut()
            await asyncio.sleep(0.02 + cut * 0.06)
        await until(functools.partial(_has_application, pbx), what="the application is registered")
        await hang_up(pbx, sip)
        await check_ends(office, ROUTED, PLAIN)
        await until(functools.partial(_has_application, pbx), what="the application is registered")
        await office.until_up("pbx")
        await sip.answers("101")
        caller = await sip.calls(LINE, caller="79120000003", talk_seconds=1.5)
        await caller.as_scripted()
        await check_ends(office, ROUTED, PLAIN, "79120000003")


async def _has_application(pbx: AsteriskServer) -> bool:
    return "switchhook" in await asyncio.to_thread(pbx.cli, "ari show apps")


@story
async def a_second_hub_takes_over_from_one_that_is_killed_or_stands_still(
    folder: Path, pbx: AsteriskServer
) -> None:
    async with company_of_processes(folder, hubs=2) as (office, (first, second)), Actors(pbx) as sip:
        await set_up(office, settings_for(pbx, "ari"))
        await first.start()
        await office.until_up("pbx")
        await second.start()
        await office.until_paired()
        await both_talk(office, sip)

        began = time.monotonic()
        await first.end()
        await until(functools.partial(_holds, office, second, 2), what="the second hub holds the link")
        assert time.monotonic() - began < TAKEN_OVER_SECONDS

        await first.start()
        began = time.monotonic()
        second.freeze()
        await until(functools.partial(_holds, office, first, 3), what="the first hub holds the link again")
        assert time.monotonic() - began < TAKEN_OVER_SECONDS
        second.thaw()
        await asyncio.sleep(2)
        assert await _holds(office, first, 3)

        assert "2 active calls" in await asyncio.to_thread(pbx.cli, "core show channels count")
        await hang_up(pbx, sip)
        await check_ends(office, ROUTED, PLAIN)


async def _holds(office: Company, hub: HubProcess, epoch: int) -> bool:
    lease = await office.link("pbx")
    assert lease is not None
    return hub.owner in lease.owner and lease.what is not None and lease.epoch == epoch


@pytest.fixture(scope="module")
def faults(tmp_path_factory: pytest.TempPathFactory, asterisk22: AsteriskServer) -> dict[str, BaseException]:
    """Play every story; give what went wrong, by name. (The fixture skips where there is no Asterisk.)"""
    found: dict[str, BaseException] = {}

    async def play(name: str) -> None:
        pbx = AsteriskServer(asterisk22.generation)
        try:
            await asyncio.to_thread(pbx.start)
            await asyncio.wait_for(STORIES[name](tmp_path_factory.mktemp(name[:20]), pbx), 90)
        except (Exception, pytest.fail.Exception) as fault:  # noqa: BLE001 - told by its own test
            found[name] = fault
        finally:
            pbx.close()

    async def play_all() -> None:
        await asyncio.gather(*map(play, STORIES))

    asyncio.run(play_all())
    return found


@pytest.mark.parametrize("name", STORIES)
def test_on_a_real_pbx(faults: dict[str, BaseException], name: str) -> None:
    fault = faults.get(name)
    if fault is not None:
        raise fault
