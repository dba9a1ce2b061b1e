"""What may be written into a message to Asterisk: judged here, refused and never stripped. Pure.

AMI has no escaping at all, and what is dialled reaches a dialplan: whatever comes from a CRM passes
one of these first.
"""

import re

from switchhook.core.errors import BadMessage
from switchhook.core.number import DIALABLE

# Ids that we make up, and those that Asterisk gives: seconds.serial, a UUID, with a prefix or without.
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,149}")
# A part of a dialplan: context, endpoint, application, technology, recording.
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,79}")
BREAKS = re.compile("[\r\n\0]")
SURROGATE = re.compile("[\ud800-\udfff]")
# ITU-T Q.850 has seven bits for a cause.
GREATEST_CAUSE = 127


def dialled(text: str, *, field: str = "number") -> str:
    """Give a number or extension back: `+?[0-9*#]{1,32}` and nothing else.

    Raises: BadMessage: it is anything else; names `field`.
    """
    return _matching(DIALABLE, text, "a number of digits, * and #", field)


def identifier(text: str, *, field: str = "id") -> str:
    """Give an id of a channel, bridge or action back.

    Raises: BadMessage: empty, too long, or with characters that no such id has; names `field`.
    """
    return _matching(ID, text, "an id of letters, digits and . _ : -", field)


def name(text: str, *, field: str) -> str:
    """Give a name of the PBX's configuration back.

    Raises: BadMessage: empty, too long, or with characters that would mean something; names `field`.
    """
    return _matching(NAME, text, "a name of letters, digits and . _ + -", field)


def one_line(text: str, *, field: str) -> str:
    """Give a text back that is one line: no CR, no LF, no NUL, and nothing that UTF-8 cannot write.

    Raises: BadMessage: it has one of them; names `field`.
    """
    if BREAKS.search(text):
        raise BadMessage("expected a text without line breaks and NUL", field=field)
    if SURROGATE.search(text):
        raise BadMessage("expected a text that UTF-8 can write", field=field)
    return text


def cause(code: int) -> int:
    """Give a hang-up cause back (ITU-T Q.850).

    Raises: BadMessage: not between 1 and 127.
    """
    if not 1 <= code <= GREATEST_CAUSE:
        raise BadMessage(f"expected a cause from 1 to {GREATEST_CAUSE}, got {code}", field="cause")
    return code


def _matching(pattern: re.Pattern[str], text: str, expected: str, field: str) -> str:
    if pattern.fullmatch(text) is None:
        raise BadMessage(f"expected {expected}, got {text[:40]!r}", field=field)
    return text
