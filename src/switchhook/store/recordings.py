"""Recordings: what is to be fetched and when, what became of it, and finding one by its link."""

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from msgspec import Struct

from switchhook.core.call import Call
from switchhook.core.number import read_number
from switchhook.store.inserts import insert_into
from switchhook.store.tables.calls import calls
from switchhook.store.tables.media import recordings
from switchhook.store.times import from_millis, to_millis


class FetchState(StrEnum):
    """How far we are with a recording."""

    HEARD = "heard"  # nothing was decided yet
    WAITING = "waiting"  # for its first fetch, or for the next one
    KEPT = "kept"
    LINKED = "linked"  # stays at the peer, whose link is good for ever
    LOST = "lost"  # it was good for one fetch, and that failed


class StoredFile(Struct, frozen=True, kw_only=True):
    """A file on our shelf."""

    key: str
    sha256: str
    size_bytes: int
    content_type: str
    seconds: float | None = None


class KeptRecording(Struct, frozen=True, kw_only=True):
    """One recording of a call, and how far we are with it."""

    id: int
    account_id: int
    connection_id: str
    call_row: str
    call_id: str
    number: int
    url: str
    is_temp: bool
    state: FetchState
    is_told: bool
    attempts: int
    heard_at: datetime
    next_at: datetime | None
    reason: str | None
    name: str
    file: StoredFile | None


def enqueue(tx: sa.Connection, account_id: int, call: Call, index: int, *, at: datetime) -> None:
    """Note a recording that was heard of; the same one again changes nothing."""
    recording = call.recordings[index]
    statement = insert_into(tx, recordings).values(
        account_id=account_id,
        connection_id=call.connection_id,
        call_row=call.id,
        call_id=call.call_id,
        token=call.recording_token,
        number=index,
        url=recording.url,
        is_temp=recording.is_temp,
        state=FetchState.HEARD.value,
        is_told=False,
        attempts=0,
        next_at_ms=to_millis(at),
        heard_at_ms=to_millis(at),
        name=_name(call, index),
    )
    tx.execute(statement.on_conflict_do_nothing(index_elements=["token", "number"]))


def claim(
    tx: sa.Connection,
    *,
    at: datetime,
    until: datetime,
    limit: int,
    busy: Collection[str] = (),
    in_hand: Collection[int] = (),
) -> list[KeptRecording]:
    """Take recordings with something to do, for all accounts; nobody else gets them before `until`.

    `busy` are connections that have enough on their hands, `in_hand` recordings that the caller is
    still at, though their time is over. A fetch counts as an attempt from here on,
    so that one which kills us is not tried for ever.
    """
    due = (
        sa.select(recordings.c.id)
        .where(
            recordings.c.next_at_ms <= to_millis(at),
            recordings.c.connection_id.not_in(busy),
            recordings.c.id.not_in(in_hand),
        )
        .order_by(recordings.c.next_at_ms)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ids = list(tx.execute(due).scalars())
    if not ids:
        return []
    is_fetch = recordings.c.state == FetchState.WAITING.value
    claimed = (
        recordings.update()
        .where(recordings.c.id.in_(ids))
        .values(
            next_at_ms=to_millis(until),
            attempts=recordings.c.attempts + sa.case((is_fetch, 1), else_=0),
        )
        .returning(*recordings.c)
    )
    return [_recording(row) for row in tx.execute(claimed)]


def postpone(tx: sa.Connection, account_id: int, id: int, *, at: datetime, reason: str | None = None) -> None:
    """Fetch it (again) at a time; `reason` says why the last attempt failed."""
    _update(tx, account_id, id, state=FetchState.WAITING.value, next_at_ms=to_millis(at), reason=reason)


def settle(
    tx: sa.Connection,
    account_id: int,
    id: int,
    state: FetchState,
    *,
    at: datetime,
    reason: str | None = None,
    file: StoredFile | None = None,
) -> None:
    """Note what became of it; until `mark_told` it stays due, so that the call surely learns of it."""
    _update(
        tx,
        account_id,
        id,
        state=state.value,
        is_told=False,
        next_at_ms=to_millis(at),
        reason=reason,
        object_key=file.key if file else None,
        sha256=file.sha256 if file else None,
        size_bytes=file.size_bytes if file else None,
        content_type=file.content_type if file else None,
        seconds=file.seconds if file else None,
    )


def mark_told(tx: sa.Connection, account_id: int, id: int) -> None:
    """The call knows what became of it: nothing is left to do."""
    _update(tx, account_id, id, is_told=True, next_at_ms=None)


def release(tx: sa.Connection, account_id: int, id: int, *, at: datetime) -> None:
    """Give back a recording whose fetch was broken off on our side."""
    is_waiting = recordings.c.state == FetchState.WAITING.value
    where = recordings.c.id == id, recordings.c.account_id == account_id, is_waiting
    tx.execute(recordings.update().where(*where).values(next_at_ms=to_millis(at)))


def next_due(tx: sa.Connection) -> datetime | None:
    """Say when the next recording of any account has something to do."""
    due = sa.select(sa.func.min(recordings.c.next_at_ms)).where(recordings.c.next_at_ms.is_not(None))
    return from_millis(tx.execute(due).scalar())


def find_by_token(tx: sa.Connection, token: str, number: int) -> KeptRecording | None:
    """Find the recording behind a permanent link, in whatever account: whoever has the link may hear it."""
    found = sa.select(*recordings.c).where(recordings.c.token == token, recordings.c.number == number)
    row = tx.execute(found).one_or_none()
    return None if row is None else _recording(row)


def is_recent_call(tx: sa.Connection, token: str, *, since: datetime) -> bool:
    """Say whether a call of whatever account has this token and was heard of since then.

    Links are given out with the end of a call, before any recording of it is heard of.
    """
    where = calls.c.recording_token == token, calls.c.changed_ms >= to_millis(since)
    return tx.execute(sa.select(calls.c.id).where(*where)).first() is not None


def of_call(tx: sa.Connection, account_id: int, call: Call) -> list[KeptRecording]:
    """Give the recordings of one call in their order, and how far we are with each."""
    found = (
        sa.select(*recordings.c)
        .where(recordings.c.account_id == account_id, recordings.c.token == call.recording_token)
        .order_by(recordings.c.number)
    )
    return [_recording(row) for row in tx.execute(found)]


def _update(tx: sa.Connection, account_id: int, id: int, **values: object) -> None:
    where = recordings.c.id == id, recordings.c.account_id == account_id
    tx.execute(recordings.update().where(*where).values(**values))


def _name(call: Call, index: int) -> str:
    """Only digits, dashes and underscores: it becomes the name of a file on somebody's disk."""
    digits = "".join(c for c in read_number(call.number).digits if c in "0123456789")
    parts = [f"{call.started_at:%Y-%m-%d_%H-%M-%S}", digits, str(index + 1) if index else ""]
    return "_".join(part for part in parts if part)


def _recording(row: sa.Row[tuple[object, ...]]) -> KeptRecording:
    c = row._mapping
    file = None
    if c["object_key"] is not None:
        file = StoredFile(
            key=c["object_key"],
            sha256=c["sha256"],
            size_bytes=c["size_bytes"],
            content_type=c["content_type"],
            seconds=c["seconds"],
        )
    return KeptRecording(
        id=c["id"],
        account_id=c["account_id"],
        connection_id=c["connection_id"],
        call_row=c["call_row"],
        call_id=c["call_id"],
        number=c["number"],
        url=c["url"],
        is_temp=c["is_temp"],
        state=FetchState(c["state"]),
        is_told=c["is_told"],
        attempts=c["attempts"],
        heard_at=from_millis(c["heard_at_ms"]),
        next_at=from_millis(c["next_at_ms"]),
        reason=c["reason"],
        name=c["name"],
        file=file,
    )
