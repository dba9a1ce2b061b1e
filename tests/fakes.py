"""Shared stand-ins: a clock turned by hand, ids in a row, a peer that does as it is told."""

import asyncio
import itertools
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from switchhook.core.call import Call, Change, ChangeKind
from switchhook.core.connector import Hub, Link, Role, Side
from switchhook.core.directory import Availability
from switchhook.core.outcome import Delivered, Outcome

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
# Real time: only a broken test waits so long.
PATIENCE_SECONDS = 20.0


class FakeClock:
    """Time that passes only when told to."""

    def __init__(self, at: datetime = START) -> None:
        self._now = at
        self._sleepers: list[tuple[datetime, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return self._now

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        sleeper = asyncio.get_running_loop().create_future()
        self._sleepers.append((self._now + timedelta(seconds=seconds), sleeper))
        await sleeper

    def pass_time(self, seconds: float) -> None:
        """Let time pass and wake who has slept enough."""
        self._now += timedelta(seconds=seconds)
        awake = [sleeper for at, sleeper in self._sleepers if at <= self._now]
        self._sleepers = [(at, sleeper) for at, sleeper in self._sleepers if at > self._now]
        for sleeper in awake:
            if not sleeper.done():
                sleeper.set_result(None)

    async def pass_until(self, is_reached: Callable[[], bool], *, step: float = 0.5) -> None:
        """Let time pass, step by step, until something holds."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not is_reached():
                self.pass_time(step)
                await asyncio.sleep(0.004)


async def eventually(is_reached: Callable[[], bool]) -> None:
    """Wait in real time until something holds, while the fake clock stands still."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not is_reached():  # noqa: ASYNC110 - anything may be waited for, from any thread
            await asyncio.sleep(0.002)


class NumberedIds:
    """Ids and tokens that sort and never repeat."""

    def __init__(self, prefix: str = "") -> None:
        self._prefix = prefix
        self._numbers = itertools.count(1)

    def new_id(self, at: datetime) -> str:
        return f"{self._prefix}{next(self._numbers):0{26 - len(self._prefix)}}"

    def new_token(self, at: datetime) -> str:
        return f"{self._prefix}token{next(self._numbers):0{27 - len(self._prefix)}}"


@dataclass(frozen=True)
class Heard:
    """One message as a peer got it."""

    at: datetime
    call_id: str  # the id that the PBX gave
    kind: str
    extension: str
    version: int  # how many legs and recordings the call had, to see that it was not a later one


@dataclass
class ScriptedPeer:
    """A CRM that answers as told: first from `answers`, then by `answer`."""

    clock: FakeClock
    answer: Outcome | Exception = field(default_factory=Delivered)
    answers: deque[Outcome | Exception] = field(default_factory=deque)
    answers_of_call: Mapping[str, Outcome | Exception] = field(default_factory=dict)
    heard: list[Heard] = field(default_factory=list)
    statuses: list[tuple[str, Availability]] = field(default_factory=list)
    gate: asyncio.Event | None = None  # closed: the peer takes requests and does not answer
    seconds: float = 0.0  # that an answer takes, real ones
    at_once: int = 0
    most_at_once: int = 0

    def side(self, **kwargs: object) -> Side:
        return Side(role=Role.CRM, deliver=self.deliver, set_presence=self.set_presence, **kwargs)  # type: ignore[arg-type]

    async def deliver(self, change: Change, call: Call, link: Link, hub: Hub) -> Outcome:
        self.heard.append(
            Heard(
                self.clock.now(),
                call.call_id,
                change.kind.value,
                change.extension,
                len(call.legs) + len(call.recordings),
            )
        )
        return await self._answered(call.call_id)

    async def set_presence(self, extension: str, availability: Availability, link: Link, hub: Hub) -> Outcome:
        self.statuses.append((extension, availability))
        return await self._answered(extension)

    def kinds(self, call_id: str | None = None) -> list[str]:
        """What was heard, of one call or all, as "leg.ringing 101"."""
        return [
            f"{one.kind} {one.extension}".rstrip()
            for one in self.heard
            if call_id is None or one.call_id == call_id
        ]

    def count(self, kind: ChangeKind) -> int:
        return sum(one.kind == kind.value for one in self.heard)

    async def _answered(self, name: str) -> Outcome:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            # Decided on arrival: what a peer does to one request does not change with the next.
            answer = self.answers.popleft() if self.answers else self.answers_of_call.get(name, self.answer)
            if self.gate is not None:
                await self.gate.wait()
            await asyncio.sleep(self.seconds)
            if isinstance(answer, Exception):
                raise answer
            return answer
        finally:
            self.at_once -= 1
