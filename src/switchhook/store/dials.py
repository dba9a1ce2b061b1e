"""Clicks to call: each is stored before the PBX is told, and tied to the call that comes of it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

import sqlalchemy as sa
from msgspec import Struct

from switchhook.core.api import HistoryKind
from switchhook.core.errors import TooMany
from switchhook.store.call_parties import LONGEST_PARTY
from switchhook.store.tables.calls import calls
from switchhook.store.tables.media import dials
from switchhook.store.tables.parties import call_parties
from switchhook.store.times import from_millis, to_millis

# The same click again within this is a finger that slipped.
SAME_CLICK = timedelta(seconds=2)
# The PBX gives no id back, so the call is known by who and whom, this long: decision 21 of
# docs/connectors/planfix.md.
TIES_WITHIN = timedelta(minutes=5)


class DialState(StrEnum):
    ASKED = "asked"  # not answered yet
    ACCEPTED = "accepted"
    REFUSED = "refused"  # surely not dialled
    UNCLEAR = "unclear"  # may have been dialled: never repeated


ALIVE = (DialState.ASKED.value, DialState.ACCEPTED.value, DialState.UNCLEAR.value)


class Dial(Struct, frozen=True, kw_only=True):
    """One click to call and what came of it."""

    id: str
    extension: str
    number: str
    digits: str
    did: str | None
    asked_by: str | None
    connection_id: str | None
    state: DialState
    reason: str | None = None
    asked_at: datetime
    is_tied: bool = False  # its call has appeared


def add_dial(tx: sa.Connection, account_id: int, dial: Dial) -> None:
    """Store a click before the PBX hears of it.

    Raises:
        TooMany: the same click was made within two seconds, by whatever process.
    """
    if tx.dialect.name == "postgresql":
        # Two nodes may get the two halves of a double click: the second waits for the first.
        name = f"dial {account_id} {dial.extension} {dial.digits}"
        tx.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(name, 0))))
    twin = (
        sa.select(dials.c.asked_at_ms)
        .where(
            dials.c.account_id == account_id,
            dials.c.extension == dial.extension,
            dials.c.digits == dial.digits,
            dials.c.asked_at_ms > to_millis(dial.asked_at - SAME_CLICK),
            dials.c.state.in_(ALIVE),
        )
        .limit(1)
    )
    if dial.state is not DialState.REFUSED and tx.execute(twin).first() is not None:
        raise TooMany(
            f"{dial.extension} asked for {dial.number} less than {SAME_CLICK.seconds} seconds ago",
            retry_after_seconds=SAME_CLICK.total_seconds(),
        )
    tx.execute(
        dials.insert().values(
            id=dial.id,
            account_id=account_id,
            asked_by=dial.asked_by,
            connection_id=dial.connection_id,
            extension=dial.extension,
            number=dial.number,
            digits=dial.digits,
            did=dial.did,
            state=dial.state.value,
            reason=dial.reason,
            asked_at_ms=to_millis(dial.asked_at),
            is_tied=False,
        )
    )


def settle_dial(
    tx: sa.Connection,
    account_id: int,
    dial_id: str,
    state: DialState,
    *,
    reason: str | None = None,
) -> None:
    """Note what the PBX said."""
    where = dials.c.id == dial_id, dials.c.account_id == account_id
    tx.execute(dials.update().where(*where).values(state=state.value, reason=reason))


def tie(
    tx: sa.Connection, account_id: int, connection_id: str, extension: str, number_digits: str, since_ms: int
) -> str | None:
    """Give the newest click that a call of this extension to this number came of, once, or None.

    `since_ms` is when the call began less `TIES_WITHIN`. A call may appear before the PBX has
    answered the click, or though its answer was lost, so only refused clicks are left out.
    """
    newest = (
        sa.select(dials.c.id)
        .where(
            dials.c.account_id == account_id,
            dials.c.connection_id == connection_id,
            dials.c.extension == extension,
            dials.c.digits == number_digits,
            dials.c.asked_at_ms >= since_ms,
            dials.c.is_tied.is_(False),
            dials.c.state.in_(ALIVE),
        )
        .order_by(dials.c.asked_at_ms.desc())
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    dial_id = tx.execute(newest).scalar()
    if dial_id is None:
        return None
    tx.execute(dials.update().where(dials.c.id == dial_id).values(is_tied=True))
    return str(dial_id)


def last_connection_of(
    tx: sa.Connection, account_id: int, extension: str, connection_ids: Sequence[str]
) -> str | None:
    """Give which of these connections had the newest ended call that this extension took part in, or None."""
    p = call_parties.c
    newest = (
        sa.select(calls.c.connection_id)
        .join(call_parties, p.call_row == calls.c.id)
        .where(
            p.account_id == account_id,
            p.kind == HistoryKind.USER.value,
            p.party == extension[:LONGEST_PARTY],
            calls.c.account_id == account_id,
            calls.c.connection_id.in_(connection_ids),
        )
        .order_by(p.started_ms.desc(), p.call_row.desc())
        .limit(1)
    )
    return tx.execute(newest).scalar()


def newest_dials(tx: sa.Connection, account_id: int, *, limit: int = 50) -> list[Dial]:
    """Give the newest clicks, newest first."""
    found = (
        sa.select(*dials.c)
        .where(dials.c.account_id == account_id)
        .order_by(dials.c.asked_at_ms.desc(), dials.c.id.desc())
        .limit(limit)
    )
    return [_dial(row) for row in tx.execute(found)]


def find_dial(tx: sa.Connection, account_id: int, dial_id: str) -> Dial | None:
    found = sa.select(*dials.c).where(dials.c.account_id == account_id, dials.c.id == dial_id)
    row = tx.execute(found).one_or_none()
    return None if row is None else _dial(row)


def sweep_unanswered(tx: sa.Connection, *, before: datetime) -> int:
    """Of all accounts: a click still not answered since then is unclear, whoever asked has died."""
    where = dials.c.state == DialState.ASKED.value, dials.c.asked_at_ms < to_millis(before)
    values = {"state": DialState.UNCLEAR.value, "reason": "the hub stopped before the PBX answered"}
    return tx.execute(dials.update().where(*where).values(values)).rowcount


def _dial(row: sa.Row[tuple[object, ...]]) -> Dial:
    c = row._mapping
    return Dial(
        id=c["id"],
        extension=c["extension"],
        number=c["number"],
        digits=c["digits"],
        did=c["did"],
        asked_by=c["asked_by"],
        connection_id=c["connection_id"],
        state=DialState(c["state"]),
        reason=c["reason"],
        asked_at=from_millis(c["asked_at_ms"]),
        is_tied=c["is_tied"],
    )
