"""The driver's hands: commands go out in order, only while the link is ours, and answers come back."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from switchhook.connectors.asterisk.drive.driver import Driver
from switchhook.connectors.asterisk.drive.runner import Runner
from switchhook.connectors.asterisk.drive.settings import DriveSettings
from switchhook.connectors.asterisk.wire.rest import RestRequest
from switchhook.core.errors import LinkLost, NotFound, PeerDown
from switchhook.core.ring_plan import RingPlan, RingStep
from tests.fakes import eventually

from .driving import CALLER, DID, order, plan, step
from .small_asterisk import SmallAsterisk


class Clock:
    """Goes as fast as it is asked to wait."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 21, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)
        await asyncio.sleep(0.005)


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes = b""


@dataclass
class Pbx:
    """The small Asterisk behind requests that take a moment."""

    small: SmallAsterisk = field(default_factory=SmallAsterisk)
    under_way: Counter[str] = field(default_factory=Counter)
    most_under_way: dict[str, int] = field(default_factory=dict)
    listed: list[str] = field(default_factory=list)
    is_silent: bool = False
    gate: asyncio.Event | None = None

    async def send(self, request: RestRequest) -> Answer:
        if self.is_silent:
            raise PeerDown("no answer")
        if self.gate is not None:
            await self.gate.wait()
        if request.uri in ("channels", "bridges") and request.method == "GET":
            self.listed.append(request.uri)
            rows = self.small.list_channels() if request.uri == "channels" else self.small.list_bridges()
            return Answer(200, msgspec.json.encode(rows))
        is_of_a_leg = request.uri == "channels" or request.uri.startswith("channels/swr")
        kind = "of legs" if is_of_a_leg else "of the call"
        self.under_way[kind] += 1
        self.most_under_way[kind] = max(self.most_under_way.get(kind, 0), self.under_way[kind])
        await asyncio.sleep(0.001)
        self.under_way[kind] -= 1
        return Answer(self.small.ask(request))


@dataclass
class Hub:
    plan: RingPlan
    is_ours: bool = True

    async def still_held(self) -> bool:
        return self.is_ours

    async def ring_plan(self, number: str, *, did: str | None = None, call_id: str | None = None) -> RingPlan:
        return self.plan


@dataclass
class Running:
    runner: Runner
    driver: Driver
    pbx: Pbx
    hub: Hub
    clock: Clock
    task: "asyncio.Task[None]"

    async def tell(self) -> None:
        """Deliver what the PBX has said."""
        for channel_id in list(self.pbx.small.events):
            events = self.pbx.small.events.pop(channel_id)
            await self.runner.hear([(event, self.clock.now()) for event in events])

    async def until(self, is_reached: Callable[[], bool]) -> None:
        async def told() -> None:
            while not is_reached():
                await self.tell()
                await asyncio.sleep(0.002)

        await asyncio.wait_for(told(), 5)


@asynccontextmanager
async def running(pbx: Pbx | None = None, *steps: RingStep) -> AsyncIterator[Running]:
    pbx, clock = pbx or Pbx(), Clock()
    hub = Hub(plan(*steps))
    driver = Driver(DriveSettings())
    runner = Runner(driver, pbx, hub, clock)
    task = asyncio.create_task(runner.run())
    try:
        yield Running(runner, driver, pbx, hub, clock, task)
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, LinkLost, PeerDown):
            await task


async def test_a_call_is_driven_from_its_first_word_to_its_end() -> None:
    async with running(None, step("101", "102")) as now:
        now.pbx.small.call(CALLER, "inbound", DID)
        await now.until(lambda: len(now.pbx.small.ringing) == 2)
        winner = now.pbx.small.ringing[0]
        now.pbx.small.answer(winner)
        await now.until(lambda: {CALLER, winner} in now.pbx.small.bridges.values())
        now.pbx.small.hang_up(CALLER, cause=16)
        await now.until(lambda: not now.driver.calls)

    assert not now.pbx.small.channels
    assert not now.pbx.small.bridges


async def test_phones_are_rung_at_once_and_all_else_of_a_call_in_order() -> None:
    async with running(None, step("101", "102", "103")) as now:
        now.pbx.small.call(CALLER, "inbound", DID)
        await now.until(lambda: len(now.pbx.small.ringing) == 3)
        now.pbx.small.answer(now.pbx.small.ringing[0])
        await now.until(lambda: bool(now.pbx.small.bridges))

    assert now.pbx.most_under_way["of legs"] > 1
    assert now.pbx.most_under_way["of the call"] == 1


async def test_what_is_heard_before_the_lists_are_read_comes_after_them() -> None:
    pbx = Pbx(gate=asyncio.Event())
    async with running(pbx, step("101")) as now:
        pbx.small.call(CALLER, "inbound", DID)
        await now.tell()
        await asyncio.sleep(0.02)
        assert now.driver.calls == ()

        assert pbx.gate is not None
        pbx.gate.set()
        await now.until(lambda: bool(pbx.small.ringing))

    assert len(pbx.small.made) == 1


async def test_nothing_is_sent_over_a_link_that_is_not_ours_any_more() -> None:
    async with running(None, step("101")) as now:
        await eventually(lambda: len(now.pbx.listed) == 2)
        now.hub.is_ours = False
        now.pbx.small.call(CALLER, "inbound", DID)
        await now.tell()

        with pytest.raises(LinkLost):
            await asyncio.wait_for(asyncio.shield(now.task), 5)

    assert now.pbx.small.made == []


async def test_a_pbx_without_lists_is_down() -> None:
    async with running(Pbx(is_silent=True)) as now:
        with pytest.raises(PeerDown):
            await asyncio.wait_for(asyncio.shield(now.task), 5)


async def test_a_dial_returns_when_the_phone_rings_and_says_when_it_cannot() -> None:
    async with running() as now:
        await now.runner.dial(order("one"), "Ivan")
        await now.runner.dial(order("one"), "Ivan")
        assert len(now.pbx.small.ringing) == 1

        now.pbx.small.unregistered = {"PJSIP/102"}
        with pytest.raises(NotFound, match="no phone of 102"):
            await now.runner.dial(order("two", "102"), "Ivan")


async def test_a_dial_under_way_is_told_that_the_link_is_gone() -> None:
    async with running() as now:
        await eventually(lambda: len(now.pbx.listed) == 2)
        now.pbx.gate = asyncio.Event()
        dialling = asyncio.create_task(now.runner.dial(order(), "Ivan"))
        await asyncio.sleep(0.02)
        now.task.cancel()

        with pytest.raises(PeerDown, match="the phone may ring"):
            await asyncio.wait_for(dialling, 5)


async def test_time_is_told_to_the_driver() -> None:
    async with running(None, step("101")) as now:
        now.pbx.small.call(CALLER, "inbound", DID)
        await now.until(lambda: now.pbx.small.continued == [CALLER])

    assert (now.clock.now() - datetime(2026, 11, 21, tzinfo=UTC)).total_seconds() >= 25
