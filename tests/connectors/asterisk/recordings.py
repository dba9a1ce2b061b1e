"""Recordings of a real Asterisk, played to the listener, and its news folded into calls."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from switchhook.connectors.asterisk.listen import from_ami, from_ari
from switchhook.connectors.asterisk.listen.listener import Listener
from switchhook.connectors.asterisk.listen.plan import Plan
from switchhook.connectors.asterisk.listen.recording import Recording
from switchhook.connectors.asterisk.listen.sight import Sight
from switchhook.connectors.asterisk.wire import ari
from switchhook.connectors.asterisk.wire.ami import Frame
from switchhook.core.call import Call, CallEvent, Change, Disposition, News, Tick
from switchhook.core.fold import Birth, fold
from switchhook.core.timers import due_at
from tests.core.story import after

GOLDEN = Path(__file__).parent / "golden"
CASES = sorted(path.name for path in GOLDEN.iterdir())

Moment = tuple[float, Sight]  # seconds since the recording began


@cache
def ami_of(case: str) -> tuple[Moment, ...]:
    return tuple(
        (seconds, sight)
        for seconds, message in _lines(case, "ami")
        if (sight := from_ami.sight_of(frame_of(message))) is not None
    )


@cache
def ari_of(case: str) -> tuple[Moment, ...]:
    return tuple(
        (seconds, sight)
        for seconds, message in _lines(case, "ari")
        if (sight := from_ari.sight_of(ari.read_message(json.dumps(message)).event)) is not None
    )


def frame_of(message: dict[str, Any]) -> Frame:
    return Frame(
        tuple(
            (name, value)
            for name, values in message.items()
            for value in (values if isinstance(values, list) else [values])
        )
    )


def _lines(case: str, interface: str) -> Sequence[tuple[float, dict[str, Any]]]:
    text = (GOLDEN / case / f"{interface}.jsonl").read_text(encoding="utf-8")
    return [tuple(json.loads(line)) for line in text.splitlines()]


@dataclass
class Told:
    """A listener, and the calls that its news make. The clock of both runs in between."""

    listener: Listener = field(default_factory=lambda: Listener(Plan()))
    news: list[News] = field(default_factory=list)
    recordings: list[Recording] = field(default_factory=list)
    calls: dict[str, Call] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)

    def hear(self, sight: Sight, seconds: float) -> Sequence[News]:
        return self.take(self.listener.hear(sight, after(seconds)), seconds)

    def take(self, news: Iterable[News], seconds: float) -> Sequence[News]:
        taken = list(news)
        self.recordings += self.listener.found()
        for one in taken:
            self._pass_time(one.call_id, until=after(seconds))
            self._fold(one.call_id, one, after(seconds))
        self.news += taken
        return taken

    def rest(self) -> "Told":
        """Let time pass until it changes nothing any more."""
        for call_id in self.calls:
            self._pass_time(call_id, until=None)
        return self

    def _pass_time(self, call_id: str, *, until: datetime | None) -> None:
        for _ in range(50):
            call = self.calls.get(call_id)
            due = due_at(call) if call is not None else None
            if due is None or (until is not None and due > until):
                return
            self._fold(call_id, Tick(call_id=call_id), due)
        raise AssertionError(f"the clock never comes to rest: {self.calls[call_id]}")

    def _fold(self, call_id: str, news: News, at: datetime) -> None:
        birth = Birth(
            id=call_id, connection_id="c-1", shared_id=call_id, recording_token="t" * 32, call_id=call_id
        )
        self.calls[call_id], changes = fold(self.calls.get(call_id), news, at=at, birth=birth)
        self.changes += changes

    @property
    def the_call(self) -> Call:
        (call,) = self.calls.values()
        return call


def told(moments: Iterable[Moment], plan: Plan | None = None, *, sweeps: bool = False) -> Told:
    """Play sights to a new listener at their moments; with `sweeps` it is swept each second, too."""
    played = Told(Listener(plan or Plan()))
    swept = 0
    for seconds, sight in moments:
        while sweeps and swept + 1 <= seconds:
            swept += 1
            played.take(played.listener.sweep(after(swept)), swept)
        played.hear(sight, seconds)
    return played.rest()


def outcome(call: Call) -> dict[str, Any]:
    """What a call came to, less lengths: they differ by how the two interfaces round."""
    return {
        "direction": call.direction.value,
        "number": call.number,
        "did": call.did,
        "name": call.contact_name,
        "group": call.group,
        "legs": [(leg.extension, leg.disposition.value if leg.disposition else None) for leg in call.legs],
        "disposition": call.disposition.value if call.disposition else None,
        "extension": call.extension,
    }


def steps(news: Iterable[News]) -> list[str]:
    """News in a line each."""
    return [_step(one) for one in news]


def _step(news: News) -> str:
    if isinstance(news, CallEvent):
        disposition: Disposition | None = news.disposition
        words = [news.happening.value, news.extension or "", disposition.value if disposition else ""]
    else:
        words = ["report", getattr(news, "extension", None) or "", getattr(news, "disposition", "")]
    return " ".join(filter(None, words))
