"""Telling an account of a call: which change makes which message, or why none."""

import math
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

from switchhook.connectors.retailcrm.pbx.account import outcome_of, tell
from switchhook.connectors.retailcrm.pbx.batches import Batches, Row
from switchhook.connectors.retailcrm.pbx.history import own_number, phone_for, row_of
from switchhook.connectors.retailcrm.pbx.live import event_of, nobody_because
from switchhook.connectors.retailcrm.pbx.roster import Roster, roster_of
from switchhook.connectors.retailcrm.wire.event import TYPES
from switchhook.connectors.retailcrm.wire.json_text import write_json
from switchhook.connectors.retailcrm.wire.upload import duplicates_in
from switchhook.connectors.retailcrm.zone import zone_of
from switchhook.core.call import Call, Change, ChangeKind, Direction
from switchhook.core.connector import Hub, Link
from switchhook.core.errors import ForbiddenTarget, Misconfigured, PeerDown
from switchhook.core.outcome import Delivered, GiveUp, Locked, NotSent, Outcome, TryAgain

EVENT = "/api/v5/telephony/call/event"
UPLOAD = "/api/v5/telephony/calls/upload"
NOT_YET_REGISTERED_SECONDS = 30.0
# retailCRM's own example of a periodic upload.
UPLOAD_EVERY_SECONDS = 600
LONGEST_PERIOD_SECONDS = 24 * 3600
# What falls due together arrives within this, and goes as one request.
GATHERING_SECONDS = 1.0


async def deliver(change: Change, call: Call, link: Link, hub: Hub, *, batches: Batches) -> Outcome:
    """Tell the account of one change. A NotSent says what the account would have dropped, and why."""
    roster = roster_of(link)
    reason = await _not_sent_because(change, call, roster, link, hub)
    if reason is not None:
        return NotSent(reason)
    is_final = change.kind is ChangeKind.CALL_FINAL
    try:
        outcome = await (
            _upload(call, link, roster, batches) if is_final else _event(change, call, link, roster)
        )
    except PeerDown as error:
        return TryAgain(error.reason)
    except (ForbiddenTarget, Misconfigured) as error:
        return Locked(error.reason)
    if isinstance(outcome, GiveUp) and not roster.is_registered:
        # History waits for the registration; a card would come too late.
        reason = f"the module is not registered in the CRM yet: {outcome.reason}"
        return TryAgain(reason, NOT_YET_REGISTERED_SECONDS) if is_final else NotSent(reason)
    return outcome


async def _not_sent_because(change: Change, call: Call, roster: Roster, link: Link, hub: Hub) -> str | None:
    if change.kind is ChangeKind.CORRECTED:
        return f"retailCRM keeps an uploaded call as it is: {change.note or 'a correction'}"
    if call.direction is Direction.INTERNAL:
        return "an internal call"
    if call.direction not in TYPES:
        return "it is not known who called whom"
    if phone_for(call, link) is None:
        return "the number is withheld, and the CRM needs one"
    if roster.off_because is not None:
        return roster.off_because
    employee = own_number(call, await hub.book.employees(), link)
    return f"the own number of {employee.name}" if employee is not None else None


async def _event(change: Change, call: Call, link: Link, roster: Roster) -> Outcome:
    codes = roster.known(change.extensions)
    if not codes:
        return NotSent(nobody_because(change, roster))
    site = call.site or link.settings.get("site") or None
    event = event_of(change, call, codes, phone=phone_for(call, link) or "", site=site)
    answer = await tell(link, EVENT, {"event": write_json(event)})
    outcome = outcome_of(answer)
    unknown = answer.members.get("notExistCodes")
    if isinstance(outcome, Delivered) and isinstance(unknown, list) and unknown:
        named = ", ".join(str(code) for code in unknown)
        return Delivered(f"the account does not know extension {named}", answer.status, answer.raw)
    return outcome


async def _upload(call: Call, link: Link, roster: Roster, batches: Batches) -> Outcome:
    phone = phone_for(call, link) or ""
    if link.is_on("strip_plus"):
        phone = phone.removeprefix("+")
    row = row_of(call, link, roster, zone_of(link), phone=phone)
    upload = _uploader(link)
    if link.settings.get("upload") != "periodic":
        return (await upload([row]))[0]
    return await batches.send(link.id, row, after_seconds=GATHERING_SECONDS, upload=upload)


def _uploader(link: Link) -> Callable[[Sequence[Row]], Awaitable[Sequence[Outcome]]]:
    async def upload(rows: Sequence[Row]) -> Sequence[Outcome]:
        # A repeat is harmless here, so every row may be sent again after a lost answer.
        try:
            answer = await tell(link, UPLOAD, {"calls": write_json(list(rows))})
        except PeerDown as error:
            return [TryAgain(error.reason)] * len(rows)
        outcome = outcome_of(answer)
        repeated = duplicates_in(answer.members)
        known = Delivered("the account had it already", answer.status, answer.raw)
        return [known if str(row["externalId"]) in repeated else outcome for row in rows]

    return upload


def not_before(change: Change, link: Link) -> datetime | None:
    """Say when a record goes at the earliest: with the next periodic upload, if so set.

    Raises:
        Misconfigured: the period is no number of seconds.
    """
    if change.kind is not ChangeKind.CALL_FINAL or link.settings.get("upload") != "periodic":
        return None
    try:
        period = float(link.settings.get("upload_every_seconds") or UPLOAD_EVERY_SECONDS)
        if not 0 < period <= LONGEST_PERIOD_SECONDS:
            raise ValueError(period)
    except ValueError:
        raise Misconfigured(
            f"expected seconds up to {LONGEST_PERIOD_SECONDS}",
            connection=link.id,
            field="upload_every_seconds",
        ) from None
    told_at = change.at.timestamp()
    return datetime.fromtimestamp(math.ceil(told_at / period) * period, UTC)
