"""The status that each connection last told us, or was told: what it repeats soon after is an echo."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from switchhook.core.directory import Availability
from switchhook.store.deliveries import enqueue_presence
from switchhook.store.employees import find_employee, set_availability
from switchhook.store.inserts import insert_into
from switchhook.store.tables.media import presences
from switchhook.store.times import to_millis

ECHO_WITHIN = timedelta(seconds=60)


def take_presence(
    tx: sa.Connection,
    account_id: int,
    extension: str,
    availability: Availability,
    *,
    teller: str | None,
    takers: Sequence[str],
    at: datetime,
) -> Sequence[str]:
    """Note an employee's status and queue it for the takers; give those who will be told.

    `teller` and `takers` are ids of connections; an administrator is no teller. An extension that
    nobody has is passed on all the same: it may be known elsewhere. What is known already and is
    the last that passed between the teller and us is an echo of our own words, and goes nowhere.
    """
    employee = find_employee(tx, account_id, extension)
    is_news = employee is None or employee.availability is not availability
    if (
        teller is not None
        and (employee is None or not is_news)
        and _is_echo(tx, account_id, teller, extension, availability, at=at)
    ):
        return ()
    if employee is not None and is_news:
        set_availability(tx, account_id, extension, availability)
    told = [taker for taker in takers if taker != teller]
    for connection_id in told:
        enqueue_presence(tx, account_id, connection_id, extension, availability, at=at)
    for connection_id in (*told, *((teller,) if teller else ())):
        _note(tx, account_id, connection_id, extension, availability, at=at)
    return told


def sweep_presences(tx: sa.Connection, *, before: datetime) -> int:
    """Forget what passed between all accounts' connections and us before then; give how many."""
    return tx.execute(presences.delete().where(presences.c.at_ms < to_millis(before))).rowcount


def _is_echo(
    tx: sa.Connection,
    account_id: int,
    connection_id: str,
    extension: str,
    availability: Availability,
    *,
    at: datetime,
) -> bool:
    """Say whether this connection told or was told the very same within the last minute."""
    last = sa.select(presences.c.availability).where(
        presences.c.account_id == account_id,
        presences.c.connection_id == connection_id,
        presences.c.extension == extension,
        presences.c.at_ms > to_millis(at - ECHO_WITHIN),
    )
    return tx.execute(last).scalar() == availability.value


def _note(
    tx: sa.Connection,
    account_id: int,
    connection_id: str,
    extension: str,
    availability: Availability,
    *,
    at: datetime,
) -> None:
    """Remember what passed between this connection and us."""
    said = {"availability": availability.value, "at_ms": to_millis(at)}
    statement = insert_into(tx, presences).values(
        account_id=account_id, connection_id=connection_id, extension=extension, **said
    )
    keys = ["account_id", "connection_id", "extension"]
    tx.execute(statement.on_conflict_do_update(index_elements=keys, set_=said))
