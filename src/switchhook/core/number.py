"""Telephone numbers: as dialled to E.164 and back, and what may be dialled at all.

Pure. Matching is exact, on E.164. Nothing here compares the last eight digits: that makes
Moscow and Berlin the same person.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

import phonenumbers
from msgspec import Struct
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat

from switchhook.core.errors import BadMessage
from switchhook.core.numbering_plan import international_form
from switchhook.core.text import has_control

# What PBXes put where a number should be. Compared without case, quotes and angle brackets.
WITHHELD_WORDS = frozenset(
    {
        "anonymous", "asterisk", "blocked", "caller id blocked", "hidden", "id unavailable", "n/a",
        "no caller id", "no number", "none", "not available", "null", "number withheld", "private",
        "private number", "restricted", "unavailable", "undefined", "unknown", "unknown caller",
        "unknown number", "withheld",
        "аноним", "анонимный", "не определен", "не определён", "неизвестно", "неизвестный", "номер скрыт",
        "скрыт", "скрытый", "скрытый номер",
    }
)  # fmt: skip

# No public number of any size in use is as short, so nothing of this length is looked up as one.
LONGEST_SHORT_NUMBER = 6
# E.164 allows 15 digits; the rest is room for prefixes, punctuation and an extension.
LONGEST_READABLE = 64
# The rule of last resort compares this many, and only if they name one contact.
FALLBACK_DIGITS = 10

DIALABLE = re.compile(r"\+?[0-9*#]{1,32}")
# What people type or paste between digits: spaces, dashes, parentheses. Everything else is refused.
TYPED = str.maketrans("", "", " \u00a0\u2009\u202f-\u2010\u2011\u2012\u2013\u2212()")

PLAIN = re.compile(r"\+?[0-9]{7,20}")  # longer than a short number: see LONGEST_SHORT_NUMBER
SHORT = re.compile(rf"[0-9*#]{{1,{LONGEST_SHORT_NUMBER}}}")
EXTENSION = re.compile(
    r"(?P<main>.*[0-9]{2}[^0-9]{0,3})(?:;\s*ext=|(?:extn?|доб|вн|x|х)\.?:?|[,;#]+)\s*(?P<extension>[0-9]{1,7})#?\s*",
    re.IGNORECASE | re.DOTALL,
)
URI = re.compile(r"(?:sips?|tel):(?P<user>[^@]*)(?:@.*)?", re.IGNORECASE | re.DOTALL)


class Number(Struct, frozen=True, kw_only=True, gc=False):
    """One number, as sent and as understood.

    At most one of `e164`, `is_extension` and `is_withheld` says something; none of them for a
    text that could not be read. `digits` are those of the number without its extension, as
    dialled, and "" when letters stand between them.
    """

    raw: str
    e164: str | None
    digits: str
    is_extension: bool = False
    is_withheld: bool = False
    extension: str | None = None


def read_number(raw: str, region: str = "RU") -> Number:
    """Read a number as any peer may write it; never raises.

    A reading that the numbering plan of `region` does not allow is not used; then `00` or a
    forgotten `+` is tried. Ten digits that are valid at home are read as at home, whatever else
    they could mean. A leading space had been a `+` (a client that forgot to write %2B). A `+`
    written out is believed when the length fits, even if the plan does not know the number yet.
    """
    if len(raw) > LONGEST_READABLE:
        return Number(raw=raw, e164=None, digits="")
    return _read(raw, region.upper())


def same_caller(a: Number, b: Number) -> bool:
    """Tell whether both are surely the same party. Two withheld numbers never are."""
    if a.is_withheld or b.is_withheld:
        return False
    if a.extension and b.extension and a.extension != b.extension:
        return False
    if a.e164 or b.e164:
        return a.e164 == b.e164
    return bool(a.digits) and (a.digits, a.is_extension) == (b.digits, b.is_extension)


def international_digits(number: Number) -> str:
    """Give the digits without a plus, as in every example of Planfix; as dialled when unreadable."""
    return number.e164.removeprefix("+") if number.e164 else number.digits


def reversed_digits(raw: str) -> str:
    """Give the digits backwards, so that a search by the end of a number is a search by prefix."""
    return read_number(raw).digits[::-1]


def fallback_digits(number: Number) -> str | None:
    """Give the last ten digits for the lookup of last resort.

    None when there are fewer. Whoever uses them must refuse a match that names two contacts.
    """
    digits = international_digits(number)
    if number.is_withheld or number.is_extension or len(digits) < FALLBACK_DIGITS:
        return None
    return digits[-FALLBACK_DIGITS:]


def dialable(text: str, *, field: str = "number") -> str:
    """Give the number as a PBX may dial it: `+?[0-9*#]{1,32}`.

    Spaces, dashes and parentheses that people type are removed. Anything else is refused and
    never stripped: a line break would reach a manager interface, a comma a dialplan.

    Raises:
        BadMessage: the rest does not match the grammar; names `field`.
    """
    number = text.translate(TYPED)
    if not DIALABLE.fullmatch(number):
        raise BadMessage(f"expected a number of digits, * and #, got {text[:40]!r}", field=field)
    return number


def extension_of(text: str, *, field: str = "extension") -> str:
    """Give the extension as a PBX may dial it; same grammar and promises as `dialable`."""
    return dialable(text, field=field)


@lru_cache(maxsize=32_768)
def _read(raw: str, region: str) -> Number:
    if PLAIN.fullmatch(raw):
        return _read_plain(raw, region)
    text = _number_part(raw)
    if text.strip(" \t<>\"'()").casefold() in WITHHELD_WORDS or not any(
        c.isalnum() or c in "*#" for c in text
    ):
        return Number(raw=raw, e164=None, digits="", is_withheld=True)
    main, extension = _split_extension(text)
    if any(c.isalpha() for c in main):
        return Number(raw=raw, e164=None, digits="")
    digits = "".join(str(unicodedata.decimal(c)) for c in main if c.isdecimal())
    e164 = None
    if len(digits) > LONGEST_SHORT_NUMBER:
        # A service code with a number inside is not that number, nor are two lines one number.
        is_plain = not has_control(main) and not any(c in "*#" for c in main)
        readings = _readings(main, digits, region, plus_is_written=main[:1] in raw) if is_plain else ()
        e164 = next((_e164(n) for n in readings if n is not None), None)
    is_short = e164 is None and SHORT.fullmatch(main.translate(TYPED).removeprefix("+")) is not None
    return Number(raw=raw, e164=e164, digits=digits, is_extension=is_short, extension=extension)


def _read_plain(raw: str, region: str) -> Number:
    """Read what nearly every machine sends, digits and perhaps a plus, without looking for more."""
    digits = raw.removeprefix("+")
    if international_form(region).fullmatch(digits):
        return Number(raw=raw, e164=f"+{digits}", digits=digits)
    readings = _readings(raw, digits, region, plus_is_written=True)
    e164 = next((_e164(n) for n in readings if n is not None), None)
    is_short = e164 is None and SHORT.fullmatch(digits) is not None
    return Number(raw=raw, e164=e164, digits=digits, is_extension=is_short)


def _number_part(raw: str) -> str:
    # Numbers pasted from address books come wrapped in bidi marks.
    visible = "".join(c for c in raw if unicodedata.category(c) != "Cf")
    uri = URI.fullmatch(visible.strip())
    text = uri["user"] if uri else visible
    # Hand-written clients forget that '+' is %2B in a form: it arrives as a space.
    had_plus = text[:1] == " " and text[1:2].isdecimal()
    return "+" + text.strip() if had_plus else text.strip()


def _split_extension(text: str) -> tuple[str, str | None]:
    found = EXTENSION.fullmatch(text)
    # Short texts are dialled as they are: `*98#1` has no extension.
    if found is None or sum(c.isdecimal() for c in found["main"]) <= LONGEST_SHORT_NUMBER:
        return text, None
    return found["main"].strip(), found["extension"]


def _readings(main: str, digits: str, region: str, *, plus_is_written: bool) -> Iterator[PhoneNumber | None]:
    """Try what the text may mean, surest first."""
    if main.startswith(("+", "\uff0b")):
        yield _valid("+" + digits, None)
        if plus_is_written:
            yield _possible("+" + digits)
    yield _valid(digits, region)
    if digits.startswith("00"):
        yield _valid("+" + digits[2:], None)
    yield _valid("+" + digits, None)


def _valid(text: str, region: str | None) -> PhoneNumber | None:
    number = _parse(text, region)
    return number if number is not None and phonenumbers.is_valid_number(number) else None


def _possible(text: str) -> PhoneNumber | None:
    number = _parse(text, None)
    return number if number is not None and phonenumbers.is_possible_number(number) else None


def _parse(text: str, region: str | None) -> PhoneNumber | None:
    try:
        return phonenumbers.parse(text, region)
    except NumberParseException:
        return None


def _e164(number: PhoneNumber) -> str:
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)
