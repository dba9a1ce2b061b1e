"""An id of digits for a call, for protocols whose clients store it as a number.

At most 18 digits, so that it fits a signed 64-bit integer and a column of 20 decimal digits.
"""

from hashlib import blake2b

from switchhook.core.call import Call

MOST_DIGITS = 18


def numeric_id(call: Call) -> str:
    """Give the call's id in digits; that of the click which asked for it, when there was one."""
    return digits_of(call.dial_id or call.shared_id)


def digits_of(text: str) -> str:
    """Give an id as digits: as it is when it is short digits already, else 17 digits of its hash."""
    if text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS and not text.startswith("0"):
        return text
    number = int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")
    return str(10**16 + number % (9 * 10**16))
