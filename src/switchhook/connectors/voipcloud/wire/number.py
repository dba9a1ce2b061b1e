"""Numbers as this family writes them: E.164 digits without the plus, or an extension. Pure."""

import re
from collections.abc import Collection

from switchhook.core.number import LONGEST_SHORT_NUMBER, read_number

HIDDEN = "anonymous"
INTERNATIONAL = re.compile(r"[1-9][0-9]{7,14}")
SHORT = re.compile(rf"[0-9]{{1,{LONGEST_SHORT_NUMBER}}}")


def read_party(written: str | None, region: str, extensions: Collection[str] = ()) -> str:
    """Give a number as the hub keeps it: with its plus, an extension as it is, "" when there is none.

    1 to 6 digits are an extension, and so is what `extensions` names. 8 to 15 digits lack only their
    plus, unless no country has such a number; all else is read as in `region`, and stays as it is when
    it cannot be read, as `anonymous` does.
    """
    raw = (written or "").strip()
    if is_extension(raw, extensions):
        return raw
    if INTERNATIONAL.fullmatch(raw):
        e164 = read_number(f"+{raw}", region).e164
        if e164 is not None:
            return e164
    return read_number(raw, region).e164 or raw


def is_extension(written: str, extensions: Collection[str] = ()) -> bool:
    """Tell whether this is one of our own: by its length, or because it was named as one."""
    return SHORT.fullmatch(written) is not None or written in extensions


def write_party(number: str | None, region: str) -> str:
    """Give a number as this family writes it; `anonymous` for a hidden one, "" for none."""
    if number is None:
        return ""
    read = read_number(number, region)
    if read.is_withheld:
        return HIDDEN
    if read.e164:
        return read.e164.removeprefix("+")
    is_code = not {"*", "#"}.isdisjoint(number)  # of a feature of the PBX
    return number if is_code else read.digits or number
