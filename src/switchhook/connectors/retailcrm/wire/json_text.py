"""JSON as strangers send it inside form fields: read with limits, written compactly."""

import json
import math
from collections.abc import Mapping
from typing import TypeAlias

import msgspec

from switchhook.core.errors import BadMessage, TooLarge

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"

MAX_DEPTH = 16
# A module with hundreds of extensions stays far below this.
MAX_VALUES = 20_000


def read_json(text: str, *, field: str) -> Json:
    """Read one JSON text.

    Raises:
        TooLarge: nested deeper than 16, or too many values.
        BadMessage: no JSON, NaN or Infinity, a name twice in one object, or characters that no
            store and no other system could keep (NUL, half of a surrogate pair).
    """
    try:
        value: Json = json.loads(
            text, parse_constant=_refuse_constant, parse_float=_finite, object_pairs_hook=_each_name_once
        )
    except BadMessage as error:
        raise BadMessage(error.reason, field=field) from None
    except RecursionError:
        raise TooLarge(f"expected at most {MAX_DEPTH} levels of nesting", field=field) from None
    except ValueError:
        raise BadMessage("This value is not valid JSON", field=field) from None
    check_json(value, field=field)
    return value


def check_json(value: Json, *, field: str) -> None:
    """Hold an already parsed value to the same limits; raises as `read_json`."""
    waiting: list[tuple[Json, int]] = [(value, 1)]
    seen = 0
    while waiting:
        item, depth = waiting.pop()
        seen += 1
        if isinstance(item, str):
            refuse_unkeepable(item, field=field)
        elif isinstance(item, list | dict):
            if depth > MAX_DEPTH:
                raise TooLarge(f"expected at most {MAX_DEPTH} levels of nesting", field=field)
            inner: list[Json] = list(item.values()) if isinstance(item, dict) else item
            if isinstance(item, dict):
                for name in item:
                    refuse_unkeepable(name, field=field)
            if seen + len(waiting) + len(inner) > MAX_VALUES:
                raise TooLarge(f"expected at most {MAX_VALUES} values", field=field)
            waiting += [(each, depth + 1) for each in inner]


def refuse_unkeepable(text: str, *, field: str) -> None:
    """Refuse NUL, which databases do not take, and lone surrogates, which are not UTF-8."""
    if "\0" in text or any("\ud800" <= c <= "\udfff" for c in text):
        raise BadMessage("This value holds characters that are not allowed", field=field)


def write_json(value: Json) -> str:
    """Write compact JSON with letters as they are."""
    return msgspec.json.encode(value).decode()


def present(members: Mapping[str, Json]) -> dict[str, Json]:
    """Leave out what is None: this protocol says nothing by leaving a member out."""
    return {name: value for name, value in members.items() if value is not None}


def _refuse_constant(name: str) -> None:
    raise BadMessage(f"{name} is not valid JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise BadMessage("This number is too large")
    return number


def _each_name_once(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    """Two readers may take different ones of a repeated name, so it is refused."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadMessage("A name is given twice in one object")
    return found
