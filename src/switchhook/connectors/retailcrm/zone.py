"""The account's time zone, which date-times of this protocol silently mean."""

from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from switchhook.core.connector import Link
from switchhook.core.errors import Misconfigured

FIELD = "time_zone"
# Where most accounts are; a wrong zone shows as calls that are off by whole hours.
DEFAULT = "Europe/Moscow"


def zone_of(link: Link) -> ZoneInfo:
    """Give the zone that the administrator set.

    Raises:
        Misconfigured: no such zone, or this machine has no zone data.
    """
    name = link.settings.get(FIELD) or DEFAULT
    try:
        return _zone(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Misconfigured(
            f"expected a time zone such as {DEFAULT}, got {name[:40]!r}", connection=link.id, field=FIELD
        ) from None


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
