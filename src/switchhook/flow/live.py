"""Fan-out to open browsers and streams: the newest snapshot of each call, to those who may see it.

What a subscriber has not fetched yet is kept once per call, so a slow one costs no more than the
calls that changed meanwhile; beyond a bound it is told to start over.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from switchhook.core.call import Call, Change
from switchhook.flow.clock import Clock
from switchhook.flow.taking import Taken
from switchhook.store import Store, calls
from switchhook.store.times import to_millis

MOST_WAITING = 200
MOST_REPLAYED = 500
# Nodes' clocks differ, and a commit takes its time: so much is told again rather than lost.
# A snapshot told twice changes nothing.
OVERLAP = timedelta(seconds=30)


@dataclass(frozen=True, kw_only=True)
class Update:
    """A call as it now is, and what became true since this subscriber last heard of it.

    `id` only grows. It is a moment in milliseconds: counting would make every writer of an account
    wait for the others.
    """

    id: int
    call: Call
    changes: tuple[Change, ...] = ()
    version: int = 0


@dataclass(frozen=True, kw_only=True)
class Resync:
    """More changed than was kept: read the lists again, then go on."""

    id: int


Filter = Callable[[Call], bool]


class Subscription:
    """What one subscriber has still to hear. Iterate over `next()`."""

    def __init__(self, wants: Filter, *, most_waiting: int) -> None:
        self.wants = wants
        self._most_waiting = most_waiting
        self._waiting: dict[str, Update] = {}  # newest last
        self._resync: Resync | None = None
        self._has_news = asyncio.Event()

    async def next(self) -> list[Update | Resync]:
        """Wait for something, then give all there is, in the order of ids."""
        await self._has_news.wait()
        self._has_news.clear()
        resync, waiting = self._resync, list(self._waiting.values())
        self._resync, self._waiting = None, {}
        return [*([resync] if resync else []), *waiting]

    def put(self, update: Update) -> None:
        self._has_news.set()
        old = self._waiting.pop(update.call.id, None)
        if old is not None:
            update = _joined(old, update)
        self._waiting[update.call.id] = update
        if len(self._waiting) > self._most_waiting:
            self._waiting.clear()
            self._resync = Resync(id=update.id)


class Live:
    """Publishes what intake took, to subscribers of the same account."""

    def __init__(self, store: Store, *, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._last_id = 0
        self._subscriptions: dict[int, set[Subscription]] = {}

    def note(self, taken: Taken) -> None:
        """A listener of intake."""
        for told in taken.told:
            self.publish(taken.account_id, told.call, told.changes, told.version)

    def publish(self, account_id: int, call: Call, changes: Sequence[Change], version: int) -> None:
        """Tell everyone who may see this call, before or after it changed."""
        subscriptions = self._subscriptions.get(account_id)
        if not subscriptions:
            return
        update = Update(id=self._new_id(), call=call, changes=tuple(changes), version=version)
        for subscription in subscriptions:
            if subscription.wants(call):
                subscription.put(update)

    @contextmanager
    def subscribe(
        self, account_id: int, wants: Filter = lambda call: True, *, most_waiting: int = MOST_WAITING
    ) -> Iterator[Subscription]:
        """Listen from now on; ends with the block. Subscribe first, then read lists or `missed`."""
        subscription = Subscription(wants, most_waiting=most_waiting)
        self._subscriptions.setdefault(account_id, set()).add(subscription)
        try:
            yield subscription
        finally:
            left = self._subscriptions[account_id]
            left.discard(subscription)
            if not left:
                del self._subscriptions[account_id]

    async def missed(
        self, account_id: int, last_id: int, wants: Filter = lambda call: True
    ) -> list[Update | Resync]:
        """Give what changed since a browser's `Last-Event-ID`, perhaps with some it has already.

        Their ids are not above those of what is published later.
        """
        since = last_id - OVERLAP // timedelta(milliseconds=1)
        found = await self._store.read(calls.changed_since, account_id, since, limit=MOST_REPLAYED + 1)
        if len(found) > MOST_REPLAYED:
            return [Resync(id=self._new_id())]
        return [
            Update(id=changed_ms, call=call, version=version)
            for changed_ms, version, call in found
            if wants(call)
        ]

    def _new_id(self) -> int:
        self._last_id = max(self._last_id + 1, to_millis(self._clock.now()))
        return self._last_id


def _joined(old: Update, new: Update) -> Update:
    """Join what waits with what comes; commits of two writers may be told in either order."""
    newest, other = (new, old) if new.version >= old.version else (old, new)
    return Update(
        id=new.id,
        call=newest.call,
        changes=(*other.changes, *newest.changes),
        version=newest.version,
    )
