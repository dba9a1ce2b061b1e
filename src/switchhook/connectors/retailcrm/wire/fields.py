"""Reading the members of one object the way retailCRM's clients write them.

`null`, and an empty text where one makes no sense, mean absent. `[]` stands for an empty object,
since PHP cannot tell them apart. Numbers come as digits in texts and texts as numbers.
"""

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from switchhook.connectors.retailcrm.wire.answers import NOT_A_CHOICE, Missing
from switchhook.connectors.retailcrm.wire.json_text import Json
from switchhook.core.errors import BadMessage
from switchhook.core.text import clean_name, refuse_control

Object = Mapping[str, Json]

LONGEST_TEXT = 255
LONGEST_URL = 2048
LONGEST_CODE = 32
MAX_IN_LIST = 1000
FALSE_WORDS = frozenset({"", "0", "false", "no", "off", "null", "none"})
DIGITS = re.compile(r"[0-9]{1,15}")


def as_object(value: Json, *, field: str) -> Object:
    """Give an object; `[]` and null are an empty one.

    Raises:
        BadMessage: anything else.
    """
    if value is None or value == [] or value == "":
        return {}
    if not isinstance(value, dict):
        raise BadMessage("expected an object", field=field)
    return value


def as_list(value: Json, *, field: str) -> list[Json]:
    """Give a list; a single text or number is a list of one.

    Raises:
        BadMessage: an object, or too long a list.
    """
    if value is None or value == "" or value == {}:
        return []
    if isinstance(value, dict):
        raise BadMessage("expected an array", field=field)
    if isinstance(value, list):
        if len(value) > MAX_IN_LIST:
            raise BadMessage(f"expected at most {MAX_IN_LIST} values", field=field)
        return value
    return [value]


def as_text(value: Json, *, field: str, longest: int = LONGEST_TEXT) -> str | None:
    """Give a text that must not be changed; None for null. Numbers are their digits.

    Raises:
        BadMessage: an array, an object, a boolean, control characters, or too long.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise BadMessage("expected a text", field=field)
    text = str(value) if isinstance(value, str) or abs(value) < 10**30 else ""
    if len(text) > longest or (isinstance(value, int) and not text):
        raise BadMessage(f"expected at most {longest} characters", field=field)
    return refuse_control(text, field=field)


def text_of(given: Object, name: str, *, longest: int = LONGEST_TEXT) -> str | None:
    """Give a text without blanks around it, None when absent or empty."""
    text = as_text(given.get(name), field=name, longest=longest)
    return (text.strip() or None) if text is not None else None


def label_of(given: Object, name: str) -> str | None:
    """Give a text that is only shown or counted, made safe instead of being refused."""
    value = given.get(name)
    return clean_name(value, longest=LONGEST_TEXT) or None if isinstance(value, str) else None


def required_of(given: Object, name: str, *, within: str) -> str:
    """Give a text that has to be there.

    Raises:
        Missing: it is not, or is empty.
    """
    text = text_of(given, name)
    if text is None:
        raise Missing(name, within=within)
    return text


def phone_of(given: Object, name: str) -> str | None:
    """Give a number as sent; one that starts with a space had a `+` that nobody escaped."""
    text = as_text(given.get(name), field=name, longest=64)
    if text is None:
        return None
    return ("+" + text.strip() if text[:1] == " " and text.strip()[:1].isdigit() else text.strip()) or None


def integer_of(given: Object, name: str, *, most: int = 10**15) -> int | None:
    value = given.get(name)
    if value is None or value == "":
        return None
    return as_integer(value, field=name, most=most)


def as_integer(value: Json, *, field: str, most: int = 10**15) -> int:
    """Give a whole number from 0 on, from a number or from digits in a text."""
    number: int | None = None
    if isinstance(value, int) and not isinstance(value, bool):
        number = value
    elif isinstance(value, str) and DIGITS.fullmatch(value.strip()):
        number = int(value)
    elif isinstance(value, float):
        number = int(value) if value.is_integer() else None
    if number is None or not 0 <= number <= most:
        raise BadMessage("expected a whole number that is not negative", field=field)
    return number


def boolean_of(given: Object, name: str, default: bool = False) -> bool:
    """Read a switch: `0`, empty and `false` in any case are no, all else is yes."""
    value = given.get(name)
    if value is None:
        return default
    if isinstance(value, str):
        return value.strip().lower() not in FALSE_WORDS
    return bool(value)


def choice_of(given: Object, name: str, choices: frozenset[str]) -> str | None:
    """Give one of the words that the protocol knows, compared letter by letter.

    Raises:
        BadMessage: another word.
    """
    word = as_text(given.get(name), field=name)
    if word is None or word == "":
        return None
    if word not in choices:
        raise BadMessage(NOT_A_CHOICE, field=name)
    return word


def url_of(given: Object, name: str) -> str | None:
    """Give an http address; `false` (PHP 3.x and 4.x) and empty mean none.

    Raises:
        BadMessage: another scheme, no host, or no address at all.
    """
    if given.get(name) is False or given.get(name) == "false":
        return None
    text = text_of(given, name, longest=LONGEST_URL)
    if text is None:
        return None
    try:
        parts = urlsplit(text)
        is_good = parts.scheme.lower() in ("http", "https") and bool(parts.hostname) and " " not in text
    except ValueError:
        is_good = False
    if not is_good:
        raise BadMessage("This value is not a valid URL", field=name)
    return text


def codes_of(given: Object, name: str) -> tuple[str, ...]:
    """Give extensions, once each, in the order named; texts or numbers, one or many."""
    listed = as_list(given.get(name), field=name)
    codes = [as_text(each, field=name, longest=LONGEST_CODE) for each in listed]
    return tuple(dict.fromkeys(code.strip() for code in codes if code and code.strip()))


def integers_of(given: Object, name: str) -> tuple[int, ...]:
    listed = as_list(given.get(name), field=name)
    return tuple(dict.fromkeys(as_integer(each, field=name) for each in listed if each not in (None, "")))
