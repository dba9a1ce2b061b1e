"""Calls read: one, lists by page, the open ones, those that changed, those whose time has come."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from switchhook.core.call import Call, Direction, Disposition
from switchhook.store.call_rows import decode_call, reversed_number
from switchhook.store.tables.calls import IS_OPEN, calls
from switchhook.store.times import EPOCH, from_millis, to_millis


@dataclass(frozen=True, kw_only=True)
class CallFilter:
    """Which calls a list shows; None and empty mean all."""

    since: datetime | None = None
    until: datetime | None = None  # not included
    connection_id: str | None = None
    direction: Direction | None = None
    dispositions: tuple[Disposition, ...] = ()
    extension: str | None = None  # who talked, or is to call back
    number: str | None = None  # whole in any spelling, or the digits it ends with
    did: str | None = None
    is_missed: bool | None = None


@dataclass(frozen=True)
class Cursor:
    """The last call of a page: where the next one goes on."""

    started_ms: int
    id: str


@dataclass(frozen=True)
class Page:
    calls: tuple[Call, ...]
    following: Cursor | None  # None: there is no more


@dataclass(frozen=True)
class DueCall:
    account_id: int
    call_row: str
    call_id: str


NOT_MISSED = (Disposition.ANSWERED.value, Disposition.UNKNOWN.value)


def get(tx: sa.Connection, account_id: int, call_row: str) -> Call | None:
    """Give a call by our id."""
    found = sa.select(calls.c.snapshot).where(calls.c.account_id == account_id, calls.c.id == call_row)
    return _one(tx, found)


def find_shared(tx: sa.Connection, account_id: int, shared_id: str) -> Call | None:
    """Give a call by the id that other systems are told."""
    where = calls.c.account_id == account_id, calls.c.shared_id == shared_id
    return _one(tx, sa.select(calls.c.snapshot).where(*where))


def find_by_recording(tx: sa.Connection, token: str) -> tuple[int, Call] | None:
    """Of all accounts: give the call whose recordings this unguessable token opens, and its account."""
    found = sa.select(calls.c.account_id, calls.c.snapshot).where(calls.c.recording_token == token)
    row = tx.execute(found).one_or_none()
    return None if row is None else (row.account_id, decode_call(row.snapshot))


def page(
    tx: sa.Connection,
    account_id: int,
    wanted: CallFilter | None = None,
    *,
    after: Cursor | None = None,
    limit: int = 50,
) -> Page:
    """List calls, newest first; `after` is the cursor of the page before."""
    wanted = wanted or CallFilter()
    found = sa.select(calls.c.started_ms, calls.c.id, calls.c.snapshot).where(
        calls.c.account_id == account_id, *_conditions(wanted)
    )
    if after is not None:
        found = found.where(
            calls.c.started_ms <= after.started_ms,
            sa.or_(calls.c.started_ms < after.started_ms, calls.c.id < after.id),
        )
    rows = tx.execute(found.order_by(calls.c.started_ms.desc(), calls.c.id.desc()).limit(limit + 1)).all()
    shown = rows[:limit]
    following = Cursor(shown[-1].started_ms, shown[-1].id) if len(rows) > limit else None
    return Page(tuple(decode_call(row.snapshot) for row in shown), following)


def skip(
    tx: sa.Connection, account_id: int, wanted: CallFilter, *, offset: int, limit: int
) -> tuple[Call, ...]:
    """List calls, newest first, by offset: for protocols that ask so. Deep offsets cost time."""
    found = sa.select(calls.c.snapshot).where(calls.c.account_id == account_id, *_conditions(wanted))
    found = found.order_by(calls.c.started_ms.desc(), calls.c.id.desc()).offset(offset).limit(limit)
    return tuple(decode_call(row.snapshot) for row in tx.execute(found))


def open_calls(tx: sa.Connection, account_id: int, *, limit: int = 500) -> tuple[Call, ...]:
    """Give the calls whose outcome is not told yet, newest first."""
    found = (
        sa.select(calls.c.snapshot)
        .where(IS_OPEN, calls.c.account_id == account_id)
        .order_by(calls.c.started_ms.desc())
        .limit(limit)
    )
    return tuple(decode_call(row.snapshot) for row in tx.execute(found))


def changed_since(
    tx: sa.Connection, account_id: int, since_ms: int, *, limit: int = 500
) -> list[tuple[int, int, Call]]:
    """Give (changed at, version, call) of what changed after that moment, oldest change first."""
    found = (
        sa.select(calls.c.changed_ms, calls.c.events, calls.c.snapshot)
        .where(calls.c.account_id == account_id, calls.c.changed_ms > since_ms)
        .order_by(calls.c.changed_ms)
        .limit(limit)
    )
    return [(row.changed_ms, row.events, decode_call(row.snapshot)) for row in tx.execute(found)]


def due(tx: sa.Connection, *, now: datetime, limit: int = 500) -> tuple[list[DueCall], datetime | None]:
    """Of all accounts: give the calls whose time has come, and when that of the next one comes."""
    now_ms = to_millis(now)
    found = (
        sa.select(calls.c.account_id, calls.c.id, calls.c.call_id)
        .where(calls.c.due_ms <= now_ms)
        .order_by(calls.c.due_ms)
        .limit(limit)
    )
    following = sa.select(sa.func.min(calls.c.due_ms)).where(calls.c.due_ms > now_ms)
    come = [DueCall(row.account_id, row.id, row.call_id) for row in tx.execute(found)]
    return come, from_millis(tx.execute(following).scalar())


def _one(tx: sa.Connection, found: sa.Select[Any]) -> Call | None:
    snapshot = tx.execute(found).scalar()
    return None if snapshot is None else decode_call(snapshot)


def _conditions(wanted: CallFilter) -> list[sa.ColumnElement[bool]]:
    c = calls.c
    digits = reversed_number(wanted.number or "")
    missed = sa.and_(
        c.direction == Direction.INBOUND.value,
        c.disposition.is_not(None),
        c.disposition.not_in(NOT_MISSED),
    )
    asked: list[tuple[bool, sa.ColumnElement[bool]]] = [
        (wanted.since is not None, c.started_ms >= to_millis(wanted.since or EPOCH)),
        (wanted.until is not None, c.started_ms < to_millis(wanted.until or EPOCH)),
        (wanted.connection_id is not None, c.connection_id == wanted.connection_id),
        (wanted.direction is not None, c.direction == wanted.direction),
        (bool(wanted.dispositions), c.disposition.in_([one.value for one in wanted.dispositions])),
        (wanted.extension is not None, c.extension == wanted.extension),
        # Digits are below ":" in ASCII, so this is every number with that end.
        (bool(digits), sa.and_(c.reversed_digits >= digits, c.reversed_digits < digits + ":")),
        (wanted.did is not None, c.did == wanted.did),
        (wanted.is_missed is True, missed),
        (wanted.is_missed is False, sa.not_(missed)),
    ]
    return [condition for is_asked, condition in asked if is_asked]
