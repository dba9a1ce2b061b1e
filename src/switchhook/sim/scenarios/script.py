"""What a scenario is made of: who is in the call, and what happens when.

Pure: chance comes in as a generator of random numbers, time as seconds since the call began.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from switchhook.core.call import CallEvent, Direction, Disposition, Happening

IN, OUT = Direction.INBOUND, Direction.OUTBOUND


@dataclass(frozen=True, kw_only=True)
class Cast:
    """Who is in one call. `extensions` are the phones that the PBX would ring, in its order."""

    call_id: str
    number: str
    did: str
    extensions: tuple[str, ...]
    custom: Mapping[str, str] = field(default_factory=dict)

    @property
    def first(self) -> str:
        return self.extensions[0]


@dataclass(frozen=True)
class Ask:
    """The PBX asks who is calling. The responsible, if there is one, takes the place of the first phone."""


@dataclass(frozen=True)
class Tell:
    """The PBX tells one step of the call."""

    news: CallEvent


@dataclass(frozen=True)
class Record:
    """The recording is whole and can be fetched."""


Act = Ask | Tell | Record


@dataclass(frozen=True)
class Step:
    at_seconds: float
    act: Act


Play = Callable[[random.Random, Cast], Sequence[Step]]


class Script:
    """Writes down the steps of one call, in order; `wait` lets time pass."""

    def __init__(self, cast: Cast, direction: Direction) -> None:
        self.cast = cast
        self.direction = direction
        self.steps: list[Step] = []
        self._now = 0.0
        self._answered_at = 0.0

    def wait(self, seconds: float) -> "Script":
        self._now += seconds
        return self

    def ask(self) -> "Script":
        return self._do(Ask())

    def ring(self, *extensions: str) -> "Script":
        for extension in extensions:
            self._tell(Happening.RINGING, extension)
        return self

    def answer(self, extension: str) -> "Script":
        self._answered_at = self._now
        return self._tell(Happening.ANSWERED, extension)

    def end(self, extension: str, disposition: Disposition) -> "Script":
        return self._tell(Happening.ENDED, extension, disposition=disposition)

    def cancel(self, *extensions: str) -> "Script":
        for extension in extensions:
            self.end(extension, Disposition.CANCELLED)
        return self

    def hang_up(self, extension: str, *, is_recorded: bool = False) -> "Script":
        """End a talk; its length is what was played since the answer."""
        return self._tell(
            Happening.ENDED,
            extension,
            disposition=Disposition.ANSWERED,
            talk_seconds=round(self._now - self._answered_at),
            is_recorded=is_recorded,
        )

    def record(self) -> "Script":
        return self._do(Record())

    def _tell(
        self,
        happening: Happening,
        extension: str,
        *,
        disposition: Disposition | None = None,
        talk_seconds: int | None = None,
        is_recorded: bool = False,
    ) -> "Script":
        cast = self.cast
        event = CallEvent(
            call_id=cast.call_id,
            happening=happening,
            direction=self.direction,
            number=cast.number,
            extension=extension,
            did=cast.did,
            disposition=disposition,
            talk_seconds=talk_seconds,
            is_recorded=is_recorded,
            custom=dict(cast.custom),
        )
        return self._do(Tell(event))

    def _do(self, act: Act) -> "Script":
        self.steps.append(Step(self._now, act))
        return self


def ring_time(rng: random.Random) -> int:
    return rng.randint(3, 6)


def talk_time(rng: random.Random) -> int:
    return rng.randint(5, 12)
