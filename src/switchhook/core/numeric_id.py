"""An id of digits for a call, for protocols whose clients store it as a number.

At most 18 digits, so that it fits a signed 64-bit integer and a column of 20 decimal digits.
"""

import re
from datetime import UTC, datetime
from hashlib import blake2b

from switchhook.core.call import Call

MOST_DIGITS = 18

# Ids that we make up: 12 hex digits of time, 14 of chance (`flow/ids.py`).
_OURS = re.compile("[0-9a-f]{26}", re.ASCII)
_TIME_DIGITS = 12
_FIRST_MS = round(datetime(2020, 1, 1, tzinfo=UTC).timestamp() * 1000)
_SECOND_MS = 1000
_IDS_A_SECOND = 10**9


def numeric_id(call: Call) -> str:
    """Give the call's id in digits; that of the click which asked for it, when there was one.

    The id that others know it by, where that is digits; else it is made of our own.
    """
    return given_id(call) or digits_of(call.id)


def given_id(call: Call) -> str | None:
    """Give the call's id in digits where it is not made of our own: see `numeric_id`."""
    if call.dial_id is not None:
        return digits_of(call.dial_id)
    return call.shared_id if _is_number(call.shared_id) else None


def digits_of(text: str) -> str:
    """Give an id as digits: as it is when it is short digits already; of one of ours its second since 2020
    and nine digits of its chance; of any other 17 digits of its hash.
    """
    if _is_number(text):
        return text
    if _OURS.fullmatch(text) and (since_ms := int(text[:_TIME_DIGITS], 16) - _FIRST_MS) >= 0:
        return str(since_ms // _SECOND_MS * _IDS_A_SECOND + int(text[_TIME_DIGITS:], 16) % _IDS_A_SECOND)
    number = int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")
    return str(10**16 + number % (9 * 10**16))


def second_of(number: int) -> tuple[str, str]:
    """Give between which ids of ours those lie whose digits may be this number: from, and up to."""
    start_ms = _FIRST_MS + number // _IDS_A_SECOND * _SECOND_MS
    return f"{start_ms:0{_TIME_DIGITS}x}", f"{start_ms + _SECOND_MS:0{_TIME_DIGITS}x}"


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS and not text.startswith("0")
