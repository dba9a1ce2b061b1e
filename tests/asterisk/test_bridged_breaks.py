"""Hubs, PBXs and lines between them that break in the middle of calls: every call ends everywhere, once.

The stories are played side by side, each with a PBX of its own; what went wrong is told by its test.
"""

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from switchhook.core.call import Call, CallReport, Disposition
from switchhook.core.directory import GroupKind
from tests.asterisk.actors import FOR_EVER, Actors
from tests.asterisk.bridged import Company, company, settings_for, until
from tests.asterisk.hub_process import HubProcess, company_of_processes
from tests.asterisk.server import AsteriskServer
from tests.asterisk.side_by_side import SideBySide
from tests.asterisk.talks import Lag, talks_of
from tests.asterisk.test_session_breaks import Proxy, proxy_to
from tests.servers.postgres import PostgresServer

LINE, DIRECT = "74950000001", "74950001006"  # routed by the hub to 101, and by the dialplan to 201
ROUTED, PLAIN = "79120000001", "79120000002"  # who calls there
TAKEN_OVER_SECONDS = 5.0  # on a machine with a processor for whoever wants one
ASLEEP_SECONDS = 2.0  # in which one that was woken up would have taken its link again
ADOPTED_SECONDS = 1.0
STORY_SECONDS = 110.0  # only what is broken takes so long
AT_ONCE = 4
CRMS = ("planfix", "retailcrm")


@dataclass(frozen=True, kw_only=True)
class Play:
    """What a story has for itself."""

    folder: Path
    pbx: AsteriskServer
    lag: Lag
    postgres_url: str  # an empty database


Story = Callable[[Play], Awaitable[None]]
STORIES: dict[str, Story] = {}


def story(tell: Story) -> Story:
    STORIES[tell.__name__] = tell
    return tell


async def set_up(
    office: Company, pbx: AsteriskServer, way: str, *, entrance: Proxy | None = None, **more: str
) -> None:
    """Connect everybody; a PBX that connects to the hub by itself does so from now on."""
    await office.add_line(f"+{LINE}", GroupKind.RING, "101")
    for crm in CRMS:
        await office.add_crm(crm, crm)
    await office.add_hook("webhook")
    await office.add_pbx("pbx", settings_for(pbx, way, **more))
    if way == "ari-inbound":
        there = office.way_in("pbx", pbx)
        port = entrance.port if entrance is not None else urlsplit(there.url).port
        url = urlsplit(there.url)._replace(netloc=f"127.0.0.1:{port}").geturl()
        pbx.outbound = replace(there, url=url)
        await asyncio.to_thread(pbx.restart)


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


async def goes_on_after_a_kill(play: Play, way: str) -> None:
    async with company_of_processes(play.folder) as (office, (hub,)), Actors(play.pbx) as sip:
        await set_up(office, play.pbx, way)
        await hub.start()
        await office.until_up("pbx")
        await office.until_paired()
        await both_talk(office, sip)
        await hub.end()
        await hub.start()
        await until(functools.partial(_holds, office, hub), what=lambda: f"held: {hub.said}")
        await two_calls_are_up(play.pbx)
        await asyncio.sleep(ADOPTED_SECONDS)
        await hang_up(play.pbx, sip)
        calls = await check_ends(office, ROUTED, PLAIN)
        await until(functools.partial(_no_bridges, play.pbx), what="the hub's bridge is gone")
        (recording,) = calls[0].recordings
        told = [
            one.recording_url for one in office.news_at("retailcrm", calls[0]) if isinstance(one, CallReport)
        ]
        talks = talks_of(sip)

    assert told == [f"{office.public_url}{calls[0].recording_path()}"]
    assert recording.is_kept
    for call, phone in zip(calls, ("101", "201"), strict=True):
        began, ended = talks[phone]
        # Nobody heard all of it, so the hub measures by its own clock, and says that it guesses.
        assert call.legs[0].is_guess
        assert abs((call.talk_seconds or 0) - (ended - began)) <= 1.5 + play.lag.seconds
    # A PBX that is short of time writes less sound than there was, and never more.
    assert recording.seconds is not None
    assert ADOPTED_SECONDS <= recording.seconds <= talks["101"][1] - talks["101"][0] + 1


@story
async def a_hub_that_is_killed_in_mid_call_goes_on_with_it(play: Play) -> None:
    await goes_on_after_a_kill(play, "ari")


@story
async def a_hub_that_is_killed_is_connected_to_again_and_goes_on_with_its_calls(play: Play) -> None:
    await goes_on_after_a_kill(play, "ari-inbound")


async def two_calls_are_up(pbx: AsteriskServer) -> None:
    assert "2 active calls" in await asyncio.to_thread(pbx.cli, "core show channels count")


async def _no_bridges(pbx: AsteriskServer) -> bool:
    return "swb-" not in await asyncio.to_thread(pbx.cli, "bridge show all")


@story
async def a_pbx_that_is_killed_in_mid_call_ends_its_calls_and_is_linked_again(play: Play) -> None:
    pbx = play.pbx
    async with company(play.folder) as office:
        await set_up(office, pbx, "ari")
        await office.until_up("pbx")
        await office.until_paired()
        async with Actors(pbx) as sip:
            await both_talk(office, sip)
            await asyncio.to_thread(pbx.kill)
            await asyncio.to_thread(pbx.start, registers=False)
            await check_ends(office, ROUTED, PLAIN)
        await asyncio.to_thread(pbx.register, "101")
        await until(functools.partial(_has_application, pbx), what="the application is registered")
        async with Actors(pbx) as sip:
            await sip.answers("101")
            await sip.calls(LINE, caller="79120000003", talk_seconds=1.5)
            await sip.all_as_scripted()
            await check_ends(office, ROUTED, PLAIN, "79120000003")


@story
async def a_line_that_breaks_again_and_again_heals(play: Play) -> None:
    """Asterisk may clean up after the last socket when the next is open, and forget the application."""
    pbx = play.pbx
    async with company(play.folder) as office, proxy_to(pbx.ports.http) as proxy, Actors(pbx) as sip:
        await set_up(office, pbx, "ari", url=f"http://127.0.0.1:{proxy.port}")
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


async def is_taken_over(play: Play, way: str, *, database_url: str = "") -> None:
    """The hub stands still, and wakes up when another has its link; then that other one is killed."""
    async with (
        company_of_processes(play.folder, hubs=2, database_url=database_url) as (office, (first, second)),
        proxy_to(first.port) as entrance,
        Actors(play.pbx) as sip,
    ):
        await set_up(office, play.pbx, way, entrance=entrance)
        await first.start()
        await office.until_up("pbx")
        await second.start()
        await office.until_paired()
        await both_talk(office, sip)

        async with Lag() as lag:
            await first.freeze()
            began = time.monotonic()
            entrance.turn(second.port)
            await until(functools.partial(_holds, office, second), what=lambda: f"held: {second.said}")
            taken = time.monotonic() - began
        assert taken < TAKEN_OVER_SECONDS * lag.crowd
        first.thaw()
        await asyncio.sleep(ASLEEP_SECONDS)
        assert await _holds(office, second)

        async with Lag() as lag:
            began = time.monotonic()
            await second.end()
            entrance.turn(first.port)
            await until(functools.partial(_holds, office, first), what=lambda: f"held again: {first.said}")
            taken = time.monotonic() - began
        assert taken < TAKEN_OVER_SECONDS * lag.crowd

        await two_calls_are_up(play.pbx)
        await hang_up(play.pbx, sip)
        await check_ends(office, ROUTED, PLAIN)


@story
async def a_second_hub_on_postgresql_takes_over_an_ari_that_it_opens(play: Play) -> None:
    await is_taken_over(play, "ari", database_url=play.postgres_url)


@story
async def a_second_hub_takes_over_an_ari_that_comes_to_it(play: Play) -> None:
    """What stands before the hubs sends the PBX to the one that is there."""
    await is_taken_over(play, "ari-inbound")


@story
async def a_second_hub_takes_over_an_ami(play: Play) -> None:
    await is_taken_over(play, "ami")


async def _holds(office: Company, hub: HubProcess) -> bool:
    """Its link is up. One that had no processor for seconds may have taken it more than once."""
    lease = await office.link("pbx")
    assert lease is not None
    return hub.owner in lease.owner and lease.what is not None


@pytest.fixture(scope="module")
def faults(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    asterisk22: AsteriskServer,
    postgres_server: PostgresServer,
    side_by_side: SideBySide,
) -> dict[str, BaseException]:
    """Play every story that is asked for; give what went wrong, by name. (Skips where there is no PBX.)"""
    side_by_side.close()  # many start here, and a machine has room for so many
    found: dict[str, BaseException] = {}
    room_for = asyncio.Semaphore(AT_ONCE)
    url = postgres_server.create_database("breaks")
    wanted = [name for name in STORIES if any(f"[{name}]" in one.name for one in request.session.items)]

    async def play(name: str) -> None:
        async with room_for, Lag() as lag:
            try:
                pbx = AsteriskServer(asterisk22.generation)
                try:
                    await asyncio.to_thread(pbx.start)
                    folder = tmp_path_factory.mktemp(name[:20])
                    story = STORIES[name](Play(folder=folder, pbx=pbx, lag=lag, postgres_url=url))
                    await asyncio.wait_for(story, STORY_SECONDS)
                finally:
                    pbx.close()
            except (Exception, pytest.fail.Exception) as fault:  # noqa: BLE001 - told by its own test
                found[name] = fault

    async def play_all() -> None:
        await asyncio.gather(*map(play, wanted))

    asyncio.run(play_all())
    return found


@pytest.mark.parametrize("name", STORIES)
def test_on_a_real_pbx(faults: dict[str, BaseException], name: str) -> None:
    fault = faults.get(name)
    if fault is not None:
        raise fault
