"""When to try again: attempts to a delay.

Pure: chance and time come in as arguments.
"""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import accumulate

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0

# Every delay up to the last, which is then repeated until the window is over.
DELAYS_SECONDS = (1.0, 5.0, 30.0, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR)
WINDOW_SECONDS = 7 * DAY
# Each delay is spread by this part of itself, both ways, so that lanes do not come back together.
JITTER = 0.2
# A peer may ask us to wait, but not to forget its queue.
LONGEST_RETRY_AFTER_SECONDS = HOUR

AGES_SECONDS = (0.0, *accumulate(DELAYS_SECONDS))


def delay_seconds(
    attempts: int,
    *,
    jitter: float,
    age_seconds: float | None = None,
    retry_after_seconds: float | None = None,
) -> float | None:
    """Say how long to wait after so many failed attempts (1 or more), or None: give up.

    `jitter` is chance, 0 to 1; 0.5 gives the schedule itself. `age_seconds` is the time since
    the first attempt; left out, it is what the schedule alone would have taken. What the peer
    asked for by Retry-After is waited at least, up to an hour. The last attempt falls inside the
    window of seven days.
    """
    step = max(attempts, 1) - 1
    nominal = DELAYS_SECONDS[min(step, len(DELAYS_SECONDS) - 1)]
    if age_seconds is None:
        age_seconds = _age_seconds(step)
    if age_seconds + nominal > WINDOW_SECONDS:
        return None
    spread = nominal * (1 - JITTER + 2 * JITTER * min(max(jitter, 0.0), 1.0))
    asked = min(retry_after_seconds or 0.0, LONGEST_RETRY_AFTER_SECONDS)
    return max(spread, asked)


def read_retry_after(text: str | None, *, now: datetime) -> float | None:
    """Read a Retry-After header: seconds from `now`, or None when absent or unreadable (RFC 9110, 10.2.3)."""
    text = (text or "").strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        return float(text)
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return max((at - now).total_seconds(), 0.0)


def _age_seconds(step: int) -> float:
    beyond = max(step - len(DELAYS_SECONDS), 0)
    return AGES_SECONDS[min(step, len(DELAYS_SECONDS))] + beyond * DELAYS_SECONDS[-1]
