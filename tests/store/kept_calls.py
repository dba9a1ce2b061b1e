"""Calls as intake keeps them, for tests that read them."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from switchhook.core.call import (
    Call,
    Direction,
    Disposition,
    Leg,
    LegState,
    Phase,
    Recording,
)
from switchhook.core.directory import GroupKind
from switchhook.store.call_parties import write_parties
from switchhook.store.call_rows import CallRow, by_ids, peer_key, write
from switchhook.store.times import to_millis
from tests.store.times import NOW

OUTSIDE = "+79161234567"


def leg(extension: str, *, answered_at: datetime | None = None) -> Leg:
    is_answered = answered_at is not None
    return Leg(
        extension=extension,
        state=LegState.ENDED,
        answered_at=answered_at,
        ended_at=NOW,
        disposition=Disposition.ANSWERED if is_answered else Disposition.CANCELLED,
    )


def ended(
    call_row: str,
    *extensions: str,
    started_at: datetime = NOW,
    answered: str | None = None,
    direction: Direction = Direction.INBOUND,
    number: str = OUTSIDE,
    did: str | None = None,
    group: str | None = None,
    group_kind: GroupKind | None = None,
    phase: Phase = Phase.ENDED,
    dial_id: str | None = None,
    connection_id: str = "c-1",
    recordings: int = 0,
) -> Call:
    """Make a call that rang at these extensions."""
    answer = started_at + timedelta(seconds=5)
    return Call(
        id=call_row,
        connection_id=connection_id,
        call_id=f"peer-{call_row}",
        shared_id=f"shared-{call_row}",
        recording_token=f"token-{call_row}",
        started_at=started_at,
        direction=direction,
        number=number,
        did=did,
        group=group,
        group_kind=group_kind,
        legs=tuple(leg(one, answered_at=answer if one == answered else None) for one in extensions),
        recordings=tuple(Recording(url=f"https://pbx.example/{n}.mp3") for n in range(recordings)),
        phase=phase,
        disposition=None
        if phase is Phase.OPEN
        else (Disposition.ANSWERED if answered else Disposition.MISSED),
        extension=answered or (extensions[0] if extensions else None),
        dial_id=dial_id,
    )


def keep(tx: sa.Connection, account_id: int, made: Sequence[Call], *, now_ms: int = to_millis(NOW)) -> None:
    """Write calls, new or known, and their parties."""
    known = {row.call.id: row for row in by_ids(tx, [call.id for call in made])}
    rows = []
    for call in made:
        row = known.get(call.id)
        if row is None:
            row = CallRow(
                account_id=account_id,
                peer_key=peer_key(f"{account_id}:{call.connection_id}", call.call_id),
                call=call,
            )
        row.call = call
        row.events += 1
        rows.append(row)
    write(tx, rows, now_ms=now_ms)
    write_parties(tx, account_id, made)
