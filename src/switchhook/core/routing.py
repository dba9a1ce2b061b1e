"""Whom to ring for an inbound call: a decision over facts that explains itself."""

from collections.abc import Sequence
from dataclasses import dataclass

from switchhook.core.directory import Availability, Employee


@dataclass(frozen=True)
class Route:
    """Extensions to ring together, in order of preference, and the reason in words."""

    extensions: tuple[str, ...]
    because: str


def choose_route(
    responsible: Employee | None, group: Sequence[Employee], *, fallback: str | None = None
) -> Route:
    """Pick whom to ring for one inbound call.

    The responsible employee rings alone while free. Otherwise the free members of the line's
    group ring. With nobody free the call goes to `fallback`, if there is one.
    """
    if responsible is not None and responsible.availability is Availability.FREE:
        return Route((responsible.extension,), "responsible for this contact")
    free = tuple(e.extension for e in group if e.availability is Availability.FREE)
    if free:
        return Route(free, "free in the group of this line")
    if fallback:
        return Route((fallback,), "nobody is free")
    return Route((), "nobody is free and there is no fallback")
