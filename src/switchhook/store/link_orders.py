"""Orders for whoever holds a link, asked in another process: begun at most once, answered once."""

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from switchhook.core.link_hub import LinkOrder
from switchhook.store.link_leases import link_epochs
from switchhook.store.tables.links import IS_WAITING, link_orders
from switchhook.store.times import to_millis

# More are looked at in the next round.
MOST_AT_ONCE = 100


class LinkOrderState(StrEnum):
    WAITING = "waiting"
    BEGUN = "begun"  # may have been done
    DONE = "done"
    FAILED = "failed"


class AskedOrder(Struct, frozen=True, kw_only=True):
    """An order, and for which link it is."""

    account_id: int
    connection_id: str
    order: LinkOrder
    asked_ms: int
    until_ms: int  # not begun after that


class LinkAnswer(Struct, frozen=True, kw_only=True):
    """What became of an order."""

    state: LinkOrderState
    error_id: str | None = None
    reason: str | None = None


def add_link_order(tx: sa.Connection, account_id: int, asked: AskedOrder) -> None:
    tx.execute(
        link_orders.insert().values(
            id=asked.order.id,
            account_id=account_id,
            connection_id=asked.connection_id,
            verb=asked.order.verb,
            body=msgspec.json.encode(asked.order.body),
            asked_ms=asked.asked_ms,
            until_ms=asked.until_ms,
            state=LinkOrderState.WAITING.value,
        )
    )


def waiting_link_orders(
    tx: sa.Connection, connection_ids: Collection[str], *, now_ms: int
) -> list[AskedOrder]:
    """Of all accounts: give what waits for these links and is not too late, oldest first."""
    found = (
        sa.select(link_orders)
        .where(
            IS_WAITING,
            link_orders.c.connection_id.in_(list(connection_ids)),
            link_orders.c.until_ms > now_ms,
        )
        .order_by(link_orders.c.id)
        .limit(MOST_AT_ONCE)
    )
    return [
        AskedOrder(
            account_id=row.account_id,
            connection_id=row.connection_id,
            order=LinkOrder(id=row.id, verb=row.verb, body=msgspec.json.decode(row.body)),
            asked_ms=row.asked_ms,
            until_ms=row.until_ms,
        )
        for row in tx.execute(found)
    ]


def begin_link_order(
    tx: sa.Connection, account_id: int, connection_id: str, order_id: str, *, epoch: int, now_ms: int
) -> bool:
    """Take an order in hand; False: another has, it was withdrawn or is too late, or the link was lost."""
    if link_epochs(tx, [connection_id]).get(connection_id) != epoch:
        return False
    begun = (
        sa.update(link_orders)
        .where(
            *_is_one(account_id, order_id),
            link_orders.c.connection_id == connection_id,
            link_orders.c.state == LinkOrderState.WAITING.value,
            link_orders.c.until_ms > now_ms,
        )
        .values(state=LinkOrderState.BEGUN.value, epoch=epoch)
    )
    return tx.execute(begun).rowcount == 1


def answer_link_order(
    tx: sa.Connection,
    account_id: int,
    order_id: str,
    *,
    epoch: int,
    error_id: str | None = None,
    reason: str | None = None,
) -> bool:
    """Note what came of an order in hand; False when nobody waits for it any more, or not from us."""
    state = LinkOrderState.DONE if error_id is None else LinkOrderState.FAILED
    mine = link_orders.c.epoch == epoch, link_orders.c.state == LinkOrderState.BEGUN.value
    answered = sa.update(link_orders).where(*_is_one(account_id, order_id), *mine)
    values = {"state": state.value, "error_id": error_id, "reason": reason}
    return tx.execute(answered.values(values)).rowcount == 1


def link_answer(tx: sa.Connection, account_id: int, order_id: str) -> LinkAnswer | None:
    """Say what became of an order; None when there is no such order."""
    found = sa.select(link_orders.c.state, link_orders.c.error_id, link_orders.c.reason)
    row = tx.execute(found.where(*_is_one(account_id, order_id))).first()
    if row is None:
        return None
    return LinkAnswer(state=LinkOrderState(row.state), error_id=row.error_id, reason=row.reason)


def withdraw_link_order(tx: sa.Connection, account_id: int, order_id: str) -> LinkAnswer | None:
    """Take an order away, for the last look at what became of it: WAITING was not begun and never will be."""
    gone = sa.delete(link_orders).where(*_is_one(account_id, order_id))
    row = tx.execute(
        gone.returning(link_orders.c.state, link_orders.c.error_id, link_orders.c.reason)
    ).first()
    if row is None:
        return None
    return LinkAnswer(state=LinkOrderState(row.state), error_id=row.error_id, reason=row.reason)


def sweep_link_orders(tx: sa.Connection, *, before: datetime) -> None:
    """Of all accounts: throw away what whoever asked did not take away, having died."""
    tx.execute(sa.delete(link_orders).where(link_orders.c.until_ms < to_millis(before)))


def _is_one(account_id: int, order_id: str) -> tuple[sa.ColumnElement[bool], ...]:
    return link_orders.c.account_id == account_id, link_orders.c.id == order_id
