"""A PBX uploads finished calls."""

from switchhook.connectors.retailcrm.crm.asked import Asked
from switchhook.connectors.retailcrm.crm.registry import staff_of
from switchhook.connectors.retailcrm.wire.answers import NO_UPLOADS, NotEnabled, success
from switchhook.connectors.retailcrm.wire.fields import text_of
from switchhook.connectors.retailcrm.wire.parameters import nested
from switchhook.connectors.retailcrm.wire.upload import (
    UploadAnswer,
    read_calls,
    without_repeats,
    write_answer,
)
from switchhook.connectors.retailcrm.zone import zone_of
from switchhook.core.edge import Reply


async def calls_upload(asked: Asked) -> Reply:
    """Take up to 50 calls, all or none. A call uploaded before is named, not counted and left as it was."""
    staff = await staff_of(asked.link, asked.hub)
    if not staff.modules:
        raise NotEnabled(NO_UPLOADS)
    reports = read_calls(
        nested(asked.given, "calls"),
        zone_of(asked.link),
        extension_of=staff.extension_of,
        site=text_of(asked.given, "site"),
    )
    known = await asked.hub.history([report.call_id for report in reports])
    # A call known from its events alone still waits for this report.
    uploaded = {call_id for call_id, call in known.items() if call.is_reported}
    fresh, repeated = without_repeats(reports, uploaded.__contains__)
    if fresh:
        await asked.hub.accept(fresh)
    return success(**write_answer(UploadAnswer(processed=len(fresh), duplicates=tuple(repeated))))
