"""What the pages say, one table per language; a test holds them to the same keys."""

import re
from collections.abc import Mapping

from switchhook.web.words import en, ru

Words = Mapping[str, str]

# Each language by its own name, as the switch shows it.
LANGUAGES: Mapping[str, str] = {"en": "English", "ru": "Русский"}
TABLES: Mapping[str, Words] = {"en": en.WORDS, "ru": ru.WORDS}
DEFAULT = "en"

WANTED = re.compile(r"\s*([A-Za-z]{1,8})(?:-[A-Za-z0-9]{1,8})*\s*(?:;\s*q=([01](?:\.[0-9]{0,3})?))?\s*")


def choose_language(chosen: str | None, accepted: str) -> str:
    """Give the language that was chosen by the switch, else the best of an Accept-Language header."""
    if chosen is not None and chosen in TABLES:
        return chosen
    best, best_weight = DEFAULT, 0.0
    for part in accepted[:500].split(","):
        wanted = WANTED.fullmatch(part)
        if wanted is None or wanted[1].lower() not in TABLES:
            continue
        weight = float(wanted[2] or 1)
        if weight > best_weight:
            best, best_weight = wanted[1].lower(), weight
    return best
