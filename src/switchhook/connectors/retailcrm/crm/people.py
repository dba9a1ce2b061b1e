"""Users as a PBX sees them, and their status from the PBX."""

from switchhook.connectors.retailcrm.crm.asked import Asked
from switchhook.connectors.retailcrm.crm.registry import staff_of
from switchhook.connectors.retailcrm.wire.answers import NOT_FOUND, failure, success
from switchhook.connectors.retailcrm.wire.people import (
    filtered,
    page_of,
    read_status,
    write_pagination,
    write_user,
)
from switchhook.core.edge import Reply
from switchhook.core.errors import NotFound


async def users(asked: Asked) -> Reply:
    """List the employees of our address book; their ids are the users' ids."""
    kept = filtered(await asked.hub.book.employees(), asked.given)
    page = page_of(asked.given, len(kept))
    return success(pagination=write_pagination(page), users=[write_user(each) for each in kept[page.bounds]])


async def user(asked: Asked) -> Reply:
    for employee in await asked.hub.book.employees():
        if str(employee.id) == asked.name:
            return success(user=write_user(employee))
    return failure(404, NOT_FOUND)


async def user_status(asked: Asked) -> Reply:
    """Note a status. The ids of the PBX's own map count here too."""
    availability = read_status(asked.given)
    staff = await staff_of(asked.link, asked.hub)
    extension = staff.extension_of(int(asked.name)) if asked.name.isdecimal() else None
    if extension is None:
        return failure(404, NOT_FOUND)
    try:
        await asked.hub.set_presence(extension, availability)
    except NotFound:
        return failure(404, NOT_FOUND)
    return success()
