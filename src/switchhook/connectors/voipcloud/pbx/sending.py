"""Telling a CRM of a call: which change makes which event, or why none, and how its answers are read."""

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID, uuid5

import msgspec

from switchhook.connectors.voipcloud.pbx.grouping import with_group
from switchhook.connectors.voipcloud.pbx.posting import post
from switchhook.connectors.voipcloud.pbx.targets import Targets, targets_of
from switchhook.connectors.voipcloud.wire.notice import Kind, write_notice
from switchhook.connectors.voipcloud.wire.webhook_out import STEPS, Telling, kind_of, kinds_of, notice_of
from switchhook.core.call import Call, Change, ChangeKind, Direction
from switchhook.core.connector import Answer, Hub, Link
from switchhook.core.errors import Misconfigured, PeerDown
from switchhook.core.outcome import Delivered, GiveUp, Locked, NotSent, Outcome, TryAgain, outcome_of
from switchhook.core.schedule import read_retry_after

HEARD = STEPS | {ChangeKind.RECORDING_READY, ChangeKind.CALL_FINAL}
# Made once; the same message then has the same id from whatever process it is sent.
NAMESPACE = UUID("8c0f4a52-6a0e-4d0b-9a57-2f6f6f0b6a11")
# In the connection's state: the address that wants no more events.
GONE = "gone"


def hears(change: Change) -> bool:
    return change.kind in HEARD


def hears_for(link: Link) -> Callable[[Change], bool]:
    """Give what to queue for a connection: nothing of which no event is ticked.

    Settings that cannot be read leave out nothing: the first message then says what is wrong.
    """
    try:
        ticked = targets_of(link).ticked
    except Misconfigured:
        return hears
    told = frozenset(kind for kind in HEARD if ticked & kinds_of(kind))
    return lambda change: change.kind in told


def merge(changes: Sequence[Change], call: Call) -> Sequence[Change]:
    """Leave out what no event tells: records of calls that cannot have come through a group."""
    if call.group or call.direction is Direction.INBOUND:
        return changes
    return [change for change in changes if change.kind is not ChangeKind.CALL_FINAL]


async def deliver(change: Change, call: Call, link: Link, hub: Hub, *, at: datetime) -> Outcome:
    """Tell the CRM of one change. A message that is sent again is the same to the byte."""
    try:
        targets = targets_of(link)
        call = await with_group(call, hub.book, region_of(link))
        kind = kind_of(change, call)
        reason = why_not(kind, change, call, targets)
        if kind is None or reason is not None:
            return NotSent(reason or "it came through no queue or ring group")
        url = targets.url_of(kind)
        body = await _body(kind, change, call, link, hub)
        answer = await post(url, body, link, delivery_id=delivery_id(kind, change, call, link), at=at)
    except PeerDown as error:
        return TryAgain(error.reason)
    except Misconfigured as error:
        return Locked(error.reason)
    await _note_gone(url, answer, link, hub)
    return read_outcome(answer, at=at)


def why_not(kind: Kind | None, change: Change, call: Call, targets: Targets) -> str | None:
    """Give the reason for which the CRM is not told; None to send."""
    if call.direction is Direction.UNKNOWN:
        return "nobody told whether the call came in or went out"
    if kind is not None and kind not in targets.ticked:
        return f"{kind.value} is not among the events of this connection"
    if change.kind in STEPS and not change.extension:
        return "it reached no user, and these events are about users"
    return None


def delivery_id(kind: Kind, change: Change, call: Call, link: Link) -> str:
    """Name a message: of the same connection, call and change it is the same for ever."""
    said = msgspec.json.encode(change).decode()
    return str(uuid5(NAMESPACE, f"{link.id}\n{call.id}\n{kind.value}\n{said}"))


async def _body(kind: Kind, change: Change, call: Call, link: Link, hub: Hub) -> bytes:
    recording = link.recording_url(call, change.recording or 0) if change.recording is not None else ""
    telling = Telling(
        change=change,
        call=call,
        names={one.extension: one.name for one in await hub.book.employees()},
        region=region_of(link),
        link=recording,
    )
    return write_notice(notice_of(kind, telling))


def region_of(link: Link) -> str:
    return link.settings.get("region") or "RU"


def read_outcome(answer: Answer, *, at: datetime) -> Delivered | TryAgain | GiveUp | Locked:
    """Read an answer: any 2xx is taken, 410 is a farewell; the rest as everywhere."""
    status, body = answer.status, answer.body
    if 200 <= status < 300:
        return Delivered(status=status, answer=body)
    if status == 410:
        text = "the CRM answers 410: it wants no more events. Set another address, or resume the connection"
        return Locked(text, status, body)
    if 300 <= status < 400:
        return GiveUp(f"the CRM's address leads elsewhere ({status}), and nobody is followed", status, body)
    wait = read_retry_after(answer.headers.get("retry-after"), now=at)
    return outcome_of(status, retry_after_seconds=wait, answer=body)


async def _note_gone(url: str, answer: Answer, link: Link, hub: Hub) -> None:
    """Remember a farewell, so that nothing tries that address by itself; forget it once it takes events."""
    gone = url if answer.status == 410 else ""
    is_good = 200 <= answer.status < 300 and link.state.get(GONE) == url
    if gone or is_good:
        await hub.pair(state={GONE: gone})
