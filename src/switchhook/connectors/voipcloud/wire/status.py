"""`GET get-system-status` of the API's first version. Only its path is documented; the rest is ours. Pure."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from msgspec import Struct

from switchhook.connectors.voipcloud.wire.members import write_moment

PATH = "get-system-status"


class SystemStatus(StrEnum):
    OK = "ok"
    DEGRADED = "degraded"
    DOWN = "down"


class UserStatus(StrEnum):
    AVAILABLE = "available"
    RINGING = "ringing"
    BUSY = "busy"
    OFFLINE = "offline"
    UNKNOWN = "unknown"


class User(Struct, frozen=True, kw_only=True):
    user_name: str
    user_number: str
    status: UserStatus


def write_status(
    *, status: SystemStatus, at: datetime, active_calls: int, users: Sequence[User]
) -> dict[str, Any]:
    """Give the `data` of the answer."""
    return {
        "system_status": status.value,
        "server_time": write_moment(at),
        "active_calls": active_calls,
        "users": [
            {"user_name": user.user_name, "user_number": user.user_number, "status": user.status.value}
            for user in users
        ],
    }
