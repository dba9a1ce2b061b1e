"""Aware UTC datetimes to and from the integer milliseconds of the tables."""

from datetime import UTC, datetime, timedelta
from typing import overload

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY = 24 * 60 * 60 * 1000


@overload
def to_millis(at: datetime) -> int: ...
@overload
def to_millis(at: None) -> None: ...
def to_millis(at: datetime | None) -> int | None:
    """Give whole milliseconds since 1970, rounded down; exact, unlike a float timestamp."""
    if at is None:
        return None
    since = at - EPOCH
    # Quicker than to divide, and asked several times an event.
    return since.days * DAY + since.seconds * 1000 + since.microseconds // 1000


@overload
def from_millis(millis: int) -> datetime: ...
@overload
def from_millis(millis: None) -> None: ...
def from_millis(millis: int | None) -> datetime | None:
    return None if millis is None else EPOCH + timedelta(milliseconds=millis)
