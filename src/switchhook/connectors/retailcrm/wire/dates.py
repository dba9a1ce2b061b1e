"""retailCRM's date-times: `Y-m-d H:i:s` without a zone, meaning the account's own."""

import re
from datetime import UTC, datetime, tzinfo

from switchhook.core.errors import BadMessage

# Some senders leave out leading zeros, some write what their language calls ISO.
WRITTEN = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})[ T](\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?",
    re.ASCII,
)
# Outside of this no call can be, and clocks of stores overflow.
YEARS = range(1990, 2100)


def read_date(text: str, zone: tzinfo, *, field: str) -> datetime:
    """Give the moment in UTC. A zone written out, which the protocol does not have, is believed.

    Raises:
        BadMessage: not a date-time.
    """
    found = WRITTEN.fullmatch(text.strip())
    if found is None or int(found[1]) not in YEARS:
        raise BadMessage("This value is not a valid date-time, expected Y-m-d H:i:s", field=field)
    year, month, day, hour, minute = (int(found[index]) for index in range(1, 6))
    try:
        local = datetime(year, month, day, hour, minute, int(found[6] or 0), tzinfo=_zone(found[7], zone))
        return local.astimezone(UTC)
    except ValueError:
        raise BadMessage("This value is not a valid date-time, expected Y-m-d H:i:s", field=field) from None


def write_date(moment: datetime, zone: tzinfo) -> str:
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")


def _zone(written: str | None, default: tzinfo) -> tzinfo:
    if written is None:
        return default
    zone = datetime.strptime("+0000" if written == "Z" else written.replace(":", ""), "%z").tzinfo
    assert zone is not None
    return zone
