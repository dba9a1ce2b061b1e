"""Texts that strangers wrote: made safe to show, to pass on and to log.

Pure.
"""

import re
import unicodedata

from switchhook.core.errors import BadMessage

LONGEST_NAME = 100
ELLIPSIS = "…"

# Letters, marks and symbols by category, but nothing is seen of them: they make blank or look-alike names.
BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
# Cc control, Cf bidi and zero width, Cs lone surrogates, Co private use, Cn not a character (yet).
INVISIBLE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
# Categories Cc, Zl and Zp; a table of Unicode would be asked for each character of each field.
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
# Marks over marks climb out of their line; no living script needs more in a row.
LONGEST_MARK_RUN = 3


def clean_name(text: str, *, longest: int = LONGEST_NAME) -> str:
    """Make a display name one line of visible text, of `longest` characters at most.

    Control, bidi and zero-width characters go; line breaks and runs of blanks become one space.
    Escaping for HTML, CSV or a SIP header is still the business of whoever writes these.
    """
    # Far more than is kept: the work is bounded by it, not by the sender.
    spaced = " ".join(text[: longest * 20].split())
    visible = " ".join("".join(_visible(unicodedata.normalize("NFC", spaced))).split())
    if len(visible) <= longest:
        return visible
    return visible[: longest - 1].rstrip() + ELLIPSIS


def has_control(text: str) -> bool:
    """Tell whether a control character or a line separator of any kind is inside."""
    return CONTROL.search(text) is not None


def refuse_control(text: str, *, field: str) -> str:
    """Give the text back as it is, for values that must not be changed.

    Raises:
        BadMessage: it holds control characters; names `field`, never the value.
    """
    if has_control(text):
        raise BadMessage("expected a text without control characters", field=field)
    return text


def mask(secret: str) -> str:
    """Show a secret in a log: its first four characters if it is long, else nothing of it."""
    return f"{secret[:4]}{ELLIPSIS}" if len(secret) >= 16 and secret[:4].isalnum() else ELLIPSIS


def _visible(text: str) -> list[str]:
    kept: list[str] = []
    marks = 0
    for character in text:
        category = unicodedata.category(character)
        marks = marks + 1 if category in {"Mn", "Me"} else 0
        if character in BLANK or category in INVISIBLE_CATEGORIES or marks > LONGEST_MARK_RUN:
            continue
        kept.append(character)
    return kept
