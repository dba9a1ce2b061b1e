"""What CRMs answered about numbers, with its age."""

from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct

from switchhook.core.directory import CallerAnswer
from switchhook.store.inserts import insert_into
from switchhook.store.tables.media import answers
from switchhook.store.times import from_millis, to_millis


class CachedAnswer(Struct, frozen=True, kw_only=True):
    """One CRM's last word about a number; `answer` is None when it did not know it."""

    connection_id: str
    answer: CallerAnswer | None
    asked_at: datetime


def answers_about(tx: sa.Connection, account_id: int, digits: str) -> list[CachedAnswer]:
    """Give what every CRM last said about a number, newest first, whatever its age."""
    found = (
        sa.select(*answers.c)
        .where(answers.c.account_id == account_id, answers.c.digits == digits)
        .order_by(answers.c.asked_at_ms.desc())
    )
    return [
        CachedAnswer(
            connection_id=row.connection_id,
            answer=CallerAnswer(name=row.name, responsible=row.responsible, card_url=row.card_url)
            if row.is_known
            else None,
            asked_at=from_millis(row.asked_at_ms),
        )
        for row in tx.execute(found)
    ]


def keep_answer(
    tx: sa.Connection,
    account_id: int,
    connection_id: str,
    digits: str,
    answer: CallerAnswer | None,
    *,
    at: datetime,
) -> None:
    """Replace what this CRM said about the number before."""
    said = {
        "is_known": answer is not None,
        "name": answer.name if answer else None,
        "responsible": answer.responsible if answer else None,
        "card_url": answer.card_url if answer else None,
        "asked_at_ms": to_millis(at),
    }
    statement = insert_into(tx, answers).values(
        account_id=account_id, connection_id=connection_id, digits=digits, **said
    )
    tx.execute(
        statement.on_conflict_do_update(index_elements=["account_id", "digits", "connection_id"], set_=said)
    )


def sweep_answers(tx: sa.Connection, *, before: datetime) -> int:
    """Forget answers of all accounts that are older; give how many."""
    return tx.execute(answers.delete().where(answers.c.asked_at_ms < to_millis(before))).rowcount
