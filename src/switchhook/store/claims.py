"""Lanes claimed: who may try the head of which lane now.

A claim is a lease with a number (the epoch). Whoever comes back after another has taken over is
refused: see `lanes.py`. Claims never wait for a lock, and everything else locks lanes in one order, so
nodes do not block each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from switchhook.core.call import LIVE_CHANGES
from switchhook.store.breaker import admit
from switchhook.store.deliveries import PRESENCE, State
from switchhook.store.many import ByKeys, Find, Many, Row
from switchhook.store.tables.lanes import IS_LEASED, IS_WAITING, deliveries, lanes

# docs/architecture.md, Lanes: a stuck pop-up never delays the end of its call longer than this.
LIVE_YIELDS_AFTER_MS = 60_000
LIVE_KINDS = frozenset(kind.value for kind in LIVE_CHANGES)
# Messages of one lane judged in one step.
LOOKED_AT = 50


@dataclass(frozen=True, kw_only=True)
class ClaimRequest:
    """Ask for lanes of one destination."""

    account_id: int
    connection_id: str
    now_ms: int
    lease_ms: int
    probe_ms: int  # the same for the probe of a peer that is down
    limit: int  # how many this process could work on now
    at_once: int  # how many all processes together may
    rate_per_second: float
    live_ms: int | None  # a card opened later than this is not sent any more


@dataclass(frozen=True, kw_only=True)
class Claim:
    """The head of a lane, ours to try until the lease ends."""

    account_id: int
    connection_id: str
    lane: str
    epoch: int
    delivery_id: int
    kind: str
    created_ms: int
    attempts: int
    first_tried_ms: int | None
    payload: bytes
    call: bytes | None
    is_probe: bool = False  # the breaker is open and this is to find out


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """What there is to do, and when to ask again: None until something comes."""

    claims: tuple[Claim, ...] = ()
    again_ms: int | None = None
    is_held: bool = False  # until then by the pace or the breaker, or because all that may be is under way


def _free(*conditions: sa.ColumnElement[bool]) -> Find:
    found: sa.Select[Any] = (
        sa.select(lanes.c.lane, lanes.c.epoch)
        .where(
            lanes.c.connection_id == sa.bindparam("connection_id"),
            lanes.c.lease_until_ms <= sa.bindparam("now_ms"),
            *conditions,
        )
        .order_by(lanes.c.due_ms, lanes.c.lane)
        .limit(sa.bindparam("most", type_=sa.Integer))
        .with_for_update(skip_locked=True)
    )
    return Find(found, "connection_id", "now_ms", "most")


_DUE = _free(lanes.c.due_ms <= sa.bindparam("now_ms"))
# While the breaker is open nothing may be due for hours; the message that waits least finds out then.
_SOONEST = _free()
_LEASED = Find(
    sa.select(sa.func.count(), sa.func.min(lanes.c.lease_until_ms)).where(
        IS_LEASED,
        lanes.c.connection_id == sa.bindparam("connection_id"),
        lanes.c.lease_until_ms > sa.bindparam("now_ms"),
    ),
    *("connection_id", "now_ms"),
)
_NEXT_DUE = Find(
    sa.select(sa.func.min(lanes.c.due_ms)).where(
        lanes.c.connection_id == sa.bindparam("connection_id"),
        lanes.c.due_ms > sa.bindparam("now_ms"),
    ),
    *("connection_id", "now_ms"),
)
WAITING = Find(
    sa.select(deliveries.c.id, deliveries.c.kind, deliveries.c.created_ms)
    .where(
        IS_WAITING,
        deliveries.c.connection_id == sa.bindparam("connection_id"),
        deliveries.c.lane == sa.bindparam("lane"),
    )
    .order_by(deliveries.c.id)
    .limit(sa.bindparam("most", type_=sa.Integer)),
    *("connection_id", "lane", "most"),
)
_LETTERS = ByKeys(
    sa.select(
        deliveries.c.id,
        deliveries.c.kind,
        deliveries.c.created_ms,
        deliveries.c.attempts,
        deliveries.c.first_tried_ms,
        deliveries.c.payload,
        deliveries.c.call,
    ).where(deliveries.c.id.in_(sa.bindparam("keys", expanding=True)))
)
# What names a lane in the statements that change it.
OF_LANE = ("of_connection", "of_lane")
THIS_LANE = (
    lanes.c.connection_id == sa.bindparam("of_connection"),
    lanes.c.lane == sa.bindparam("of_lane"),
)
_LEASE = Many(
    lambda _: (
        lanes.update()
        .where(*THIS_LANE)
        .values(epoch=sa.bindparam("new_epoch"), lease_until_ms=sa.bindparam("until_ms"))
    ),
    ("new_epoch", "until_ms", *OF_LANE),
)
CLOSE = Many(lambda _: lanes.delete().where(*THIS_LANE), OF_LANE)
_SUPERSEDE = Many(
    lambda _: (
        deliveries.update()
        .where(deliveries.c.id == sa.bindparam("row_id"))
        .values(
            state=sa.literal_column(f"'{State.SUPERSEDED.value}'"),
            reason=sa.bindparam("why"),
            settled_ms=sa.bindparam("at_ms"),
        )
    ),
    ("row_id", "why", "at_ms"),
)


def claim(tx: sa.Connection, requests: list[ClaimRequest]) -> list[Claimed | Exception]:
    """Lease the heads that may be tried now, for several destinations (a batch verb)."""
    return [_claim(tx, request) for request in requests]


def _claim(tx: sa.Connection, ask: ClaimRequest) -> Claimed:
    now_ms, connection_id = ask.now_ms, ask.connection_id
    admitted = admit(tx, ask.account_id, connection_id, rate_per_second=ask.rate_per_second, now_ms=now_ms)
    ((leased, lease_ends_ms),) = _LEASED.rows(tx, connection_id, now_ms)
    most = min(admitted.most, ask.limit, ask.at_once - leased)
    if most < 1:
        # The breaker or the pace says when; else it is full, and what is under way ends or times out.
        return Claimed(again_ms=lease_ends_ms if admitted.most else admitted.again_ms, is_held=True)
    due = (_SOONEST if admitted.is_probe else _DUE).rows(tx, connection_id, now_ms, most)
    # Not only one more than before: a lane that was closed and opened again must not repeat a number
    # that someone may still hold. Who holds one has let a whole lease pass since.
    epochs: dict[str, int] = {lane: max(epoch + 1, now_ms) for lane, epoch in due}
    heads: dict[int, str] = {}
    for lane in epochs:
        head = _head(tx, ask, lane)
        if head is None:
            CLOSE.run(tx, [(connection_id, lane)])
        else:
            heads[head] = lane
    claims = _leased(tx, ask, heads, epochs, is_probe=admitted.is_probe)
    admitted.spend(tx, len(claims), probe_ms=ask.probe_ms)
    if len(due) == most:
        return Claimed(claims=claims, again_ms=now_ms)
    ((next_ms,),) = _NEXT_DUE.rows(tx, connection_id, now_ms)
    return Claimed(claims=claims, again_ms=next_ms)


def _leased(
    tx: sa.Connection, ask: ClaimRequest, heads: dict[int, str], epochs: dict[str, int], *, is_probe: bool
) -> tuple[Claim, ...]:
    """Lease the lanes of these heads; give what is to be sent."""
    until_ms = ask.now_ms + ask.lease_ms
    _LEASE.run(tx, [(epochs[lane], until_ms, ask.connection_id, lane) for lane in heads.values()])
    return tuple(
        Claim(
            account_id=ask.account_id,
            connection_id=ask.connection_id,
            lane=heads[delivery_id],
            epoch=epochs[heads[delivery_id]],
            delivery_id=delivery_id,
            kind=kind,
            created_ms=created_ms,
            attempts=attempts,
            first_tried_ms=first_tried_ms,
            payload=payload,
            call=call,
            is_probe=is_probe,
        )
        for delivery_id, kind, created_ms, attempts, first_tried_ms, payload, call in _LETTERS.run(tx, heads)
    )


def _head(tx: sa.Connection, ask: ClaimRequest, lane: str) -> int | None:
    """Find the first message of a lane that is still worth sending; note why others are not."""
    while True:
        # Read after the lane was locked: the statement that locks sees the table as it was before.
        waiting = WAITING.rows(tx, ask.connection_id, lane, LOOKED_AT + 1)
        looked_at = waiting[:LOOKED_AT]
        stale: list[Row] = []
        for number, (delivery_id, kind, created_ms) in enumerate(looked_at, start=1):
            why = _why_stale(
                kind, ask.now_ms - created_ms, has_later=number < len(waiting), live_ms=ask.live_ms
            )
            if why is None:
                break
            stale.append((delivery_id, why, ask.now_ms))
        _SUPERSEDE.run(tx, stale)
        if len(stale) < len(looked_at):
            return int(looked_at[len(stale)][0])
        if len(waiting) <= LOOKED_AT:
            return None


def _why_stale(kind: str, age_ms: int, *, has_later: bool, live_ms: int | None) -> str | None:
    if kind == PRESENCE:
        return "a newer status of the employee was waiting" if has_later else None
    if kind not in LIVE_KINDS:
        return None
    if live_ms is not None and age_ms > live_ms:
        return f"{age_ms // 1000} s late: this peer would open a card for what is over"
    if has_later and age_ms > LIVE_YIELDS_AFTER_MS:
        return f"{age_ms // 1000} s late, and later news of the call were waiting"
    return None


def due_connections(tx: sa.Connection, connection_ids: Sequence[str], *, now_ms: int) -> list[str]:
    """Of all accounts: say which of these have a lane that may be tried now (a hint, without locks)."""
    is_due = sa.select(lanes.c.lane).where(
        lanes.c.connection_id == sa.bindparam("connection_id"),
        lanes.c.due_ms <= now_ms,
        lanes.c.lease_until_ms <= now_ms,
    )
    return [
        connection_id
        for connection_id in connection_ids
        if tx.execute(is_due.limit(1), {"connection_id": connection_id}).first() is not None
    ]
