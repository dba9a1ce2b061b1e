"""`GET get-system-status`: the harmless request by which a key is tried."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from switchhook.connectors.voipcloud.api.answers import success
from switchhook.connectors.voipcloud.wire.status import SystemStatus, User, UserStatus, write_status
from switchhook.core.api import ApiHub
from switchhook.core.call import Call, LegState
from switchhook.core.directory import Availability
from switchhook.core.edge import Reply

# What a phone does says more than what its owner set.
ON_THE_PHONE: Mapping[LegState, UserStatus] = {
    LegState.RINGING: UserStatus.RINGING,
    LegState.TALKING: UserStatus.BUSY,
}
STATUSES: Mapping[Availability, UserStatus] = {
    Availability.FREE: UserStatus.AVAILABLE,
    Availability.BUSY: UserStatus.BUSY,
    Availability.DINNER: UserStatus.BUSY,
    Availability.BREAK: UserStatus.BUSY,
    Availability.OFFLINE: UserStatus.OFFLINE,
}


async def serve_status(hub: ApiHub, *, at: datetime) -> Reply:
    """Tell how many calls go on, and what each user does. Raises: StoreDown."""
    calls = await hub.open_calls()
    on_the_phone = _on_the_phone(calls)
    users = [
        User(
            user_name=one.name,
            user_number=one.extension,
            status=on_the_phone.get(one.extension) or STATUSES.get(one.availability, UserStatus.UNKNOWN),
        )
        for one in await hub.book.employees()
    ]
    return success(write_status(status=SystemStatus.OK, at=at, active_calls=len(calls), users=users))


def _on_the_phone(calls: Iterable[Call]) -> dict[str, UserStatus]:
    """Say whose phone rings or is in a talk; a talk counts when there are both."""
    found: dict[str, UserStatus] = {}
    for call in calls:
        for leg in call.legs:
            if leg.state is LegState.TALKING or (leg.is_open and leg.extension not in found):
                found[leg.extension] = ON_THE_PHONE[leg.state]
    return found
