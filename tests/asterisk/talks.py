"""How long everybody talked, by the phones themselves, and how late the machine was."""

import asyncio
import contextlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from switchhook.core.call import Call
from tests.asterisk.actors import OUTSIDE, Actors
from tests.asterisk.outcomes import turns
from tests.asterisk.plays import Play

# When each phone's talk began and ended, and that of OUTSIDE, by the clock on the wall.
Talks = Mapping[str, tuple[float, float]]
LOOK_SECONDS = 0.05
LOAD = Path("/proc/loadavg")


def talks_of(sip: Actors, *, joined_at: float = 0.0) -> Talks:
    """Give who talked when; with somebody outside not before both were put together."""
    talks = {one.who: one.talk for one in sip if one.talk is not None}
    if OUTSIDE in talks:
        began, ended = talks[OUTSIDE]
        talks[OUTSIDE] = max(began, joined_at), ended
    return talks


def check_talks(call: Call, play: Play, office: int, talks: Talks, *, slack_seconds: float) -> None:
    """Each leg that was answered has its phone's talk with the other end, and the call has all of them.

    With several one after the other, each begins when the one before has gone.
    """
    measured = measure(play.legs, office, talks)
    had = {leg.extension: leg.talk_seconds for leg in call.legs if leg.has_talked}

    assert had.keys() == measured.keys()
    for extension, seconds in measured.items():
        assert abs((had[extension] or 0) - seconds) <= slack_seconds, (extension, had, measured)
    lengths = [one or 0 for one in had.values()]
    assert (call.talk_seconds or 0) == (max(lengths) if play.direction == "internal" else sum(lengths))


def measure(legs: str, office: int, talks: Talks) -> dict[str, float]:
    """Give the seconds that each phone talked with the other end of the call."""
    answered = _in_order(legs, office)
    measured = {}
    free_at = talks[OUTSIDE][0] if OUTSIDE in talks else 0.0
    for extension in answered:
        began, ended = talks[extension]
        measured[extension] = ended - max(began, free_at)
        if OUTSIDE in talks:
            free_at = ended
    return measured


def _in_order(legs: str, office: int) -> Sequence[str]:
    return [phone for turn in turns(legs, office) for phone, result in turn if result == "answered"]


def _running() -> int:
    return int(LOAD.read_text().split()[3].partition("/")[0])


class Lag:
    """Notes by how much this process comes late to what it wanted to do, and how many want the processors."""

    seconds = 0.0
    _looks = 0
    _running = 0

    @property
    def crowd(self) -> float:
        """How many programs wanted a processor at once, for each that there is; 1 where there are enough."""
        return max(1.0, self._running / max(1, self._looks) / (os.cpu_count() or 1))

    async def __aenter__(self) -> Self:
        self._watching = asyncio.create_task(self._watch())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._watching

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            meant = loop.time() + LOOK_SECONDS
            await asyncio.sleep(LOOK_SECONDS)
            self.seconds = max(self.seconds, loop.time() - meant)
            self._looks += 1
            self._running += _running()
