"""The outbox filled and emptied: queueing messages, sending dead letters again, sweeping."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.dialects import postgresql, sqlite

from switchhook.core.directory import Availability
from switchhook.store.call_rows import encode
from switchhook.store.many import Many, Row
from switchhook.store.tables.lanes import IS_NOT_DELIVERED, attempts, deliveries, lanes
from switchhook.store.times import to_millis

# A kind of delivery beside those of changes.
PRESENCE = "presence"


class State(StrEnum):
    """Where a delivery stands; every one but the first is an end."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    SUPERSEDED = "superseded"  # never sent: too late, or a later one of its lane says more
    SKIPPED = "skipped"  # never sent: the peer would drop it
    DEAD = "dead"  # given up; may be sent again by hand


WAITING = State.WAITING.value


class Presence(Struct, frozen=True, kw_only=True):
    """What a delivery of an employee's status says."""

    extension: str
    availability: Availability


Condition = sa.ColumnElement[bool] | sa.TextClause


class Message(NamedTuple):
    """A row to be queued; its fields are columns."""

    account_id: int
    connection_id: str
    lane: str
    call_row: str | None
    kind: str
    state: str
    created_ms: int
    payload: bytes
    call: bytes | None


_INSERT = Many(lambda _: deliveries.insert(), Message._fields)
_GIVES_WAY = lanes.c.yields_ms < lanes.c.due_ms
_SOONER = sa.case((_GIVES_WAY, lanes.c.yields_ms), else_=lanes.c.due_ms)


Lane = tuple[str, str, int]  # connection, lane, account
LANE = ("connection_id", "lane", "account_id", "due_ms")


def _opening(dialect: str, *, is_at_once: bool) -> sa.Insert:
    """Open a lane, or hold the one that is there: then nobody finds it empty and closes it meanwhile."""
    insert = postgresql.insert(lanes) if dialect == "postgresql" else sqlite.insert(lanes)
    return insert.on_conflict_do_update(
        index_elements=[lanes.c.connection_id, lanes.c.lane],
        set_={"due_ms": insert.excluded.due_ms if is_at_once else _SOONER},
    )


# A head that waits for its next attempt goes on waiting, unless it gives way to what comes now.
_QUEUE = Many(lambda dialect: _opening(dialect, is_at_once=False), LANE)
_REPLAY = Many(lambda dialect: _opening(dialect, is_at_once=True), LANE)


def delivery(
    account_id: int,
    connection_id: str,
    call_row: str,
    kind: str,
    created_ms: int,
    payload: bytes,
    call: bytes,
) -> Message:
    """Make a row to be queued. Its lane is its call's."""
    return Message(account_id, connection_id, call_row, call_row, kind, WAITING, created_ms, payload, call)


def queue(tx: sa.Connection, rows: Sequence[Message], *, now_ms: int) -> None:
    """Queue messages in this order and make their lanes due.

    Since the news were heard, if that was before: whoever asked after that finds them due.
    """
    _INSERT.run(tx, rows)
    due: dict[Lane, int] = {}
    for row in rows:
        lane = row.connection_id, row.lane, row.account_id
        due[lane] = min(due.get(lane, now_ms), row.created_ms)
    _QUEUE.run(tx, _lane_rows(due))


def enqueue_presence(
    tx: sa.Connection,
    account_id: int,
    connection_id: str,
    extension: str,
    availability: Availability,
    *,
    at: datetime,
) -> None:
    """Queue an employee's status. Of several that wait only the newest will be sent."""
    payload = encode(Presence(extension=extension, availability=availability))
    lane = f"{PRESENCE}/{extension}"
    now_ms = to_millis(at)
    row = Message(account_id, connection_id, lane, None, PRESENCE, WAITING, now_ms, payload, None)
    queue(tx, [row], now_ms=now_ms)


def replay(tx: sa.Connection, account_id: int, delivery_id: int, *, at: datetime) -> bool:
    """Send one again that has come to any end; tell whether there was such a one.

    It goes to the front of its lane: its number is smaller than what waits there.
    """
    where = deliveries.c.id == delivery_id, deliveries.c.state != State.WAITING.value
    return _replay(tx, account_id, where, at=at, limit=1) == 1


def replay_all(
    tx: sa.Connection,
    account_id: int,
    *,
    connection_id: str | None = None,
    state: State = State.DEAD,
    at: datetime,
    limit: int = 2000,
) -> int:
    """Send dead letters again (or those skipped), the oldest first; give how many.

    As many as `limit` means that there may be more: call it again.
    """
    where: list[Condition] = [
        IS_NOT_DELIVERED,
        deliveries.c.state == state.value,
        deliveries.c.state != State.WAITING.value,
    ]
    if connection_id is not None:
        where.append(deliveries.c.connection_id == connection_id)
    return _replay(tx, account_id, where, at=at, limit=limit)


def _replay(
    tx: sa.Connection,
    account_id: int,
    where: Collection[Condition],
    *,
    at: datetime,
    limit: int,
) -> int:
    found = (
        sa.select(deliveries.c.id, deliveries.c.connection_id, deliveries.c.lane)
        .where(deliveries.c.account_id == account_id, *where)
        .order_by(deliveries.c.id)
        .limit(limit)
        .with_for_update()
    )
    chosen = tx.execute(found).all()
    if not chosen:
        return 0
    again = deliveries.update().where(deliveries.c.id.in_([row.id for row in chosen]))
    tx.execute(
        again.values(state=State.WAITING.value, reason=None, settled_ms=None, attempts=0, first_tried_ms=None)
    )
    now_ms = to_millis(at)
    _REPLAY.run(tx, _lane_rows({(row.connection_id, row.lane, account_id): now_ms for row in chosen}))
    return len(chosen)


def _lane_rows(due_ms: Mapping[Lane, int]) -> list[Row]:
    # In one order everywhere, so that two nodes wait for each other one way round.
    return [(*lane, due) for lane, due in sorted(due_ms.items())]


# Dead letters are kept until someone has looked at them or their connection goes.
SWEPT = frozenset({State.DELIVERED.value, State.SUPERSEDED.value, State.SKIPPED.value})


def sweep(
    tx: sa.Connection, *, settled_before: datetime, after_id: int = 0, limit: int = 1000
) -> tuple[int, int | None]:
    """Of all accounts: delete old deliveries that came to an end, with their attempts.

    Looks at `limit` rows after a number. Gives how many are gone, and the number to go on after;
    None when all that is old enough has been seen.
    """
    before_ms = to_millis(settled_before)
    found = (
        sa.select(deliveries.c.id, deliveries.c.state, deliveries.c.settled_ms, deliveries.c.created_ms)
        .where(deliveries.c.id > after_id)
        .order_by(deliveries.c.id)
        .limit(limit)
    )
    rows = tx.execute(found).all()
    old = [row.id for row in rows if row.state in SWEPT and (row.settled_ms or before_ms) < before_ms]
    if old:
        tx.execute(attempts.delete().where(attempts.c.delivery_id.in_(old)))
        tx.execute(deliveries.delete().where(deliveries.c.id.in_(old)))
    # Numbers grow with time: behind a young one there are only younger ones.
    is_end = len(rows) < limit or any(row.created_ms >= before_ms for row in rows)
    return len(old), None if is_end else int(rows[-1].id)


def forget_connection(tx: sa.Connection, account_id: int, connection_id: str) -> None:
    """Drop the whole outbox of a connection that is being removed."""
    of_it = deliveries.c.account_id == account_id, deliveries.c.connection_id == connection_id
    tx.execute(attempts.delete().where(attempts.c.delivery_id.in_(sa.select(deliveries.c.id).where(*of_it))))
    tx.execute(deliveries.delete().where(*of_it))
    tx.execute(lanes.delete().where(lanes.c.account_id == account_id, lanes.c.connection_id == connection_id))
