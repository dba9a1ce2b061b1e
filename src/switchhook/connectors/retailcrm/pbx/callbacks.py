"""What the account asks of the PBX: calls to start, statuses to note, the module switched on and off."""

import msgspec

from switchhook.connectors.retailcrm.pbx.roster import roster_of
from switchhook.connectors.retailcrm.wire.answers import Missing, success
from switchhook.connectors.retailcrm.wire.callbacks import (
    read_activity,
    read_call_request,
    read_status_notice,
)
from switchhook.connectors.retailcrm.wire.parameters import Parameters
from switchhook.core.connector import Hub, Link
from switchhook.core.edge import Reply
from switchhook.core.errors import NotFound


async def make_call(given: Parameters, link: Link, hub: Hub) -> Reply:
    """Start a call. Exactly 200 tells the CRM that it was started."""
    request = read_call_request(given)
    extension = _extension(link, request.code, request.user_id)
    await hub.dial(extension, request.phone, did=request.external_phone)
    return success()


async def change_user_status(given: Parameters, link: Link, hub: Hub) -> Reply:
    notice = read_status_notice(given)
    await hub.set_presence(_extension(link, notice.code, notice.user_id), notice.availability)
    return success()


async def activity(given: Parameters, link: Link, hub: Hub) -> Reply:
    """Remember that the module was switched off, frozen or switched on again."""
    await hub.pair(state={"activity": msgspec.to_builtins(read_activity(given))})
    return success()


def _extension(link: Link, code: str | None, user_id: int | None) -> str:
    extension = code or (roster_of(link).extension_of(user_id) if user_id is not None else None)
    if extension is None:
        raise Missing("code") if user_id is None else NotFound(f"user {user_id} has no extension")
    return extension
