"""A PBX tells what happens to a call."""

from switchhook.connectors.retailcrm.crm.asked import Asked
from switchhook.connectors.retailcrm.crm.registry import Staff, staff_of
from switchhook.connectors.retailcrm.wire.answers import NOT_ENABLED, Missing, NotEnabled, success
from switchhook.connectors.retailcrm.wire.event import HANGUP, EventMessage, read_event, to_news
from switchhook.connectors.retailcrm.wire.fields import Object, as_object, text_of
from switchhook.connectors.retailcrm.wire.json_text import Json
from switchhook.connectors.retailcrm.wire.parameters import nested
from switchhook.core.edge import Reply


async def call_event(asked: Asked) -> Reply:
    """Take one event. Extensions and users that nobody knows are warnings, never errors."""
    staff = await staff_of(asked.link, asked.hub)
    if not staff.modules:
        raise NotEnabled(NOT_ENABLED)
    event = read_event(
        _event_object(asked),
        our_phones=[each.phone for each in staff.phones()],
        # The community client for Node writes the shop beside the event.
        site=text_of(asked.given, "site"),
    )
    call = None
    if event.type == HANGUP and event.external_id:
        call = (await asked.hub.history([event.external_id])).get(event.external_id)
    await asked.hub.accept(to_news(event, extension_of=staff.extension_of, call=call))
    return success(**_warnings(event, staff))


def _event_object(asked: Asked) -> Object:
    value = nested(asked.given, "event")
    if value is not None:
        return as_object(value, field="event")
    if asked.version == 3 and "type" in asked.given:
        return asked.given
    raise Missing("event")


def _warnings(event: EventMessage, staff: Staff) -> dict[str, Json]:
    codes: list[Json] = [code for code in event.codes if staff.user_of(code) is None]
    users: list[Json] = [user for user in event.user_ids if staff.extension_of(user) is None]
    found: dict[str, Json] = {}
    if codes:
        found["notExistCodes"] = codes
    if users:
        found["notExistUsers"] = users
    return found
