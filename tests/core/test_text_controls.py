"""The short way of looking for control characters agrees with Unicode's own table."""

import sys
import unicodedata

from switchhook.core.text import has_control


def test_control_characters_are_those_of_the_unicode_table() -> None:
    by_table = {
        c for c in map(chr, range(sys.maxunicode + 1)) if unicodedata.category(c) in {"Cc", "Zl", "Zp"}
    }

    assert {c for c in map(chr, range(sys.maxunicode + 1)) if has_control(c)} == by_table
