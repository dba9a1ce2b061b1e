"""Figures of a hub that drives a real Asterisk: how soon phones ring and cards open, and how many calls go.

The hub is a process of its own; Asterisk and the callers are the lab of tests/asterisk.
"""

import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import aiohttp

from bench.measures import Figures
from bench.sip import Caller, Phone, Rung
from switchhook.connectors.asterisk.listen.from_ari import read_time
from switchhook.connectors.asterisk.wire import ari
from switchhook.core.call import Phase
from switchhook.core.directory import Contact, GroupKind
from tests.asterisk.actors import Actors
from tests.asterisk.bridged import STAFF, Company, settings_for, until
from tests.asterisk.configuration import OFFICES
from tests.asterisk.ears import AriEar
from tests.asterisk.hub_process import company_of_processes
from tests.asterisk.loading import every_call, pour
from tests.asterisk.scenario import SipFailed
from tests.asterisk.server import AsteriskServer

ROUTED, BARE = "74950000001", "74950000000"  # by the hub, and into an application of our own
BETWEEN_CALLS_SECONDS = 0.2
RINGS_SECONDS = 0.15
STEPS = (10, 20, 40, 80, 120)
STEP_SECONDS = 5.0
# Whoever waits longer than this for a whole step's calls to end has been let down.
STEP_SLACK_SECONDS = 8.0


async def measure(*, quick: bool) -> Figures:
    """Start a PBX and a hub, measure, end both. Raises: AsteriskMissing."""
    figures: Figures = {}
    with AsteriskServer(22) as pbx, tempfile.TemporaryDirectory(prefix="switchhook-bench-") as name:
        calls = 40 if quick else 200
        async with driving(Path(name) / "ring", pbx) as office:
            figures |= await rings_and_cards(office, pbx, calls=calls)
        async with driving(Path(name) / "drive", pbx, ring_talking="true") as office:
            figures |= await calls_per_second(office, pbx, steps=STEPS[:2] if quick else STEPS)
        figures |= await one_minute(Path(name) / "minute", pbx, seconds=6 if quick else 60)
    return figures


@asynccontextmanager
async def driving(folder: Path, pbx: AsteriskServer, **settings: str) -> AsyncIterator[Company]:
    """A hub with a directory, that drives the PBX."""
    async with company_of_processes(folder) as (office, (hub,)):
        for index, one in enumerate(STAFF * 20):
            await office.add_contact(
                Contact(
                    id=0, name=f"Client {index}", phones=(f"+{_client(index)}",), responsible=one.extension
                )
            )
        for room in OFFICES:
            await office.add_line(f"+7495000{room - 1}001", GroupKind.RING, f"{room}01")
        await office.make_api_key("bench")
        await office.add_pbx("pbx", settings_for(pbx, "ari", **settings))
        await hub.start()
        await office.until_up("pbx")
        await asyncio.sleep(5)  # its pages are made a little after the start
        yield office


async def rings_and_cards(office: Company, pbx: AsteriskServer, *, calls: int) -> Figures:
    """INVITE until the phone of the responsible rings, and from the PBX's own word of that to the card."""
    host, port = pbx.sip_address.split(":")
    rung: dict[str, Rung] = {}
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        ear = await stack.enter_async_context(AriEar(pbx, app="load"))
        started = await stack.enter_async_context(_started(ear))
        cards = await stack.enter_async_context(_cards(office))
        transport, caller = await loop.create_datagram_endpoint(
            lambda: Caller((host, int(port))), local_addr=("127.0.0.1", 0)
        )
        stack.callback(transport.close)
        for one in STAFF:
            phone, _ = await loop.create_datagram_endpoint(
                lambda: Phone(rung), local_addr=("127.0.0.1", pbx.ports.phone(one.extension))
            )
            stack.callback(phone.close)
        begun = await _call(caller, BARE, range(1000, 1000 + calls))
        sent = await _call(caller, ROUTED, range(calls))
        await asyncio.sleep(1)
        said = _said_to_ring(ear.events)
    waits = [(rung[one].at - at) * 1000 for one, at in sent.items() if one in rung]
    own = [(started[one] - at) * 1000 for one, at in begun.items() if one in started]
    delays = [(cards[one] - said[one]) * 1000 for one in sent if one in cards and one in said]
    named = sum(f'"Client {int(one[-5:])}"' in rung[one].shown for one in sent if one in rung)
    return {
        "ring_calls": float(calls),
        "ring_silent_or_nameless": float(calls - named),
        "ring_p50_ms": statistics.median(waits),
        "ring_p95_ms": _p95(waits),
        "own_start_p50_ms": statistics.median(own),
        "own_start_p95_ms": _p95(own),
        "ring_ratio": statistics.median(waits) / statistics.median(own),
        "card_lost": float(calls - len(delays)),
        "card_p50_ms": statistics.median(delays),
        "card_p95_ms": _p95(delays),
    }


async def calls_per_second(office: Company, pbx: AsteriskServer, *, steps: Sequence[int]) -> Figures:
    """Routed by the hub, answered, recorded and hung up: the highest step at which no call failed."""
    reached = 0
    made = 0
    for per_second in steps:
        each = round(per_second * STEP_SECONDS / len(OFFICES))
        async with Actors(pbx) as sip:
            for room in OFFICES:
                await sip.answers(f"{room}01", ring_seconds=0.1, calls=each)
            for room in OFFICES:
                await sip.calls_often(
                    f"7495000{room - 1}001",
                    calls=each,
                    per_second=per_second / len(OFFICES),
                    callers=f"79{room}",
                    talk_seconds=0.5,
                )
            try:
                await sip.all_as_scripted(within_seconds=STEP_SECONDS + STEP_SLACK_SECONDS)
            except SipFailed:
                break
        made += each * len(OFFICES)
        with suppress(AssertionError):
            await until(partial(_all_answered, office, made), 30)
        if not await _all_answered(office, made):
            break
        reached = per_second
    await asyncio.to_thread(pbx.hang_everything_up)
    return {"drive_calls_per_second": float(reached)}


async def _all_answered(office: Company, made: int) -> bool:
    calls = await every_call(office)
    return sum(call.phase is Phase.FINAL and call.has_talked for call in calls) >= made


async def one_minute(folder: Path, pbx: AsteriskServer, *, seconds: float) -> Figures:
    """Twenty calls a second of the dialplan's own, listened to, and told to a receiver of webhooks."""
    async with company_of_processes(folder) as (office, (hub,)):
        await office.add_hook("webhook")
        await office.add_pbx("pbx", settings_for(pbx, "ari"))
        await hub.start()
        await office.until_up("pbx")
        poured = await pour(office, pbx, "webhook", per_second=20, seconds=seconds)
    return {
        "minute_calls": float(poured.made),
        "minute_lost": float(poured.lost),
        "minute_twice": float(poured.twice),
        "minute_out_of_order": float(poured.out_of_order),
        "minute_faults": float(poured.lost + poured.twice + poured.out_of_order),
    }


def _client(index: int) -> str:
    return f"7913{index:07}"


async def _call(caller: Caller, called: str, numbers: Sequence[int]) -> dict[str, float]:
    """Call at a steady pace and give each up soon; when each was sent, by its number."""
    loop = asyncio.get_running_loop()
    sent = {}
    for number in map(_client, numbers):
        sent[number] = caller.call(number, called)
        loop.call_later(RINGS_SECONDS, caller.give_up, number)
        await asyncio.sleep(BETWEEN_CALLS_SECONDS)
    await asyncio.sleep(0.5)
    return sent


@asynccontextmanager
async def _started(ear: AriEar) -> AsyncIterator[dict[str, float]]:
    """Note when the application of the ear itself was given each call, by the caller's number."""
    started: dict[str, float] = {}

    async def note() -> None:
        while True:
            event = await ear.heard.get()
            if isinstance(event, ari.StasisStart) and event.application == ear.app:
                started.setdefault(event.channel.caller.number, time.perf_counter())

    async with _running(note()):
        yield started


@asynccontextmanager
async def _cards(office: Company) -> AsyncIterator[dict[str, float]]:
    """Note when the live stream told of each call first, in seconds since 1970, by the caller's number."""
    seen: dict[str, float] = {}
    is_open = asyncio.Event()

    async def note() -> None:
        headers = {"authorization": f"Bearer {office.api_key}"}
        no_end = aiohttp.ClientTimeout(total=None)
        async with (
            aiohttp.ClientSession(timeout=no_end) as http,
            http.get(f"{office.public_url}/api/v1/live", headers=headers) as answer,
        ):
            answer.raise_for_status()
            is_open.set()
            async for line in answer.content:
                at = time.time()
                if line.startswith(b"data:") and b'"number"' in line:
                    call = json.loads(line[5:]).get("call")
                    if call is not None:
                        seen.setdefault(call["number"]["raw"], at)

    async with _running(note()):
        await asyncio.wait_for(is_open.wait(), 10)
        yield seen


@asynccontextmanager
async def _running(job: Coroutine[object, object, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(job)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _said_to_ring(events: Sequence[ari.Event]) -> dict[str, float]:
    """Say when Asterisk noted that a phone rings, in seconds since 1970, by the number that it shows."""
    said: dict[str, float] = {}
    for event in events:
        if isinstance(event, ari.ChannelStateChange) and event.channel.state == "Ringing":
            at = read_time(event.timestamp)
            if at is not None:
                said.setdefault(event.channel.connected.number or event.channel.caller.number, at.timestamp())
    return said


def _p95(values: Sequence[float]) -> float:
    return sorted(values)[min(len(values) - 1, int(0.95 * len(values)))]
