"""Lanes worked off: who may try the head of which lane now, and what came of it.

A claim is a lease with a number (the epoch). Whoever comes back after another has taken over is
refused. Claims never wait for a lock, and everything else locks lanes in one order, so nodes do
not block each other.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from switchhook.core.call import LIVE_CHANGES
from switchhook.store.breaker import admit, note_answered, note_failed, note_unclear_probe
from switchhook.store.deliveries import PRESENCE, State
from switchhook.store.tables.lanes import IS_LEASED, IS_WAITING, attempts, deliveries, lanes

# docs/architecture.md, Lanes: a stuck pop-up never delays the end of its call longer than this.
LIVE_YIELDS_AFTER_MS = 60_000
LIVE_KINDS = frozenset(kind.value for kind in LIVE_CHANGES)
ANSWER_BYTES = 4096
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


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What one attempt came to."""

    account_id: int
    connection_id: str
    lane: str
    epoch: int
    delivery_id: int
    kind: str
    created_ms: int
    started_ms: int
    ended_ms: int
    state: State  # WAITING: the same again at `retry_ms`
    outcome: str
    reason: str | None = None
    status: int | None = None
    answer: bytes = b""
    retry_ms: int | None = None
    # How the destination does: None when nothing was learned about it.
    is_peer_up: bool | None = None
    is_probe: bool = False


@dataclass(frozen=True, kw_only=True)
class Finished:
    """Whether a verdict was written, and whether it was noted about the destination."""

    is_kept: bool
    is_noted: bool


_DUE = (
    sa.select(lanes.c.lane, lanes.c.epoch)
    .where(
        lanes.c.connection_id == sa.bindparam("connection_id"),
        lanes.c.due_ms <= sa.bindparam("now_ms"),
        lanes.c.lease_until_ms <= sa.bindparam("now_ms"),
    )
    .order_by(lanes.c.due_ms, lanes.c.lane)
    .limit(sa.bindparam("most"))
    .with_for_update(skip_locked=True)
)
# While the breaker is open nothing may be due for hours; the message that waits least finds out then.
_SOONEST = (
    sa.select(lanes.c.lane, lanes.c.epoch)
    .where(
        lanes.c.connection_id == sa.bindparam("connection_id"),
        lanes.c.lease_until_ms <= sa.bindparam("now_ms"),
    )
    .order_by(lanes.c.due_ms, lanes.c.lane)
    .limit(sa.bindparam("most"))
    .with_for_update(skip_locked=True)
)
_LEASED = sa.select(sa.func.count(), sa.func.min(lanes.c.lease_until_ms)).where(
    IS_LEASED,
    lanes.c.connection_id == sa.bindparam("connection_id"),
    lanes.c.lease_until_ms > sa.bindparam("now_ms"),
)
_NEXT_DUE = sa.select(sa.func.min(lanes.c.due_ms)).where(
    lanes.c.connection_id == sa.bindparam("connection_id"),
    lanes.c.due_ms > sa.bindparam("now_ms"),
)
_WAITING = (
    sa.select(deliveries.c.id, deliveries.c.kind, deliveries.c.created_ms)
    .where(
        IS_WAITING,
        deliveries.c.connection_id == sa.bindparam("connection_id"),
        deliveries.c.lane == sa.bindparam("lane"),
    )
    .order_by(deliveries.c.id)
    .limit(sa.bindparam("most"))
)
_LETTERS = sa.select(
    deliveries.c.id,
    deliveries.c.lane,
    deliveries.c.kind,
    deliveries.c.created_ms,
    deliveries.c.attempts,
    deliveries.c.first_tried_ms,
    deliveries.c.payload,
    deliveries.c.call,
).where(deliveries.c.id.in_(sa.bindparam("ids", expanding=True)))
_THIS_LANE = (
    lanes.c.connection_id == sa.bindparam("of_connection"),
    lanes.c.lane == sa.bindparam("of_lane"),
)
_LEASE = (
    lanes.update()
    .where(*_THIS_LANE)
    .values(epoch=sa.bindparam("new_epoch"), lease_until_ms=sa.bindparam("until_ms"))
)
_RELEASE = (
    lanes.update()
    .where(*_THIS_LANE)
    .values(lease_until_ms=0, due_ms=sa.bindparam("next_ms"), yields_ms=sa.bindparam("new_yields_ms"))
)
_CLOSE = lanes.delete().where(*_THIS_LANE)
_MINE = (
    sa.select(lanes.c.epoch).where(*_THIS_LANE, lanes.c.epoch == sa.bindparam("my_epoch")).with_for_update()
)
_SUPERSEDE = (
    deliveries.update()
    .where(deliveries.c.id == sa.bindparam("row_id"))
    .values(state=State.SUPERSEDED.value, reason=sa.bindparam("why"), settled_ms=sa.bindparam("at_ms"))
)
_SETTLE = (
    deliveries.update()
    .where(IS_WAITING, deliveries.c.id == sa.bindparam("row_id"))
    .values(
        state=sa.bindparam("new_state"),
        reason=sa.bindparam("why"),
        settled_ms=sa.bindparam("at_ms"),
        attempts=deliveries.c.attempts + 1,
        first_tried_ms=sa.func.coalesce(deliveries.c.first_tried_ms, sa.bindparam("tried_ms")),
    )
)
_ATTEMPT = attempts.insert()


def claim(tx: sa.Connection, requests: list[ClaimRequest]) -> list[Claimed | Exception]:
    """Lease the heads that may be tried now, for several destinations (a batch verb)."""
    return [_claim(tx, request) for request in requests]


def _claim(tx: sa.Connection, ask: ClaimRequest) -> Claimed:
    now_ms = ask.now_ms
    here = {"connection_id": ask.connection_id, "now_ms": now_ms}
    admitted = admit(
        tx, ask.account_id, ask.connection_id, rate_per_second=ask.rate_per_second, now_ms=now_ms
    )
    leased, lease_ends_ms = tx.execute(_LEASED, here).one()
    most = min(admitted.most, ask.limit, ask.at_once - leased)
    if most < 1:
        # The breaker or the pace says when; else it is full, and what is under way ends or times out.
        return Claimed(again_ms=lease_ends_ms if admitted.most else admitted.again_ms)
    due = tx.execute(_SOONEST if admitted.is_probe else _DUE, {**here, "most": most}).all()
    # Not only one more than before: a lane that was closed and opened again must not repeat a number
    # that someone may still hold. Who holds one has let a whole lease pass since.
    epochs: dict[str, int] = {row.lane: max(row.epoch + 1, now_ms) for row in due}
    heads: dict[int, str] = {}
    for lane in epochs:
        head = _head(tx, ask, lane)
        if head is None:
            tx.execute(_CLOSE, {"of_connection": ask.connection_id, "of_lane": lane})
        else:
            heads[head] = lane
    claims: tuple[Claim, ...] = ()
    if heads:
        tx.execute(
            _LEASE,
            [
                {
                    "of_connection": ask.connection_id,
                    "of_lane": lane,
                    "new_epoch": epochs[lane],
                    "until_ms": now_ms + ask.lease_ms,
                }
                for lane in heads.values()
            ],
        )
        claims = tuple(
            Claim(
                account_id=ask.account_id,
                connection_id=ask.connection_id,
                lane=row.lane,
                epoch=epochs[row.lane],
                delivery_id=row.id,
                kind=row.kind,
                created_ms=row.created_ms,
                attempts=row.attempts,
                first_tried_ms=row.first_tried_ms,
                payload=row.payload,
                call=row.call,
                is_probe=admitted.is_probe,
            )
            for row in tx.execute(_LETTERS, {"ids": list(heads)})
        )
    admitted.spend(tx, len(claims), probe_ms=ask.probe_ms)
    if len(due) == most:
        return Claimed(claims=claims, again_ms=now_ms)
    return Claimed(claims=claims, again_ms=tx.execute(_NEXT_DUE, here).scalar())


def _head(tx: sa.Connection, ask: ClaimRequest, lane: str) -> int | None:
    """Find the first message of a lane that is still worth sending; note why others are not."""
    here = {"connection_id": ask.connection_id, "lane": lane, "most": LOOKED_AT + 1}
    while True:
        # Read after the lane was locked: the statement that locks sees the table as it was before.
        waiting = tx.execute(_WAITING, here).all()
        stale = []
        for row, has_later in zip(waiting[:LOOKED_AT], (*(True for _ in waiting[1:]), False), strict=False):
            why = _why_stale(row.kind, ask.now_ms - row.created_ms, has_later=has_later, live_ms=ask.live_ms)
            if why is None:
                break
            stale.append({"row_id": row.id, "why": why, "at_ms": ask.now_ms})
        if stale:
            tx.execute(_SUPERSEDE, stale)
        if len(stale) < len(waiting[:LOOKED_AT]):
            return int(waiting[len(stale)].id)
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


def finish(tx: sa.Connection, verdicts: list[Verdict]) -> list[Finished | Exception]:
    """Note what came of attempts (a batch verb).

    Nothing is written for who has lost the lane to another: the other tries the same message again.
    """
    kept: dict[int, bool] = {}
    # In one order everywhere, so that two nodes wait for each other one way round.
    order = sorted(range(len(verdicts)), key=lambda n: (verdicts[n].connection_id, verdicts[n].lane))
    for number in order:
        kept[number] = _finish(tx, verdicts[number])
    noted = iter(note(tx, [verdicts[number] for number in range(len(verdicts)) if kept[number]]))
    return [
        Finished(is_kept=kept[number], is_noted=not kept[number] or next(noted) is True)
        for number in range(len(verdicts))
    ]


def note(tx: sa.Connection, verdicts: list[Verdict]) -> list[bool | Exception]:
    """Note how destinations do (a batch verb); False for those whose row another holds: ask again.

    Nobody waits for such a row, since claims are made under it together with other work.
    """
    by_peer: dict[tuple[int, str], list[Verdict]] = defaultdict(list)
    for verdict in verdicts:
        by_peer[verdict.account_id, verdict.connection_id].append(verdict)
    noted = {peer: _note_health(tx, *peer, of_peer) for peer, of_peer in sorted(by_peer.items())}
    return [noted[verdict.account_id, verdict.connection_id] for verdict in verdicts]


def _finish(tx: sa.Connection, verdict: Verdict) -> bool:
    here = {"of_connection": verdict.connection_id, "of_lane": verdict.lane}
    if tx.execute(_MINE, {**here, "my_epoch": verdict.epoch}).first() is None:
        return False
    is_settled = verdict.state is not State.WAITING
    tx.execute(
        _SETTLE,
        {
            "row_id": verdict.delivery_id,
            "new_state": verdict.state.value,
            "why": verdict.reason,
            "at_ms": verdict.ended_ms if is_settled else None,
            "tried_ms": verdict.started_ms,
        },
    )
    tx.execute(
        _ATTEMPT,
        {
            "account_id": verdict.account_id,
            "delivery_id": verdict.delivery_id,
            "at_ms": verdict.started_ms,
            "milliseconds": verdict.ended_ms - verdict.started_ms,
            "outcome": verdict.outcome,
            "reason": verdict.reason,
            "status": verdict.status,
            "answer": verdict.answer[:ANSWER_BYTES],
        },
    )
    waiting = tx.execute(
        _WAITING, {"connection_id": verdict.connection_id, "lane": verdict.lane, "most": 2}
    ).all()
    if not waiting:
        tx.execute(_CLOSE, here)
        return True
    next_ms, yields_ms = verdict.ended_ms, None
    if not is_settled:
        next_ms = verdict.ended_ms if verdict.retry_ms is None else verdict.retry_ms
        yields_ms = _yields_ms(verdict)
        if yields_ms is not None and len(waiting) > 1:
            next_ms = max(min(next_ms, yields_ms), verdict.ended_ms)
    tx.execute(_RELEASE, {**here, "next_ms": next_ms, "new_yields_ms": yields_ms})
    return True


def _yields_ms(verdict: Verdict) -> int | None:
    """From when this head would not be sent if something waited behind it."""
    if verdict.kind == PRESENCE:
        return verdict.ended_ms
    if verdict.kind in LIVE_KINDS:
        return verdict.created_ms + LIVE_YIELDS_AFTER_MS + 1
    return None


def _note_health(tx: sa.Connection, account_id: int, connection_id: str, verdicts: Sequence[Verdict]) -> bool:
    now_ms = max(verdict.ended_ms for verdict in verdicts)
    failures = [verdict for verdict in verdicts if verdict.is_peer_up is False]
    if any(verdict.is_peer_up for verdict in verdicts):
        return note_answered(tx, account_id, connection_id, now_ms=now_ms)
    if failures:
        is_probe = any(verdict.is_probe for verdict in failures)
        return note_failed(tx, account_id, connection_id, len(failures), is_probe=is_probe, now_ms=now_ms)
    if any(verdict.is_probe for verdict in verdicts):
        return note_unclear_probe(tx, account_id, connection_id, now_ms=now_ms)
    return True


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
