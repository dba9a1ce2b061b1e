"""Telling a peer what became of a call: in order per call, at the pace that its protocol allows."""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from switchhook.core.call import Call, Change
from switchhook.core.connector import Side
from switchhook.core.errors import HubError
from switchhook.core.outcome import Delivered, GiveUp, NotSent, Outcome, TryAgain
from switchhook.core.schedule import delay_seconds
from switchhook.flow.clock import Clock
from switchhook.flow.taking import heard_by
from switchhook.sim.listener import end_all
from switchhook.sim.stage import PlayedHub


@dataclass(frozen=True, kw_only=True)
class Sent:
    """One change, and what the peer said to it."""

    call_id: str
    change: Change
    outcome: Outcome

    @property
    def is_taken(self) -> bool:
        return isinstance(self.outcome, Delivered)

    @property
    def has_failed(self) -> bool:
        return not isinstance(self.outcome, Delivered | NotSent)


class Teller:
    """Delivers the changes of a played PBX.

    `attempts` is how often each is tried: most PBXs try once. With `late_seconds` each is late by up to
    that, whatever the others do, so that they overtake each other.
    """

    def __init__(
        self,
        side: Side,
        hub: PlayedHub,
        *,
        clock: Clock,
        attempts: int = 1,
        late_seconds: float = 0.0,
        rng: random.Random | None = None,
        on_sent: Callable[[Sent], None] = lambda sent: None,
    ) -> None:
        assert side.deliver is not None
        self._side, self._deliver, self._hub = side, side.deliver, hub
        self._clock = clock
        self._attempts = attempts
        self._late_seconds = late_seconds
        self._rng = rng or random.Random(1)
        self._on_sent = on_sent
        self._next_at = clock.now()
        self._tasks_of: dict[str, list[asyncio.Task[None]]] = {}
        self.sent: list[Sent] = []

    def tell(self, call: Call, changes: Sequence[Change]) -> None:
        """Queue changes behind earlier ones of the same call; does not wait."""
        for change in heard_by(self._side, changes, call):
            tasks = self._tasks_of.setdefault(call.call_id, [])
            before = tasks[-1] if tasks else None
            tasks.append(asyncio.create_task(self._tell(call, change, before)))

    async def done(self, call_id: str) -> None:
        """Wait until everything told of this call has been delivered."""
        if tasks := self._tasks_of.get(call_id):
            await asyncio.wait(tasks)

    async def close(self) -> None:
        await end_all({task for tasks in self._tasks_of.values() for task in tasks})

    async def _tell(self, call: Call, change: Change, before: "asyncio.Task[None] | None") -> None:
        if self._late_seconds:
            await self._clock.sleep(self._rng.uniform(0, self._late_seconds))
        elif before is not None:
            await asyncio.wait({before})
        outcome: Outcome = GiveUp("never tried")
        for attempt in range(1, self._attempts + 1):
            await self._keep_pace()
            outcome = await self._try(call, change)
            if not isinstance(outcome, TryAgain) or attempt == self._attempts:
                break
            asked = outcome.retry_after_seconds
            await self._clock.sleep(delay_seconds(attempt, jitter=0.5, retry_after_seconds=asked) or 0)
        sent = Sent(call_id=call.call_id, change=change, outcome=outcome)
        self.sent.append(sent)
        self._on_sent(sent)

    async def _try(self, call: Call, change: Change) -> Outcome:
        try:
            return await self._deliver(change, call, self._hub.link, self._hub)
        except HubError as error:
            return GiveUp(error.reason)

    async def _keep_pace(self) -> None:
        now = self._clock.now()
        at = max(self._next_at, now)
        self._next_at = at + timedelta(seconds=1 / self._side.rate_per_second)
        await self._clock.sleep((at - now).total_seconds())
