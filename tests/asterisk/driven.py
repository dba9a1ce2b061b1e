"""A driver with its hands on a real Asterisk, and a listener beside it that hears the same."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from switchhook.connectors.asterisk.drive.call import Phase
from switchhook.connectors.asterisk.drive.driver import Driver
from switchhook.connectors.asterisk.drive.runner import Runner
from switchhook.connectors.asterisk.drive.settings import DriveSettings
from switchhook.connectors.asterisk.listen.plan import Plan, read_phones
from switchhook.connectors.asterisk.wire import ari, rest
from switchhook.core.call import Call
from switchhook.core.directory import Caller, GroupKind
from switchhook.core.ring_plan import RingPlan, RingStep
from tests.asterisk.ears import AriEar
from tests.asterisk.server import AsteriskServer
from tests.connectors.asterisk.recordings import outcome, told

APP = "switchhook"
TALK_SECONDS = 0.5
SECONDS = 30.0  # only what is broken takes so long
SETTINGS = DriveSettings(
    app=APP,
    ring_seconds=15,
    hunt_seconds=1,
    queue_seconds=30,
    queue_ring_seconds=2,
    queue_pause_seconds=1,
    caller_id="74950000001",
    tells_position=True,
)


def step(*extensions: str, kind: GroupKind = GroupKind.RING, group: str | None = None) -> RingStep:
    return RingStep(extensions=extensions, kind=kind, because="told so", group=group)


def plan(*steps: RingStep, name: str | None = "Ivan Petrov") -> RingPlan:
    return RingPlan(caller=Caller(number="79101234567", name=name), steps=steps)


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@dataclass
class Planner:
    """The hub as the runner needs it."""

    plan: RingPlan
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    is_ours: bool = True

    async def still_held(self) -> bool:
        return self.is_ours

    async def ring_plan(self, number: str, *, did: str | None = None, call_id: str | None = None) -> RingPlan:
        self.asked.append((number, did))
        return self.plan


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes


class Asker:
    """Requests by HTTP, beside the ear's websocket."""

    def __init__(self, ear: AriEar) -> None:
        self._ear = ear

    async def send(self, request: rest.RestRequest) -> Answer:
        status, body = await self._ear.ask(request)
        return Answer(status, body if isinstance(body, bytes) else json.dumps(body).encode())


@dataclass
class Driven:
    """One hub's life at one PBX."""

    ear: AriEar
    driver: Driver
    runner: Runner
    planner: Planner
    heard_as: Plan

    async def until_clean(self) -> None:
        """Wait until no channel and no bridge is left, there and here."""
        until = asyncio.get_running_loop().time() + SECONDS
        while True:
            channels = await self.ear.must(rest.channels())
            bridges = await self.ear.must(rest.bridges())
            if not channels and not bridges and not self.driver.calls:
                return
            left = [one["name"] for one in channels], [one["id"] for one in bridges], self.driver.calls
            assert asyncio.get_running_loop().time() < until, f"left behind: {left}"
            await asyncio.sleep(0.05)

    async def until_talks(self) -> None:
        """Wait until the driver has a call and puts its parties together, and until they are."""
        until = asyncio.get_running_loop().time() + SECONDS
        while [call.phase for call in self.driver.calls] != [Phase.TALKING]:
            assert asyncio.get_running_loop().time() < until, self.driver.calls
            await asyncio.sleep(0.02)
        # Each channel goes into the bridge by a thread of its own.
        while not any(len(one["channels"]) > 1 for one in await self.ear.must(rest.bridges())):
            assert asyncio.get_running_loop().time() < until, "no two are in a bridge"
            await asyncio.sleep(0.02)
        await asyncio.sleep(TALK_SECONDS)

    async def until_heard(self, kind: type[ari.Event], *, count: int = 1) -> None:
        """Wait until so many events of a kind have come."""
        until = asyncio.get_running_loop().time() + SECONDS
        while sum(isinstance(one, kind) for one in self.ear.events) < count:
            assert asyncio.get_running_loop().time() < until, f"no {kind.__name__}"
            await asyncio.sleep(0.02)

    @property
    def calls(self) -> list[Call]:
        """The calls as the listener understood them, in the order in which they began."""
        return list(told(self.ear.moments, self.heard_as, sweeps=True).calls.values())

    @property
    def the_call(self) -> Call:
        (call,) = self.calls
        return call

    @property
    def legs(self) -> list[tuple[str, str]]:
        return list(outcome(self.the_call)["legs"])


@asynccontextmanager
async def driven(
    pbx: AsteriskServer,
    *steps: RingStep,
    settings: DriveSettings = SETTINGS,
    name: str | None = "Ivan Petrov",
    phones: str = "",
) -> AsyncIterator[Driven]:
    """Serve the application until the block ends; then the hub is gone as if it were killed."""
    planner = Planner(plan(*steps, name=name))
    async with AriEar(pbx, app=APP) as ear:
        driver = Driver(settings)
        runner = Runner(driver, Asker(ear), planner, SystemClock())

        async def hear() -> None:
            while True:
                event = await ear.heard.get()
                await runner.hear([(event, datetime.now(UTC))])

        tasks: Sequence[asyncio.Task[None]] = [asyncio.create_task(hear()), asyncio.create_task(runner.run())]
        try:
            yield Driven(ear, driver, runner, planner, Plan(phones=read_phones(phones)))
        finally:
            for task in tasks:
                task.cancel()
            for task in tasks:
                with contextlib.suppress(asyncio.CancelledError):
                    await task
