"""A call as it is told to the fold, second by second, the clock running in between."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from switchhook.core.call import Call, Change, News, Tick
from switchhook.core.fold import Birth, fold
from switchhook.core.timers import due_at

BIRTH = Birth(id="1", connection_id="c-1", shared_id="K", recording_token="t" * 32, call_id="K")


class Story:
    """Keeps every change that was made."""

    def __init__(self, starts: datetime) -> None:
        self.starts = starts
        self.call: Call | None = None
        self.changes: list[Change] = []

    @property
    def the_call(self) -> Call:
        assert self.call is not None
        return self.call

    def at(self, seconds: float) -> datetime:
        return self.starts + timedelta(seconds=seconds)

    def hear(self, news: Iterable[News], seconds: float) -> None:
        for one in news:
            self.call, changes = fold(self.call, one, at=self.at(seconds), birth=BIRTH)
            self.changes += changes

    def rest(self) -> "Story":
        """Let time pass until it changes nothing any more."""
        self.pass_time(until=float("inf"))
        return self

    def pass_time(self, *, until: float) -> None:
        for _ in range(50):
            due = due_at(self.call) if self.call is not None else None
            if due is None or (due - self.starts).total_seconds() >= until:
                return
            self.hear([Tick(call_id="K")], (due - self.starts).total_seconds())
        raise AssertionError(f"the clock never comes to rest: {self.call}")
