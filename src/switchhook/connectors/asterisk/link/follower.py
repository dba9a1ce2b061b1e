"""The listener of one PBX, tied to the hub: what it makes of messages is stored, in their order."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import structlog

from switchhook.connectors.asterisk.link.clock import Clock
from switchhook.connectors.asterisk.link.vanished import closing_news
from switchhook.connectors.asterisk.listen.billing import Claim
from switchhook.connectors.asterisk.listen.listener import Listener
from switchhook.connectors.asterisk.listen.recording import Recording
from switchhook.connectors.asterisk.listen.sight import LiveChannel, Sight
from switchhook.core.call import News
from switchhook.core.errors import StoreDown
from switchhook.core.link_hub import LinkHub

log = structlog.get_logger(__name__)

# What was heard cannot be asked for again, so it is kept until the store takes it.
STORE_RETRY_SECONDS = 1.0
SWEEP_EVERY_SECONDS = 1.0


class Follower:
    """Outlives a socket: after a reconnect it knows what it knew."""

    def __init__(
        self, listener: Listener, hub: LinkHub, clock: Clock, *, found: Callable[[Recording], None]
    ) -> None:
        """`found` is told of each recording that may be there."""
        self._listener = listener
        self._hub = hub
        self._clock = clock
        self._found = found
        # News leave in the order in which the listener gave them, whoever made it speak.
        self._in_order = asyncio.Lock()

    async def hear(self, sights: Sequence[tuple[Sight, datetime]]) -> None:
        """Take sights in, each with the time when it was so; one transaction for all of them.

        Raises: LinkLost: nothing of them was stored.
        """
        async with self._in_order:
            heard_at = self._clock.now()
            news: list[News] = []
            for sight, at in sights:
                news += self._listener.hear(sight, at, heard_at=max(at, heard_at))
            await self._accept(news)

    async def compare(self, rows: Sequence[LiveChannel], *, asked_at: datetime) -> None:
        """Take in the list of live channels, and close what the hub believes open beyond it.

        Raises: LinkLost.
        """
        async with self._in_order:
            # Before anything is told: what goes on is heard of now, and may have phones that ring no more.
            silent = {
                call.call_id
                for call in await self._hub.open_calls()
                if call.last_heard_at is None or call.last_heard_at <= asked_at
            }
            await self._accept(self._listener.compare(rows, asked_at=asked_at, at=self._clock.now()))
            believed = [call for call in await self._hub.open_calls() if call.call_id in silent]
            await self._accept(closing_news(believed, self._going_on()))

    async def sweep(self) -> None:
        """Let time tell what only time tells, each second, until cancelled. Raises: LinkLost."""
        while True:
            await self._clock.sleep(SWEEP_EVERY_SECONDS)
            async with self._in_order:
                await self._accept(self._listener.sweep(self._clock.now()))

    async def tell(self, news: Sequence[News]) -> None:
        """Store news that the listener has no part in. Raises: LinkLost."""
        async with self._in_order:
            await self._accept(news)

    def claims(self) -> Sequence[Claim]:
        """Give what the PBX put down of calls that were heard in part; see `Listener.claims`."""
        return self._listener.claims()

    def _going_on(self) -> Mapping[str, set[str]]:
        """Give the extensions whose end is not told, by call; also of calls that are over by now."""
        return {
            call.id: {leg.extension for leg in call.legs if leg.ended is None}
            for call in self._listener.calls
            if call.legs or call.over_at is None
        }

    async def _accept(self, news: Sequence[News]) -> None:
        # First, so that they are known should the link be lost here. They are told of by `tell`, after these.
        for recording in self._listener.found():
            self._found(recording)
        while news:
            try:
                await self._hub.accept(news)
            except StoreDown as error:
                log.warning("asterisk: news wait for the store", news=len(news), reason=error.reason)
                await self._clock.sleep(STORE_RETRY_SECONDS)
            else:
                return
