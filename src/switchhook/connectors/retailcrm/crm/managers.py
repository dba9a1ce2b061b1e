"""A PBX asks whom to ring for a caller, and who it is."""

from switchhook.connectors.retailcrm.crm.asked import Asked
from switchhook.connectors.retailcrm.crm.registry import staff_of
from switchhook.connectors.retailcrm.wire.answers import success
from switchhook.connectors.retailcrm.wire.json_text import Json
from switchhook.connectors.retailcrm.wire.manager import (
    read_question,
    write_customer,
    write_links,
    write_manager,
)
from switchhook.core.directory import Availability, Caller
from switchhook.core.edge import Reply


async def manager(asked: Asked) -> Reply:
    """Name the responsible; the member is absent, not null, when there is none or they are not free."""
    question = read_question(asked.given)
    caller = await asked.hub.who_is(question.phone)
    found: dict[str, Json] = {}
    responsible = await _responsible(asked, caller, ignores_status=question.ignores_status)
    if responsible is not None:
        found["manager"] = responsible
    customer = write_customer(caller) if question.has_details else None
    if customer is not None:
        found["customer"] = customer
    found["links"] = write_links(caller, hub_url=asked.link.public_url, phone=question.phone)
    return success(**found)


async def _responsible(asked: Asked, caller: Caller, *, ignores_status: bool) -> Json:
    """An extension that our book does not know still rings: the PBX has it, or its CRM would not name it."""
    extension = caller.responsible
    if extension is None:
        return None
    staff = await staff_of(asked.link, asked.hub)
    employee = caller.employee or staff.employee(extension)
    is_free = employee is None or employee.availability is Availability.FREE
    if not (is_free or ignores_status):
        return None
    return write_manager(user_id=staff.user_of(extension), code=extension, employee=employee)
