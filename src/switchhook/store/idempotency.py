"""Which order stands for which word of a client: the same word dials once.

The order's own row (`dials`) says what became of it, so nothing has to be written here after it.
"""

from datetime import datetime, timedelta

import sqlalchemy as sa
from msgspec import Struct

from switchhook.store.dials import Dial, DialState, find_dial
from switchhook.store.inserts import insert_into
from switchhook.store.tables.book import idempotency
from switchhook.store.times import from_millis, to_millis

HELD_FOR = timedelta(hours=24)
# Between the two rows of an order lie a few reads of the store. Without the second one after so long,
# its hub has died, and no phone rang.
DIALS_WITHIN = timedelta(minutes=1)


class Held(Struct, frozen=True, kw_only=True):
    """An order that another request made under the same idempotency key."""

    order_id: str
    dial: Dial | None  # None: it is about to be dialled


def claim_order(
    tx: sa.Connection, account_id: int, key_id: int, idempotency_key: str, order_id: str, *, at: datetime
) -> Held | None:
    """Have the idempotency key stand for this order; give the one that holds it already, or None.

    Free again is the key of an order that was surely not dialled, and that of one of a day ago.
    """
    values = {
        "account_id": account_id,
        "key_id": key_id,
        "idempotency_key": idempotency_key,
        "order_id": order_id,
        "made_ms": to_millis(at),
    }
    insert = insert_into(tx, idempotency).values(values).on_conflict_do_nothing()
    if tx.execute(insert).rowcount:
        return None
    where = _is_one(account_id, key_id, idempotency_key)
    # Of two that come to take it over the second waits, and then sees the first one's order.
    row = tx.execute(
        sa.select(idempotency.c.order_id, idempotency.c.made_ms).where(where).with_for_update()
    ).one()
    held = Held(order_id=row.order_id, dial=find_dial(tx, account_id, row.order_id))
    if held.order_id != order_id and not _is_free(held.dial, from_millis(row.made_ms), at):
        return held
    tx.execute(sa.update(idempotency).where(where).values(order_id=order_id, made_ms=to_millis(at)))
    return None


def release_order(
    tx: sa.Connection, account_id: int, key_id: int, idempotency_key: str, order_id: str
) -> None:
    """Free the idempotency key of an order that was surely not dialled, unless it is another's by now."""
    where = _is_one(account_id, key_id, idempotency_key), idempotency.c.order_id == order_id
    tx.execute(sa.delete(idempotency).where(*where))


def sweep_orders(tx: sa.Connection, *, before: datetime) -> int:
    """Of all accounts: forget the idempotency keys of orders that were made before then."""
    return tx.execute(sa.delete(idempotency).where(idempotency.c.made_ms < to_millis(before))).rowcount


def _is_free(dial: Dial | None, made_at: datetime, at: datetime) -> bool:
    if made_at <= at - HELD_FOR:
        return True
    if dial is None:
        return made_at <= at - DIALS_WITHIN
    return dial.state is DialState.REFUSED


def _is_one(account_id: int, key_id: int, idempotency_key: str) -> sa.ColumnElement[bool]:
    c = idempotency.c
    return (c.account_id == account_id) & (c.key_id == key_id) & (c.idempotency_key == idempotency_key)
