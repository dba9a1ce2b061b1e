"""Looking into the outbox: what waits, what came of each message, and every attempt."""

from datetime import datetime

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from switchhook.core.call import Call, Change
from switchhook.core.errors import NotFound
from switchhook.store.deliveries import PRESENCE, Presence, State
from switchhook.store.tables.lanes import IS_NOT_DELIVERED, IS_WAITING, attempts, deliveries
from switchhook.store.times import from_millis

# Nobody reads a larger number, and counting it would take its time.
COUNTED = 10_000


class Delivery(Struct, frozen=True, kw_only=True):
    """One message to one destination, as lists show it."""

    id: int
    connection_id: str
    call_row: str | None  # our id of the call; none for an employee's status
    kind: str  # of the change, or "presence"
    state: State
    reason: str | None
    created_at: datetime
    settled_at: datetime | None
    attempts: int


class Attempt(Struct, frozen=True, kw_only=True):
    """One try to deliver."""

    at: datetime
    milliseconds: int
    outcome: str
    reason: str | None
    status: int | None
    answer: bytes  # its first 4 KB


class Letter(Struct, frozen=True, kw_only=True):
    """A delivery with what it says."""

    delivery: Delivery
    change: Change | None
    presence: Presence | None
    call: Call | None  # as it was at that moment


_SHOWN = (
    deliveries.c.id,
    deliveries.c.connection_id,
    deliveries.c.call_row,
    deliveries.c.kind,
    deliveries.c.state,
    deliveries.c.reason,
    deliveries.c.created_ms,
    deliveries.c.settled_ms,
    deliveries.c.attempts,
)


def of_call(tx: sa.Connection, account_id: int, call_row: str, *, limit: int = 1000) -> list[Delivery]:
    """Give what was or will be told of a call (our id), oldest first."""
    found = (
        sa.select(*_SHOWN)
        .where(deliveries.c.account_id == account_id, deliveries.c.call_row == call_row)
        .order_by(deliveries.c.id)
        .limit(limit)
    )
    return [_delivery(*row) for row in tx.execute(found)]


def newest(
    tx: sa.Connection,
    account_id: int,
    *,
    state: State | None = None,
    connection_id: str | None = None,
    before_id: int | None = None,
    limit: int = 50,
) -> list[Delivery]:
    """List deliveries, newest first; go on with `before_id`."""
    found = sa.select(*_SHOWN).where(deliveries.c.account_id == account_id)
    if state is not None:
        found = found.where(deliveries.c.state == state.value)
        if state is not State.DELIVERED:
            found = found.where(IS_NOT_DELIVERED)
    if connection_id is not None:
        found = found.where(deliveries.c.connection_id == connection_id)
    if before_id is not None:
        found = found.where(deliveries.c.id < before_id)
    return [_delivery(*row) for row in tx.execute(found.order_by(deliveries.c.id.desc()).limit(limit))]


def find(tx: sa.Connection, account_id: int, delivery_id: int) -> Letter:
    """Give a delivery with what it says.

    Raises:
        NotFound: the account has no such delivery.
    """
    found = sa.select(*_SHOWN, deliveries.c.payload, deliveries.c.call).where(
        deliveries.c.account_id == account_id, deliveries.c.id == delivery_id
    )
    row = tx.execute(found).one_or_none()
    if row is None:
        raise NotFound(f"there is no delivery {delivery_id}")
    *shown, payload, call = row
    delivery = _delivery(*shown)
    is_presence = delivery.kind == PRESENCE
    return Letter(
        delivery=delivery,
        change=None if is_presence else msgspec.json.decode(payload, type=Change),
        presence=msgspec.json.decode(payload, type=Presence) if is_presence else None,
        call=None if call is None else msgspec.json.decode(call, type=Call),
    )


def attempts_of(tx: sa.Connection, account_id: int, delivery_id: int, *, limit: int = 200) -> list[Attempt]:
    """Give every try to deliver a message, oldest first."""
    found = (
        sa.select(
            attempts.c.at_ms,
            attempts.c.milliseconds,
            attempts.c.outcome,
            attempts.c.reason,
            attempts.c.status,
            attempts.c.answer,
        )
        .where(attempts.c.account_id == account_id, attempts.c.delivery_id == delivery_id)
        .order_by(attempts.c.id)
        .limit(limit)
    )
    return [
        Attempt(
            at=from_millis(row.at_ms),
            milliseconds=row.milliseconds,
            outcome=row.outcome,
            reason=row.reason,
            status=row.status,
            answer=row.answer,
        )
        for row in tx.execute(found)
    ]


def count(tx: sa.Connection, account_id: int, state: State, *, connection_id: str | None = None) -> int:
    """Count those in a state (not the delivered ones, which are many), up to `COUNTED`."""
    some = sa.select(deliveries.c.id).where(
        IS_NOT_DELIVERED, deliveries.c.account_id == account_id, deliveries.c.state == state.value
    )
    if connection_id is not None:
        some = some.where(deliveries.c.connection_id == connection_id)
    return tx.execute(sa.select(sa.func.count()).select_from(some.limit(COUNTED).subquery())).scalar_one()


def oldest_waiting_at(tx: sa.Connection, account_id: int, connection_id: str) -> datetime | None:
    """Say since when something has been waiting for this destination."""
    found = sa.select(sa.func.min(deliveries.c.created_ms)).where(
        IS_WAITING, deliveries.c.account_id == account_id, deliveries.c.connection_id == connection_id
    )
    return from_millis(tx.execute(found).scalar())


def _delivery(
    delivery_id: int,
    connection_id: str,
    call_row: str | None,
    kind: str,
    state: str,
    reason: str | None,
    created_ms: int,
    settled_ms: int | None,
    tries: int,
) -> Delivery:
    return Delivery(
        id=delivery_id,
        connection_id=connection_id,
        call_row=call_row,
        kind=kind,
        state=State(state),
        reason=reason,
        created_at=from_millis(created_ms),
        settled_at=from_millis(settled_ms),
        attempts=tries,
    )
