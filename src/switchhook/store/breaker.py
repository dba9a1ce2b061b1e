"""How delivery to a destination stands, in one row that all nodes see: its pace and its breaker."""

import math
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from switchhook.store.connections import ConnectionStatus
from switchhook.store.many import Find, Many
from switchhook.store.tables.connections import connections, destinations
from switchhook.store.tables.lanes import lanes
from switchhook.store.times import from_millis

# So many failures in a row, and only one message at a time finds out whether the peer is back.
OPENS_AFTER = 5
# How long until the first probe; each failed one doubles it.
FIRST_PROBE_MS = 5_000
LONGEST_PROBE_MS = 60_000
# The row is being written by another: it is asked for again soon.
AGAIN_MS = 20


@dataclass(frozen=True, kw_only=True)
class Admitted:
    """How many messages may go now, or when to ask again. Its row is held until the transaction ends."""

    connection_id: str = ""
    most: int = 0
    again_ms: int | None = None
    is_probe: bool = False
    tokens: float = 0
    now_ms: int = 0

    def spend(self, tx: sa.Connection, count: int, *, probe_ms: int) -> None:
        """Take what was used out of the bucket; keep others from probing meanwhile."""
        if count == 0:
            return
        tokens = self.tokens - count
        if self.is_probe:
            _PROBE.run(tx, [(tokens, self.now_ms, self.now_ms + probe_ms, self.connection_id)])
        else:
            _SPEND.run(tx, [(tokens, self.now_ms, self.connection_id)])


def _updating(*names: str) -> Many:
    statement = destinations.update().where(destinations.c.connection_id == sa.bindparam("of_connection"))
    values: dict[str, sa.BindParameter[object]] = {name: sa.bindparam(name) for name in names}
    return Many(lambda _: statement.values(values), (*names, "of_connection"))


_SPEND = _updating("tokens", "tokens_at_ms")
_PROBE = _updating("tokens", "tokens_at_ms", "open_until_ms")


class _Row(NamedTuple):
    """What the statements below give, in their order."""

    failures: int
    opened_at_ms: int | None
    open_until_ms: int
    tokens: float
    tokens_at_ms: int
    status: str


_SELECT = (
    sa.select(
        destinations.c.failures,
        destinations.c.opened_at_ms,
        destinations.c.open_until_ms,
        destinations.c.tokens,
        destinations.c.tokens_at_ms,
        connections.c.status,
    )
    .join_from(destinations, connections, connections.c.id == destinations.c.connection_id)
    .where(
        destinations.c.connection_id == sa.bindparam("connection_id"),
        destinations.c.account_id == sa.bindparam("account_id"),
    )
)
_WHERE = ("connection_id", "account_id")
_ROW = Find(_SELECT, *_WHERE)
_LOCKED_ROW = Find(_SELECT.with_for_update(of=destinations, skip_locked=True), *_WHERE)


def _row(tx: sa.Connection, account_id: int, connection_id: str, *, is_locked: bool = True) -> _Row | None:
    """Give the row; with `is_locked`, None too when another holds it."""
    found = (_LOCKED_ROW if is_locked else _ROW).rows(tx, connection_id, account_id)
    return _Row(*found[0]) if found else None


def admit(
    tx: sa.Connection, account_id: int, connection_id: str, *, rate_per_second: float, now_ms: int
) -> Admitted:
    """Say how many messages this destination may be sent now, by its pace and its breaker.

    Nobody waits here: a row held by another is asked for again in a moment.
    """
    row = _row(tx, account_id, connection_id)
    if row is None:
        is_gone = _row(tx, account_id, connection_id, is_locked=False) is None
        return Admitted(again_ms=None if is_gone else now_ms + AGAIN_MS)
    if row.status != ConnectionStatus.ACTIVE.value:
        return Admitted()
    # A clock that was set back gives no tokens, and takes none.
    passed_ms = max(now_ms - row.tokens_at_ms, 0)
    tokens = min(max(1.0, rate_per_second), row.tokens + passed_ms * rate_per_second / 1000)
    admitted = Admitted(connection_id=connection_id, tokens=tokens, now_ms=now_ms)
    if row.failures >= OPENS_AFTER:
        if row.open_until_ms > now_ms:
            return Admitted(again_ms=row.open_until_ms)
        return replace(admitted, most=1, is_probe=True)
    if tokens < 1:
        missing_ms = (1 - tokens) / rate_per_second * 1000
        return Admitted(again_ms=now_ms + max(1, math.ceil(missing_ms)))
    return replace(admitted, most=int(tokens))


def note_answered(tx: sa.Connection, account_id: int, connection_id: str, *, now_ms: int) -> bool:
    """The peer is up. If the breaker was open it closes, and all that waits may go at once.

    Like its two siblings gives False when another holds the row: nothing was noted, try again.
    """
    row = _row(tx, account_id, connection_id)
    if row is None:
        return False
    if row.failures == 0:
        return True
    _set(tx, connection_id, failures=0, opened_at_ms=None, open_until_ms=0)
    if row.failures >= OPENS_AFTER:
        free = (
            sa.select(lanes.c.lane)
            .where(
                lanes.c.connection_id == connection_id,
                lanes.c.due_ms > now_ms,
                lanes.c.lease_until_ms <= now_ms,
            )
            .with_for_update(skip_locked=True)
        )
        tx.execute(
            lanes.update()
            .where(lanes.c.connection_id == connection_id, lanes.c.lane.in_(free))
            .values(due_ms=now_ms)
        )
    return True


def note_failed(
    tx: sa.Connection, account_id: int, connection_id: str, times: int, *, is_probe: bool, now_ms: int
) -> bool:
    """The peer is down or failing; after some failures in a row the breaker opens."""
    row = _row(tx, account_id, connection_id)
    if row is None:
        return False
    was_open = row.failures >= OPENS_AFTER
    if was_open and not is_probe:
        return True  # under way when it opened: says nothing new
    failures = row.failures + 1 if was_open else min(row.failures + times, OPENS_AFTER)
    if failures < OPENS_AFTER:
        _set(tx, connection_id, failures=failures)
        return True
    wait_ms = min(FIRST_PROBE_MS << min(failures - OPENS_AFTER, 10), LONGEST_PROBE_MS)
    opened_at_ms = row.opened_at_ms if was_open else now_ms
    _set(tx, connection_id, failures=failures, opened_at_ms=opened_at_ms, open_until_ms=now_ms + wait_ms)
    return True


def note_unclear_probe(tx: sa.Connection, account_id: int, connection_id: str, *, now_ms: int) -> bool:
    """The probe told nothing about the peer: another may go soon."""
    row = _row(tx, account_id, connection_id)
    if row is None:
        return False
    if row.failures >= OPENS_AFTER:
        _set(tx, connection_id, open_until_ms=now_ms + FIRST_PROBE_MS)
    return True


def _set(tx: sa.Connection, connection_id: str, **values: int | None) -> None:
    tx.execute(destinations.update().where(destinations.c.connection_id == connection_id).values(values))


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How a destination does, for those who look at it."""

    failures: int  # in a row
    opened_at: datetime | None  # the breaker is open since then: one message at a time finds out
    next_probe_at: datetime | None


def standing(tx: sa.Connection, account_id: int, connection_id: str) -> Standing | None:
    """Say how delivery to a connection stands; None when there is no such destination."""
    row = _row(tx, account_id, connection_id, is_locked=False)
    if row is None:
        return None
    is_open = row.failures >= OPENS_AFTER
    return Standing(
        failures=row.failures,
        opened_at=from_millis(row.opened_at_ms) if is_open else None,
        next_probe_at=from_millis(row.open_until_ms) if is_open else None,
    )
