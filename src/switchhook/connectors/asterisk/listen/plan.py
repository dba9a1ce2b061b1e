"""How channels of one PBX are told apart: which endpoints are phones, and of whom. Pure."""

import re
from fnmatch import translate

from msgspec import Struct

from switchhook.core.errors import BadMessage
from switchhook.core.number import DIALABLE

# Without a list: an endpoint is a phone when its name is an extension.
PHONE = re.compile(r"[0-9]{2,6}")
# What one writes in the list: names, with * and ? for any characters.
PATTERN = re.compile(r"[A-Za-z0-9_.+*?-]{1,80}")
MOST_PATTERNS = 2_000


class Plan(Struct, frozen=True, kw_only=True):
    """How the calls of one connection are read."""

    phones: tuple[tuple[re.Pattern[str], str], ...] = ()  # name of endpoint, extension ("": the name itself)
    did_variable: str = "HUB_DID"  # in which the dialplan keeps the number that was called, if it does
    fetches_recordings: bool = False  # whether a recording that is made can be had afterwards

    def extension_of(self, endpoint: str) -> str | None:
        """Give the extension of a phone; None for a line to the outside."""
        if not self.phones:
            return endpoint if PHONE.fullmatch(endpoint) else None
        for pattern, extension in self.phones:
            if pattern.fullmatch(endpoint):
                return extension or endpoint
        return None

    def is_extension(self, number: str) -> bool:
        """Tell whether a number is one of ours and not of the outside."""
        if PHONE.fullmatch(number):
            return True
        return any(number == extension or pattern.fullmatch(number) for pattern, extension in self.phones)


def read_phones(text: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    """Read a list of phones: endpoints, apart by commas or blanks, each `NAME` or `NAME=EXTENSION`.

    In a name `*` stands for any characters and `?` for one; the first that fits counts. Empty: every
    endpoint whose name is two to six digits.

    Raises: BadMessage: an entry that is neither.
    """
    entries = text.replace(",", " ").split()
    if len(entries) > MOST_PATTERNS:
        raise BadMessage(f"expected at most {MOST_PATTERNS} endpoints, got {len(entries)}", field="phones")
    return tuple(_phone(entry) for entry in entries)


def _phone(entry: str) -> tuple[re.Pattern[str], str]:
    name, separator, extension = entry.partition("=")
    if not PATTERN.fullmatch(name) or (separator and not DIALABLE.fullmatch(extension)):
        raise BadMessage(f"expected NAME or NAME=EXTENSION, got {entry[:40]!r}", field="phones")
    return re.compile(translate(name)), extension
