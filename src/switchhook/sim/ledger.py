"""The calls of one played side, as its own fold makes them of what it tells or hears."""

import asyncio
import secrets
from collections.abc import Callable
from datetime import datetime

from switchhook.core.call import Call, CallEvent, Change, News, Phase, Tick
from switchhook.core.fold import Birth, fold
from switchhook.core.timers import due_at
from switchhook.flow.clock import Clock, wait_for_either

# Told of a call that changed, and of what became true; must not wait.
Listener = Callable[[Call, tuple[Change, ...]], None]

IDLE_SECONDS = 60.0


class Ledger:
    """Calls by the peer's id; several ids may mean one call. `run` lets time pass for them."""

    def __init__(self, clock: Clock, connection_id: str, listener: Listener) -> None:
        self._clock = clock
        self._connection_id = connection_id
        self._listener = listener
        self._touched = asyncio.Event()
        self.calls: dict[str, Call] = {}
        self.news: list[News] = []  # everything heard, as it came

    def take(self, news: News) -> Call | None:
        """Fold one piece of news in; None when it is about no call that there is."""
        call_id = news.call_id or self._newest_open(news)
        if call_id is None:
            return None
        if not isinstance(news, Tick):
            self.news.append(news)
        birth = Birth(
            id=call_id,
            connection_id=self._connection_id,
            shared_id=call_id,
            recording_token=secrets.token_urlsafe(16),
            call_id=call_id,
        )
        call, changes = fold(self.calls.get(call_id), news, at=self._clock.now(), birth=birth)
        self.calls[call_id] = call
        self._touched.set()
        self._listener(call, changes)
        return call

    async def run(self) -> None:
        """Tick calls as they become due, until cancelled."""
        while True:
            self._touched.clear()
            now = self._clock.now()
            times: list[datetime] = []
            for call_id, call in list(self.calls.items()):
                due = due_at(call)
                if due is not None and due <= now:
                    due = due_at(self.take(Tick(call_id=call_id)) or call)
                if due is not None:
                    times.append(due)
            self._touched.clear()
            seconds = min(
                ((time - self._clock.now()).total_seconds() for time in times), default=IDLE_SECONDS
            )
            await wait_for_either(self._clock, self._touched, max(seconds, 0.01))

    @property
    def finished(self) -> list[Call]:
        return [call for call in self.calls.values() if call.phase is Phase.FINAL and not call.is_shadow]

    def _newest_open(self, news: News) -> str | None:
        """A peer that gives no id means the newest open call of that number, or a new one."""
        if not isinstance(news, CallEvent):
            return None
        open_calls = [
            call_id
            for call_id, call in self.calls.items()
            if call.number == news.number and call.phase is Phase.OPEN
        ]
        return open_calls[-1] if open_calls else f"unnamed-{len(self.calls) + 1}"
