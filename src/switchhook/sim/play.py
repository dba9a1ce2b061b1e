"""`switchhook sim`: play one PBX or one CRM towards any endpoint, and say how it went."""

import asyncio
import random
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from switchhook.core.connector import HttpPort, Role
from switchhook.core.errors import HubError, Misconfigured, PeerDown
from switchhook.net.http import HttpClient
from switchhook.sim.book import STRANGERS
from switchhook.sim.clock import FastClock
from switchhook.sim.crm import PlayedCrm
from switchhook.sim.listener import end_all
from switchhook.sim.pbx import Played, PlayedPbx
from switchhook.sim.report import Say, line_of, say_played, sum_of
from switchhook.sim.scenarios import CLICK_TO_CALL, SCENARIOS, Scenario
from switchhook.sim.settings import Part, part_of
from switchhook.sim.trouble import MOODS, Trouble
from switchhook.sim.wires import CLEAN, SLOPPY

T = TypeVar("T")

PAIR_ATTEMPTS = 4
PAIR_GAP_SECONDS = 2.0
LOOK_EVERY_SECONDS = 0.2
POLL_AGAIN_SECONDS = 30.0
FETCH_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class Run:
    """What was asked for on the command line."""

    part: Part
    scenario: str | None = None
    calls: int | None = None
    rate: float | None = None
    seed: int = 1
    speed: float = 1.0
    host: str = "127.0.0.1"
    port: int = 0


async def play(
    role: str,
    kind: str,
    *,
    url: str | None = None,
    settings: Mapping[str, str] | None = None,
    scenario: str | None = None,
    calls: int | None = None,
    rate: float | None = None,
    seed: int = 1,
    speed: float = 1.0,
    listen: str | None = None,
) -> None:
    """Play until so many calls are over, or until cancelled.

    Raises:
        Misconfigured: the part, the scenario, a setting or the address is wrong.
        PeerDown: it was played, and something of it was not taken; the text counts.
    """
    if speed <= 0 or (rate is not None and rate <= 0) or (calls is not None and calls < 1):
        raise Misconfigured("expected calls, rate and speed above 0")
    host, port = _address(listen)
    part = part_of(role, kind, url=url, given=settings or {})
    run = Run(
        part=part,
        scenario=scenario,
        calls=calls,
        rate=rate,
        seed=seed,
        speed=speed,
        host=host,
        port=port,
    )
    async with HttpClient() as client:
        http = client.granted(allow_private=True)
        if part.role is Role.PBX:
            await play_pbx(run, http, say=_say)
        else:
            await play_crm(run, http, say=_say)


async def play_pbx(run: Run, http: HttpPort, *, say: Say) -> None:
    """Play a PBX: calls one after another at the rate, each to its end."""
    scenario = _choose(SCENARIOS, run.scenario or "answered")
    pbx = PlayedPbx(
        run.part,
        http,
        # PBXs count on; the same id again within six hours would be the same call.
        name=f"sim{int(time.time()):x}",
        clock=FastClock(run.speed),
        seed=run.seed,
        host=run.host,
        port=run.port,
        attempts=1 if scenario.is_sloppy else 3,
        faults=SLOPPY if scenario.is_sloppy else CLEAN,
    )
    async with pbx:
        _say_address(pbx.part, pbx.url, say)
        await _pair(pbx, say)
        if scenario is CLICK_TO_CALL:
            played = await _wait_for_clicks(pbx, run.calls or 1)
        else:
            played = await _play_calls(pbx, scenario, run, say)
        await _let_fetch(pbx)
    failed = [failure for one in played for failure in one.failures]
    say(f"{len(played)} calls played: {sum_of(*played)}")
    if failed and not scenario.is_sloppy:
        raise PeerDown(f"{len(failed)} of the messages were not taken, the first: {failed[0]}")


async def _play_calls(pbx: PlayedPbx, scenario: Scenario, run: Run, say: Say) -> list[Played]:
    gap = run.speed / run.rate if run.rate else 1.0
    rng = random.Random(run.seed)
    clock = FastClock(run.speed)

    async def one() -> Played:
        played = await pbx.play(scenario)
        say_played(played, say)
        return played

    async with asyncio.TaskGroup() as group:
        tasks = []
        for index in range(run.calls or 1):
            if index:
                await clock.sleep(rng.uniform(0.5, 1.5) * gap)
            tasks.append(group.create_task(one()))
    return [task.result() for task in tasks]


async def _wait_for_clicks(pbx: PlayedPbx, calls: int) -> list[Played]:
    return [await pbx.next_click() for _ in range(calls)]


async def _let_fetch(pbx: PlayedPbx) -> None:
    """Stay while recordings may still be fetched: peers come some seconds after they hear of one."""
    for _ in range(round(FETCH_SECONDS / LOOK_EVERY_SECONDS)):
        if not pbx.has_unfetched:
            return
        await asyncio.sleep(LOOK_EVERY_SECONDS)


async def play_crm(run: Run, http: HttpPort, *, say: Say) -> None:
    """Play a CRM: take what comes, until so many calls are over."""
    mood = _choose(MOODS, run.scenario or "steady")
    clock = FastClock(run.speed)
    crm = PlayedCrm(
        run.part,
        http,
        name="sim",
        clock=clock,
        host=run.host,
        port=run.port,
        trouble=Trouble(mood=mood, rng=random.Random(run.seed)),
    )
    async with crm:
        _say_address(crm.part, crm.url, say)
        if mood.clicks:
            await _pair(crm, say)
            await _click(crm, run, say)
        else:
            beside = {
                asyncio.create_task(_pair(crm, say, is_needed=False)),
                asyncio.create_task(_poll(crm, clock, say)),
            }
            try:
                await _listen(crm, run, say)
            finally:
                await end_all(beside)
        say(f"{len(crm.hub.ledger.finished)} calls heard, {len(crm.hub.questions)} questions answered")
        for what, times in crm.trouble.played.items():
            say(f"  {times} × {what}")
        if crm.not_fetched:
            url, reason = next(iter(crm.not_fetched.items()))
            raise PeerDown(
                f"{len(crm.not_fetched)} recordings could not be fetched, the first: {url}: {reason}"
            )


async def _listen(crm: PlayedCrm, run: Run, say: Say) -> None:
    said: set[str] = set()
    while run.calls is None or len(said) < run.calls:
        await asyncio.sleep(LOOK_EVERY_SECONDS)
        for call in crm.hub.ledger.finished:
            if call.call_id not in said:
                said.add(call.call_id)
                say(line_of(call))


async def _click(crm: PlayedCrm, run: Run, say: Say) -> None:
    rng = random.Random(run.seed)
    for index in range(run.calls or 1):
        if index:
            await asyncio.sleep(1 / run.rate if run.rate else 3.0)
        extension = rng.choice([one.extension for one in crm.people.staff])
        number = STRANGERS[index % len(STRANGERS)]
        await crm.click(extension, number)
        say(f"clicked: {extension} calls {number}")


async def _pair(player: PlayedPbx | PlayedCrm, say: Say, *, is_needed: bool = True) -> None:
    """Shake hands; a peer that is just starting is given some seconds."""
    try:
        for _ in range(PAIR_ATTEMPTS - 1):
            try:
                await player.pair()
                return
            except PeerDown:
                await asyncio.sleep(PAIR_GAP_SECONDS)
        await player.pair()
    except HubError as error:
        if is_needed:
            raise
        say(f"the peer does not take our address: {error.reason}")


async def _poll(crm: PlayedCrm, clock: FastClock, say: Say) -> None:
    """Read what the peer does not tell, for as long as it is played."""
    said = ""
    while True:
        try:
            seconds = await crm.poll()
        except HubError as error:
            if error.reason != said:
                said = error.reason
                say(f"the peer's history cannot be read: {said}")
            seconds = POLL_AGAIN_SECONDS
        if seconds is None:
            return
        await clock.sleep(seconds)


def _choose(table: Mapping[str, T], name: str) -> T:
    if name not in table:
        raise Misconfigured(f"expected one of {', '.join(table)}, got {name[:40]!r}", field="scenario")
    return table[name]


def _address(listen: str | None) -> tuple[str, int]:
    if not listen:
        return "127.0.0.1", 0
    host, _, port = listen.rpartition(":")
    if not port.isdecimal() or int(port) > 65535:
        raise Misconfigured(f"expected HOST:PORT, got {listen[:40]!r}", field="listen")
    return host.strip("[]") or "127.0.0.1", int(port)


def _say_address(part: Part, url: str, say: Say) -> None:
    say(f"listening on {url}")
    for name, path in part.side.urls.items():
        say(f"  {name}: {url}{path}")
    for root in part.api.root_paths if part.api is not None else ():
        say(f"  API: {url}{root}")
    for name in sorted(part.made_keys):
        say(f"  {name}: {part.keys[name]}")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
