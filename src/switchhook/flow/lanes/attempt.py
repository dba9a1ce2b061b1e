"""One attempt to deliver: from a claim to what it came to."""

import asyncio
from datetime import datetime
from typing import NoReturn

import msgspec
import structlog

from switchhook.core.call import Call, Change
from switchhook.core.errors import HubError, PeerDown, Refused, StoreDown, TooMany
from switchhook.core.outcome import Delivered, GiveUp, Locked, NotSent, Outcome, Postponed, TryAgain
from switchhook.core.schedule import delay_seconds
from switchhook.flow.destinations import Outlet
from switchhook.store.claims import Claim
from switchhook.store.deliveries import PRESENCE, Presence, State
from switchhook.store.lanes import Verdict
from switchhook.store.times import to_millis

log = structlog.get_logger()

# However many requests a connector makes for one message.
DELIVER_SECONDS = 25.0
# A lane left by a dead process comes back by then; one whose attempt takes longer is kept, see `Worker`.
LEASE_MS = 10_000
# Longer than any attempt: a probe of a peer that is down is the only one.
PROBE_MS = 30_000

INTERNAL_ERROR = "internal error: see the log of the hub"
# The peer answered, so it is up; but its word is "wait", and that is no reason to send it more.
ASKED_TO_WAIT = frozenset({408, 425, 429})

_decode_change = msgspec.json.Decoder(Change).decode
_decode_call = msgspec.json.Decoder(Call).decode
_decode_presence = msgspec.json.Decoder(Presence).decode


async def attempt(claim: Claim, outlet: Outlet, *, now: datetime) -> Outcome:
    """Send the message of a claim. Never raises, but for being cancelled."""
    try:
        async with asyncio.timeout(DELIVER_SECONDS):
            return await _send(claim, outlet, now)
    except TimeoutError:
        return TryAgain(f"no answer within {DELIVER_SECONDS:.0f} s")
    except HubError as error:
        return outcome_of_error(error)
    except Exception:
        log.exception("a delivery failed inside", connection=claim.connection_id, delivery=claim.delivery_id)
        return GiveUp(INTERNAL_ERROR)


async def _send(claim: Claim, outlet: Outlet, now: datetime) -> Outcome:
    side = outlet.side
    if claim.kind == PRESENCE:
        if side.set_presence is None:
            return NotSent("this protocol has no words for an employee's status")
        said = _decode_presence(claim.payload)
        return await side.set_presence(said.extension, said.availability, outlet.link, outlet.hub)
    if side.deliver is None or claim.call is None:
        return NotSent("this connection is told nothing of calls")
    change = _decode_change(claim.payload)
    earliest = side.not_before(change, outlet.link)
    if earliest is not None and earliest > now:
        return Postponed(earliest, "this peer takes such messages at set times")
    return await side.deliver(change, _decode_call(claim.call), outlet.link, outlet.hub)


def outcome_of_error(error: HubError) -> Outcome:
    """Read an error of ours the way most connectors mean it."""
    match error:
        case PeerDown() | StoreDown():
            return TryAgain(error.reason)
        case TooMany():
            return TryAgain(error.reason, error.retry_after_seconds)
        case Refused():
            return Locked(error.reason)
        case _:
            return GiveUp(error.reason)


def verdict_of(outcome: Outcome, claim: Claim, *, began: datetime, ended: datetime, jitter: float) -> Verdict:
    """Say what becomes of the message. `jitter` is chance, 0 to 1."""
    status: int | None = None
    answer = b""
    retry_ms: int | None = None
    is_peer_up: bool | None = True
    ended_ms = to_millis(ended)
    match outcome:
        case Delivered(reason, status, answer):
            state = State.DELIVERED
        case NotSent(reason):
            state, is_peer_up = State.SKIPPED, None
        case GiveUp(reason, status, answer):
            state, is_peer_up = State.DEAD, True if status is not None else None
        case Locked(reason, status, answer):
            # The head of its lane still; the destination is paused, so nobody tries it meanwhile.
            state, retry_ms, is_peer_up = State.WAITING, ended_ms, None
        case Postponed(until, reason):
            state, retry_ms, is_peer_up = State.WAITING, to_millis(until), None
        case TryAgain(reason, retry_after_seconds, status, answer):
            first_tried_ms = to_millis(began) if claim.first_tried_ms is None else claim.first_tried_ms
            delay = delay_seconds(
                claim.attempts + 1,
                jitter=jitter,
                age_seconds=(ended_ms - first_tried_ms) / 1000,
                retry_after_seconds=retry_after_seconds,
            )
            state = State.WAITING if delay is not None else State.DEAD
            retry_ms = None if delay is None else ended_ms + round(delay * 1000)
            reason = reason if delay is not None else f"given up after 7 days: {reason}"
            is_peer_up = None if status in ASKED_TO_WAIT else False
        case _:
            _unknown(outcome)
    return Verdict(
        claim=claim,
        started_ms=to_millis(began),
        ended_ms=ended_ms,
        state=state,
        outcome=OUTCOMES[type(outcome)],
        reason=reason,
        status=status,
        answer=answer,
        retry_ms=retry_ms,
        is_peer_up=is_peer_up,
    )


OUTCOMES: dict[type[Outcome], str] = {
    Delivered: "delivered",
    NotSent: "not sent",
    GiveUp: "given up",
    Locked: "locked",
    TryAgain: "try again",
    Postponed: "postponed",
}


def _unknown(outcome: NoReturn) -> NoReturn:
    raise AssertionError(f"expected an outcome, got {outcome!r}")
