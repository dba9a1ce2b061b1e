"""How one attempt to deliver ended, as a value the lanes match on."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Delivered:
    """The peer took it. `note` tells what it said beside yes, for the delivery log."""

    note: str | None = None
    status: int | None = None
    answer: bytes = b""


@dataclass(frozen=True)
class TryAgain:
    """The peer is away or failing: the same message later, before anything after it."""

    reason: str
    retry_after_seconds: float | None = None
    status: int | None = None
    answer: bytes = b""


@dataclass(frozen=True)
class GiveUp:
    """The peer refuses this message for good: a dead letter; the lane goes on."""

    reason: str
    status: int | None = None
    answer: bytes = b""


@dataclass(frozen=True)
class Locked:
    """The peer refuses our key: the whole destination waits for the administrator."""

    reason: str
    status: int | None = None
    answer: bytes = b""


@dataclass(frozen=True)
class NotSent:
    """Nothing was sent, on purpose, because the peer would drop it; the reason is shown."""

    reason: str


@dataclass(frozen=True)
class Postponed:
    """Not yet, on purpose: the peer takes such messages at set times. Says nothing about the peer."""

    until: datetime
    reason: str


Outcome = Delivered | Postponed | TryAgain | GiveUp | Locked | NotSent


def outcome_of(
    status: int, *, retry_after_seconds: float | None = None, answer: bytes = b""
) -> Delivered | TryAgain | GiveUp | Locked:
    """Read an HTTP status the way most vendors mean it; a connector may know better."""
    match status:
        case 200 | 201 | 202 | 204:
            return Delivered(status=status, answer=answer)
        case 401 | 403:
            return Locked(f"the peer refuses our key ({status})", status, answer)
        case 408 | 425 | 429:
            return TryAgain(f"the peer asked to wait ({status})", retry_after_seconds, status, answer)
        case _ if status >= 500:
            return TryAgain(f"the peer is failing ({status})", retry_after_seconds, status, answer)
        case _:
            return GiveUp(f"the peer refuses this message ({status})", status, answer)
