"""Calls told in one line each: what is heard, when, and what the fold makes of it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from switchhook.core.call import (
    Call,
    CallEvent,
    CallReport,
    Change,
    ChangeKind,
    Direction,
    Disposition,
    Happening,
    News,
    RecordingKept,
    Tick,
)
from switchhook.core.fold import Birth, fold
from switchhook.core.timers import due_at

START = datetime(2026, 3, 4, 10, 15, 30, tzinfo=UTC)
BIRTH = Birth(id="1", connection_id="c-1", shared_id="K", recording_token="t" * 32, call_id="K")

IN, OUT = Direction.INBOUND, Direction.OUTBOUND


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def rings(extension: str, **more: Any) -> CallEvent:
    return _event(Happening.RINGING, extension, **more)


def answers(extension: str, **more: Any) -> CallEvent:
    return _event(Happening.ANSWERED, extension, **more)


def ends(extension: str | None, disposition: Disposition | None = None, **more: Any) -> CallEvent:
    return _event(Happening.ENDED, extension, disposition=disposition, **more)


def success(extension: str, seconds: int, **more: Any) -> CallEvent:
    return ends(extension, Disposition.ANSWERED, talk_seconds=seconds, **more)


def missed(extension: str, **more: Any) -> CallEvent:
    return ends(extension, Disposition.MISSED, **more)


def cancelled(extension: str, **more: Any) -> CallEvent:
    return ends(extension, Disposition.CANCELLED, **more)


def record(url: str = "https://pbx.example.test/r/K.mp3", **more: Any) -> CallEvent:
    return CallEvent(call_id="K", happening=Happening.RECORDED, recording_url=url, **more)


def kept(url: str = "https://pbx.example.test/r/K.mp3", *, is_kept: bool = True) -> RecordingKept:
    return RecordingKept(call_id="K", url=url, is_kept=is_kept)


def report(disposition: Disposition, extension: str | None = None, **more: Any) -> CallReport:
    facts: dict[str, Any] = {"direction": IN, "number": "79165550142", "started_at": START, **more}
    return CallReport(call_id="K", disposition=disposition, extension=extension, **facts)


def _event(happening: Happening, extension: str | None, **more: Any) -> CallEvent:
    facts: dict[str, Any] = {"direction": IN, "number": "79165550142", **more}
    return CallEvent(call_id="K", happening=happening, extension=extension, **facts)


class Story:
    """A call as it is told; keeps every change it made."""

    def __init__(self) -> None:
        self.call: Call | None = None
        self.changes: list[Change] = []

    def hear(self, news: News, seconds: float) -> tuple[Change, ...]:
        self.call, changes = fold(self.call, news, at=after(seconds), birth=BIRTH)
        self.changes.extend(changes)
        return changes

    def rest(self) -> "Story":
        """Let time pass until it changes nothing any more."""
        self.pass_time(until=float("inf"))
        return self

    def pass_time(self, *, until: float) -> None:
        for _ in range(50):
            due = due_at(self.call) if self.call is not None else None
            if due is None or (due - START).total_seconds() >= until:
                return
            self.hear(Tick(call_id="K"), (due - START).total_seconds())
        raise AssertionError(f"the clock never comes to rest: {self.call}")

    @property
    def the_call(self) -> Call:
        assert self.call is not None
        return self.call

    def told(self, *kinds: ChangeKind) -> list[str]:
        """Every change as a short line, or those of these kinds."""
        return [line(change) for change in self.changes if not kinds or change.kind in kinds]


def line(change: Change) -> str:
    parts = [change.kind.value, ",".join(change.extensions)]
    if change.disposition is not None:
        parts.append(change.disposition.value)
    if change.talk_seconds:
        parts.append(f"{change.talk_seconds}s")
    return " ".join(part for part in parts if part)


def told(*heard: tuple[float, News]) -> Story:
    """Tell news at their seconds, the clock running in between and to the end."""
    story = Story()
    for seconds, news in heard:
        story.pass_time(until=seconds)
        story.hear(news, seconds)
    return story.rest()


def together(news: Sequence[News], seconds: float = 0.0) -> Story:
    """Tell news all within one second, in this order."""
    return told(*((seconds + index / 100, one) for index, one in enumerate(news)))
