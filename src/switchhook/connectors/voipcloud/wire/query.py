"""The parameters of the three histories: read as our server takes them, written as our client asks. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo

from msgspec import Struct

from switchhook.connectors.voipcloud.wire.members import CONTROL, YEARS, read_moment
from switchhook.core.api import HistoryKind, HistoryQuery
from switchhook.core.errors import BadMessage

NEWEST_FIRST, OLDEST_FIRST = "newest_first", "oldest_first"
DEFAULT_LIMIT = 100
MOST_LIMIT = 10_000
MOST_OFFSET = 10**9
MOST_NAMES = 500
LONGEST_NAME = 200

# The documented name of each list first; the name of the users' list is by analogy.
NAMES: Mapping[HistoryKind, tuple[str, ...]] = {
    HistoryKind.USER: ("users_names", "users", "users_numbers"),
    HistoryKind.QUEUE: ("queues_names", "queues", "queues_numbers"),
    HistoryKind.RING_GROUP: ("ringgroups_names", "ringgroups", "ringgroups_numbers"),
}
DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


class Page(Struct, frozen=True, kw_only=True):
    """What our client asks for: days as the PBX cuts them, both included."""

    from_date: date
    to_date: date
    is_newest_first: bool
    offset: int = 0
    limit: int


def write_query(page: Page, *, has_order: bool = True) -> dict[str, str]:
    """Give the parameters; the first version of the API has no order and begins with the newest."""
    query = {
        "from_date": page.from_date.isoformat(),
        "to_date": page.to_date.isoformat(),
        "offset": str(page.offset),
        "limit": str(page.limit),
    }
    return query | ({"sort_by": NEWEST_FIRST if page.is_newest_first else OLDEST_FIRST} if has_order else {})


def read_query(
    given: Mapping[str, Sequence[str]], kind: HistoryKind, zone: tzinfo, *, has_order: bool = True
) -> HistoryQuery:
    """Read the parameters of one history; unknown ones are passed over, empty ones count as absent.

    `given` has every value of each name, in order. Days are cut in `zone`, the last one included;
    whole ISO 8601 moments are taken as well. The first version of the API has no order
    (`has_order` false): newest first, whatever is asked.

    Raises:
        BadMessage: a known parameter with a value that it cannot have; names it.
    """
    since = _since(_one(given, "from_date"), zone)
    until = _until(_one(given, "to_date"), zone)
    if since is not None and until is not None and since >= until:
        raise BadMessage("expected from_date not after to_date", field="from_date")
    order = (_one(given, "sort_by") or NEWEST_FIRST) if has_order else NEWEST_FIRST
    if order not in (NEWEST_FIRST, OLDEST_FIRST):
        raise BadMessage(f"expected sort_by as {NEWEST_FIRST} or {OLDEST_FIRST}", field="sort_by")
    return HistoryQuery(
        kind=kind,
        since=since,
        until=until,
        names=_names(given, NAMES[kind]),
        call_id=_one(given, "unique_call_id"),
        is_newest_first=order == NEWEST_FIRST,
        offset=_whole(given, "offset", 0, 0, MOST_OFFSET),
        limit=_whole(given, "limit", DEFAULT_LIMIT, 1, MOST_LIMIT),
    )


def _one(given: Mapping[str, Sequence[str]], name: str) -> str | None:
    """Give the last value of a name, or None."""
    values = given.get(name) or ("",)
    value = values[-1].strip()
    if len(value) > LONGEST_NAME or CONTROL.search(value):
        raise BadMessage(f"expected {name} as a short text", field=name)
    return value or None


def _whole(given: Mapping[str, Sequence[str]], name: str, default: int, least: int, most: int) -> int:
    value = _one(given, name)
    if value is None:
        return default
    if not re.fullmatch(r"[0-9]{1,10}", value) or not least <= int(value) <= most:
        raise BadMessage(f"expected {name} as a whole number from {least} to {most}", field=name)
    return int(value)


def _since(value: str | None, zone: tzinfo) -> datetime | None:
    if value is None:
        return None
    return _midnight(value, zone, field="from_date") if DAY.fullmatch(value) else _instant(value, "from_date")


def _until(value: str | None, zone: tzinfo) -> datetime | None:
    """Give the end of the range, which is not included: a day counts whole, a moment to its millisecond."""
    if value is None:
        return None
    if DAY.fullmatch(value):
        return _midnight(value, zone, field="to_date", days=1)
    return _instant(value, "to_date") + timedelta(milliseconds=1)


def _midnight(value: str, zone: tzinfo, *, field: str, days: int = 0) -> datetime:
    try:
        day = date.fromisoformat(value)
    except ValueError:
        raise _no_date(field) from None
    if day.year not in YEARS:
        raise _no_date(field)
    day += timedelta(days=days)
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def _instant(value: str, field: str) -> datetime:
    # A `+` of the offset that nobody escaped arrives as a space.
    found = read_moment(re.sub(r" (\d{2}:?\d{2})$", r"+\1", value)) if "T" in value else None
    if found is None:
        raise _no_date(field)
    return found


def _no_date(field: str) -> BadMessage:
    return BadMessage(f"expected {field} as YYYY-MM-DD", field=field)


def _names(given: Mapping[str, Sequence[str]], aliases: Iterable[str]) -> tuple[str, ...]:
    """Read a list: values joined by commas, or a repeated parameter, whose values may hold commas."""
    found: list[str] = []
    for name in (spelling for alias in aliases for spelling in (alias, f"{alias}[]")):
        values = [value for value in given.get(name, ()) if value.strip()]
        is_joined = len(values) == 1 and not name.endswith("[]")
        found += values[0].split(",") if is_joined else values
    names = tuple(dict.fromkeys(name.strip() for name in found if name.strip()))
    if len(names) > MOST_NAMES or any(len(name) > LONGEST_NAME or CONTROL.search(name) for name in names):
        raise BadMessage(f"expected at most {MOST_NAMES} names", field=next(iter(aliases)))
    return names
