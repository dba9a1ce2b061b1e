"""What came of attempts, written down: the message settled, its lane opened for the next or closed.

The lanes are claimed in `claims.py`. Whoever has lost a lane to another writes nothing.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from switchhook.store.breaker import note_answered, note_failed, note_unclear_probe
from switchhook.store.claims import (
    CLOSE,
    LIVE_KINDS,
    LIVE_YIELDS_AFTER_MS,
    OF_LANE,
    THIS_LANE,
    WAITING,
    Claim,
)
from switchhook.store.deliveries import PRESENCE, State
from switchhook.store.many import Find, Many
from switchhook.store.tables.lanes import IS_WAITING, attempts, deliveries, lanes

ANSWER_BYTES = 4096


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What one attempt came to."""

    claim: Claim
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


@dataclass(frozen=True, kw_only=True)
class Finished:
    """Whether a verdict was written, whether it was noted about the destination, and if its lane has more."""

    is_kept: bool
    is_noted: bool
    is_more: bool


_RELEASE = Many(
    lambda _: (
        lanes.update()
        .where(*THIS_LANE)
        .values(
            lease_until_ms=sa.literal_column("0"),
            due_ms=sa.bindparam("next_ms"),
            yields_ms=sa.bindparam("new_yields_ms"),
        )
    ),
    ("next_ms", "new_yields_ms", *OF_LANE),
)
_MINE = Find(
    sa.select(lanes.c.epoch).where(*THIS_LANE, lanes.c.epoch == sa.bindparam("my_epoch")).with_for_update(),
    *(*OF_LANE, "my_epoch"),
)
_SETTLE = Many(
    lambda _: (
        deliveries.update()
        .where(IS_WAITING, deliveries.c.id == sa.bindparam("row_id"))
        .values(
            state=sa.bindparam("new_state"),
            reason=sa.bindparam("why"),
            settled_ms=sa.bindparam("at_ms"),
            attempts=deliveries.c.attempts + sa.literal_column("1"),
            first_tried_ms=sa.func.coalesce(
                deliveries.c.first_tried_ms, sa.bindparam("tried_ms", type_=sa.BigInteger)
            ),
        )
    ),
    ("row_id", "new_state", "why", "at_ms", "tried_ms"),
)
_ATTEMPT = Many(
    lambda _: attempts.insert(),
    ("account_id", "delivery_id", "at_ms", "milliseconds", "outcome", "reason", "status", "answer"),
)


def finish(tx: sa.Connection, verdicts: list[Verdict]) -> list[Finished | Exception]:
    """Note what came of attempts (a batch verb).

    Nothing is written for who has lost the lane to another: the other tries the same message again.
    """
    more: dict[int, bool | None] = {}
    # In one order everywhere, so that two nodes wait for each other one way round.
    order = sorted(
        range(len(verdicts)), key=lambda n: (verdicts[n].claim.connection_id, verdicts[n].claim.lane)
    )
    for number in order:
        more[number] = _finish(tx, verdicts[number])
    kept = [number for number in range(len(verdicts)) if more[number] is not None]
    noted = dict(zip(kept, note(tx, [verdicts[number] for number in kept]), strict=True))
    return [
        Finished(
            is_kept=number in noted,
            is_noted=noted.get(number, True) is True,
            is_more=bool(more[number]),
        )
        for number in range(len(verdicts))
    ]


def note(tx: sa.Connection, verdicts: list[Verdict]) -> list[bool | Exception]:
    """Note how destinations do (a batch verb); False for those whose row another holds: ask again.

    Nobody waits for such a row, since claims are made under it together with other work.
    """
    by_peer: dict[tuple[int, str], list[Verdict]] = defaultdict(list)
    for verdict in verdicts:
        by_peer[verdict.claim.account_id, verdict.claim.connection_id].append(verdict)
    noted = {peer: _note_health(tx, *peer, of_peer) for peer, of_peer in sorted(by_peer.items())}
    return [noted[verdict.claim.account_id, verdict.claim.connection_id] for verdict in verdicts]


def _finish(tx: sa.Connection, verdict: Verdict) -> bool | None:
    """Write a verdict and say whether its lane has more; None when another has the lane."""
    here = verdict.claim.connection_id, verdict.claim.lane
    if not _MINE.rows(tx, *here, verdict.claim.epoch):
        return None
    is_settled = verdict.state is not State.WAITING
    settled_ms = verdict.ended_ms if is_settled else None
    _SETTLE.run(
        tx, [(verdict.claim.delivery_id, verdict.state.value, verdict.reason, settled_ms, verdict.started_ms)]
    )
    _ATTEMPT.run(tx, [_attempt(verdict)])
    waiting = WAITING.rows(tx, *here, 2)
    if not waiting:
        CLOSE.run(tx, [here])
        return False
    next_ms, yields_ms = verdict.ended_ms, None
    if not is_settled:
        next_ms = verdict.ended_ms if verdict.retry_ms is None else verdict.retry_ms
        yields_ms = _yields_ms(verdict)
        if yields_ms is not None and len(waiting) > 1:
            next_ms = max(min(next_ms, yields_ms), verdict.ended_ms)
    _RELEASE.run(tx, [(next_ms, yields_ms, *here)])
    return True


def _attempt(verdict: Verdict) -> tuple[int | str | bytes | None, ...]:
    """Give a row of `attempts`, in the order of its statement."""
    return (
        verdict.claim.account_id,
        verdict.claim.delivery_id,
        verdict.started_ms,
        verdict.ended_ms - verdict.started_ms,
        verdict.outcome,
        verdict.reason,
        verdict.status,
        verdict.answer[:ANSWER_BYTES],
    )


def _yields_ms(verdict: Verdict) -> int | None:
    """From when this head would not be sent if something waited behind it."""
    if verdict.claim.kind == PRESENCE:
        return verdict.ended_ms
    if verdict.claim.kind in LIVE_KINDS:
        return verdict.claim.created_ms + LIVE_YIELDS_AFTER_MS + 1
    return None


def _note_health(tx: sa.Connection, account_id: int, connection_id: str, verdicts: Sequence[Verdict]) -> bool:
    now_ms = max(verdict.ended_ms for verdict in verdicts)
    failures = [verdict for verdict in verdicts if verdict.is_peer_up is False]
    if any(verdict.is_peer_up for verdict in verdicts):
        return note_answered(tx, account_id, connection_id, now_ms=now_ms)
    if failures:
        is_probe = any(verdict.claim.is_probe for verdict in failures)
        return note_failed(tx, account_id, connection_id, len(failures), is_probe=is_probe, now_ms=now_ms)
    if any(verdict.claim.is_probe for verdict in verdicts):
        return note_unclear_probe(tx, account_id, connection_id, now_ms=now_ms)
    return True
