"""Click to call: the PBX rings the user's phones, then the number. Sent once, never repeated."""

import secrets

import msgspec
import structlog

from switchhook.connectors.voipcloud.crm.asking import failure, post
from switchhook.connectors.voipcloud.crm.parties import plan_of
from switchhook.connectors.voipcloud.wire.call_to_number import (
    JSON,
    MULTIPART,
    PATH,
    Click,
    read_taken,
    write_click,
    write_multipart,
)
from switchhook.connectors.voipcloud.wire.envelope import read_envelope
from switchhook.connectors.voipcloud.wire.number import is_extension, read_party
from switchhook.core.call import CallEvent, Direction, Happening
from switchhook.core.connector import Answer, DialOrder, Hub, Link
from switchhook.core.errors import BadMessage, HubError

log = structlog.get_logger(__name__)

BODIES = ("json", "multipart")


async def dial(order: DialOrder, link: Link, hub: Hub) -> None:
    """Ask for a call. Once this returns the PBX has taken it; that a phone rings is told by its events.

    When the answer names the call, the call is noted at once, and so tied to this click by its id
    rather than by a guess when its events come.

    Raises:
        PeerDown: no answer, or a failing PBX: a phone may ring all the same.
        Misconfigured, TooMany, BadMessage: surely not dialled, with the reason in words.
    """
    plan = plan_of(link.settings)
    # Numbers go with their plus; what is dialled as it is, such as an extension, stays.
    number = read_party(order.number, plan.region, plan.extensions)
    presented = order.did or link.settings.get("caller_id") or None
    fields = write_click(
        Click(
            user_number=order.extension,
            number_to_call=number,
            caller_id=read_party(presented, plan.region) if presented else None,
        )
    )
    if link.settings.get("dial_body") == "multipart":
        boundary = secrets.token_hex(16)
        body = write_multipart(fields, boundary)
        answer = await post(link, PATH, body, f"{MULTIPART}; boundary={boundary}")
    else:
        answer = await post(link, PATH, msgspec.json.encode(fields), JSON)
    call_id = _call_named_in(answer, link)
    if call_id is not None:
        await _note(call_id, order, number, link, hub)


def _call_named_in(answer: Answer, link: Link) -> str | None:
    """Give the id that the answer names its call by, or None. Raises what `dial` documents."""
    if not 200 <= answer.status < 300:
        raise failure(answer, link)
    try:
        envelope = read_envelope(answer.body)
    except BadMessage:
        # It said yes, and then something else than its documents have.
        log.info("voipcloud: the answer to a click cannot be read", connection=link.id)
        return None
    if not envelope.is_success:
        raise failure(answer, link, status=envelope.code or 400)
    return read_taken(envelope.data).unique_call_id


async def _note(call_id: str, order: DialOrder, number: str, link: Link, hub: Hub) -> None:
    is_internal = is_extension(number, plan_of(link.settings).extensions)
    noted = CallEvent(
        call_id=call_id,
        happening=Happening.NOTED,
        direction=Direction.INTERNAL if is_internal else Direction.OUTBOUND,
        number=number,
        extension=order.extension,
    )
    try:
        await hub.accept([noted])
    except HubError as error:
        # The phone rings already: the call is then tied by who called whom.
        log.warning("voipcloud: a click's call is not noted", connection=link.id, reason=error.reason)
