"""Reading the members of one JSON object the way PBXs of this family write them.

What is missing is null, absent, "" or the literal text "null"; numbers come as digits in texts. A
member that cannot be read counts as missing: it should not cost the event. Pure.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TypeAlias

import msgspec

from switchhook.core.errors import BadMessage
from switchhook.core.text import clean_name

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"
Object = Mapping[str, Json]

MISSING = frozenset({"", "null"})
LONGEST_TEXT = 500
LONGEST_ID = 200
LONGEST_NUMBER = 64
# Of what is only kept to be shown, each member; a notice's mail text is the longest.
LONGEST_KEPT = 4000
MOST_KEPT = 60
# Ten days: no call is longer, and stores of clients overflow.
MOST_SECONDS = 864_000
# Outside of this no call can be, and clocks of stores overflow.
YEARS = range(2000, 2100)

DIGITS = re.compile(r"[0-9]{1,12}(?:\.0{1,6})?")
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def read_json(body: bytes) -> Json:
    """Read one JSON text, with or without a byte order mark.

    Raises:
        BadMessage: not JSON, not UTF-8, or nested too deep to be read.
    """
    try:
        value: Json = msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise BadMessage("expected JSON", field="body") from error
    return value


def first(given: Object, *names: str) -> Json:
    """Give the first of these members that is there and says something."""
    for name in names:
        value = given.get(name)
        if value is not None and not (isinstance(value, str) and value.strip().lower() in MISSING):
            return value
    return None


def text(given: Object, *names: str, longest: int = LONGEST_TEXT) -> str | None:
    """Give a text without blanks around it, or None; a whole number is its digits.

    Control characters go: they would break a log line, a header or a store.
    """
    value = first(given, *names)
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    if isinstance(value, int) and abs(value) >= 10**30:
        return None
    return CONTROL.sub("", str(value)).strip()[:longest] or None


def label(given: Object, *names: str) -> str | None:
    """Give a name that is only shown: one line of visible text, or None."""
    value = first(given, *names)
    return (clean_name(value) or None) if isinstance(value, str) else None


def call_id(given: Object, name: str = "unique_call_id") -> str | None:
    """Give the id of a call, or None. One that is too long to be one counts as missing."""
    found = text(given, name, longest=LONGEST_ID + 1)
    return found if found is not None and len(found) <= LONGEST_ID else None


def number(given: Object, *names: str) -> str | None:
    return text(given, *names, longest=LONGEST_NUMBER)


def seconds(given: Object, name: str) -> int | None:
    """Give whole seconds from a number or from digits in a text, or None."""
    value = first(given, name)
    found: int | None = None
    if isinstance(value, str) and DIGITS.fullmatch(value.strip()):
        found = int(float(value))
    elif isinstance(value, int | float) and not isinstance(value, bool) and value == value // 1:
        found = int(value)
    return found if found is not None and 0 <= found <= MOST_SECONDS else None


def moment(given: Object, *names: str) -> datetime | None:
    """Give an ISO 8601 moment in UTC, or None; one without an offset means UTC."""
    value = first(given, *names)
    return read_moment(value) if isinstance(value, str) else None


def read_moment(written: str) -> datetime | None:
    """Read an ISO 8601 moment, or None where it is not one."""
    try:
        found = datetime.fromisoformat(written.strip())
    except ValueError:
        return None
    if found.year not in YEARS:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def write_moment(at: datetime) -> str:
    """Write a moment as the vendor does: `2026-03-02T01:14:09.000Z`."""
    utc = at.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03}Z"


def written(at: datetime | None) -> str | None:
    return None if at is None else write_moment(at)


def kept(given: Object) -> dict[str, str]:
    """Give an object as flat texts, to be kept with its call; what is no text stays JSON."""
    flat: dict[str, str] = {}
    for name, value in list(given.items())[:MOST_KEPT]:
        flat[CONTROL.sub("", name)[:100]] = CONTROL.sub(" ", _shown(value))[:LONGEST_KEPT]
    return flat


def _shown(value: Json) -> str:
    if isinstance(value, str):
        return value
    try:
        return msgspec.json.encode(value).decode()
    except (OverflowError, ValueError, RecursionError):
        return "?"  # a number that no store and no other system could keep
