"""The driver's hands on one open link: sends what it wants sent, tells it what was answered."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

import msgspec
import structlog

from switchhook.connectors.asterisk.drive.commands import AskPlan, Command, DialRefused, DialTaken, Rest
from switchhook.connectors.asterisk.drive.driver import Driver
from switchhook.connectors.asterisk.wire import ari, rest
from switchhook.connectors.asterisk.wire.rest import RestRequest
from switchhook.core.connector import DialOrder
from switchhook.core.errors import HubError, LinkLost, NotFound, PeerDown
from switchhook.core.ring_plan import RingPlan

T = TypeVar("T")

log = structlog.get_logger(__name__)

TICK_SECONDS = 0.2
# How long an order waits for the word that a phone rings; the link itself waits less for an answer.
DIAL_SECONDS = 12.0


class Answer(Protocol):
    @property
    def status(self) -> int: ...

    @property
    def body(self) -> bytes: ...


class Asker(Protocol):
    async def send(self, request: RestRequest) -> Answer:
        """Send one request, once. Raises: PeerDown: no answer came: it may have been done."""
        ...


class Planner(Protocol):
    """The part of `LinkHub` that is needed here."""

    async def still_held(self) -> bool: ...

    async def ring_plan(
        self, number: str, *, did: str | None = None, call_id: str | None = None
    ) -> RingPlan: ...


class Clock(Protocol):
    def now(self) -> datetime: ...

    async def sleep(self, seconds: float) -> None: ...


class Runner:
    """One for each open link. Nothing is sent before `run` was begun, nor after it has ended."""

    def __init__(self, driver: Driver, asker: Asker, hub: Planner, clock: Clock) -> None:
        self._driver = driver
        self._asker = asker
        self._hub = hub
        self._clock = clock
        self._held: list[tuple[ari.Event, datetime]] | None = []  # until the lists were read
        self._is_adopted = asyncio.Event()
        self._lanes: dict[str, deque[Rest]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._dials: dict[str, asyncio.Future[None]] = {}
        self._failure: asyncio.Future[None] | None = None

    async def hear(self, batch: Sequence[tuple[ari.Event, datetime]]) -> None:
        """Take in events, each with its time. Waits for nothing."""
        if self._held is not None:
            self._held += batch
            return
        for event, at in batch:
            self._do(self._driver.hear(event, at))

    async def run(self) -> None:
        """Adopt what goes on, then act until cancelled.

        Raises:
            PeerDown: the lists of channels and bridges cannot be had.
            LinkLost: another process holds the link now.
        """
        self._failure = asyncio.get_running_loop().create_future()
        try:
            await self._adopt()
            while not self._failure.done():
                await self._clock.sleep(TICK_SECONDS)
                self._do(self._driver.tick(self._clock.now()))
            self._failure.result()
        finally:
            self._held = []
            self._lanes.clear()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            if self._failure.done():
                self._failure.exception()
            for waiting in self._dials.values():
                if not waiting.done():
                    waiting.set_exception(PeerDown("the link to the PBX was lost; the phone may ring"))

    async def dial(self, order: DialOrder, name: str) -> None:
        """Ring the employee, then the number, whose owner is called `name`.

        Returns when a phone of the employee was asked to ring.

        Raises:
            NotFound: the employee has no phone that is registered.
            PeerDown: nothing was answered in time, or the link was lost: a phone may ring.
        """
        told = self._dials[order.id] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(DIAL_SECONDS):
                await self._is_adopted.wait()
                await self._check_held()
                commands = self._driver.dial(order, name, self._clock.now())
                if not commands:
                    return  # this order is under way, or over
                self._do(commands)
                await told
        except TimeoutError:
            raise PeerDown("the PBX did not say whether the phone rings; it may") from None
        finally:
            self._dials.pop(order.id, None)

    async def _adopt(self) -> None:
        channels = await self._list(rest.channels(), list[ari.Channel])
        bridges = await self._list(rest.bridges(), list[ari.Bridge])
        self._do(self._driver.adopt(channels, bridges, self._clock.now()))
        held, self._held = self._held or [], None
        self._is_adopted.set()
        await self.hear(held)

    async def _list(self, request: RestRequest, kind: type[list[T]]) -> list[T]:
        answer = await self._asker.send(request)
        if answer.status != 200:
            raise PeerDown(f"Asterisk does not list its {request.uri}: status {answer.status}")
        try:
            return msgspec.json.decode(answer.body, type=kind, strict=False)
        except msgspec.DecodeError as error:
            raise PeerDown(f"the list of {request.uri} cannot be read: {error}") from error

    def _do(self, commands: Sequence[Command]) -> None:
        for command in commands:
            match command:
                case Rest(may_overtake=True):
                    self._start(self._send(command))
                case Rest():
                    lane = self._lanes.get(command.lane)
                    if lane is None:
                        lane = self._lanes[command.lane] = deque()
                        self._start(self._work_off(command.lane, lane))
                    lane.append(command)
                case AskPlan():
                    self._start(self._plan(command))
                case DialTaken() | DialRefused():
                    self._tell(command)

    async def _work_off(self, key: str, lane: deque[Rest]) -> None:
        while lane:
            await self._send(lane.popleft())
        if self._lanes.get(key) is lane:
            del self._lanes[key]

    async def _send(self, command: Rest) -> None:
        await self._check_held()
        try:
            answer = await self._asker.send(command.request)
        except PeerDown as error:
            # It may have been done: the driver looks after it in time, or adopts it over the next link.
            log.warning("no answer from the PBX", request=command.request.uri, reason=error.reason)
            return
        if answer.status >= 400:
            log.info("the PBX refused", request=command.request.uri, status=answer.status)
        self._do(self._driver.answered(command.id, answer.status, answer.body, self._clock.now()))

    async def _plan(self, command: AskPlan) -> None:
        plan = await self._hub.ring_plan(command.number, did=command.did, call_id=command.call_id)
        self._do(self._driver.planned(command.call, plan, self._clock.now()))

    def _tell(self, said: DialTaken | DialRefused) -> None:
        waiting = self._dials.get(said.order_id)
        if waiting is None or waiting.done():
            return
        if isinstance(said, DialRefused):
            waiting.set_exception(NotFound(said.reason))
        else:
            waiting.set_result(None)

    async def _check_held(self) -> None:
        if not await self._hub.still_held():
            raise LinkLost("another process holds the link to this PBX")

    def _start(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(self._guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guarded(self, work: Awaitable[None]) -> None:
        try:
            await work
        except HubError as error:
            if self._failure is not None and not self._failure.done():
                self._failure.set_exception(error)
        except Exception as error:
            log.exception("a call could not be driven on")
            if self._failure is not None and not self._failure.done():
                self._failure.set_exception(
                    PeerDown(f"a call could not be driven on: {type(error).__name__}")
                )
