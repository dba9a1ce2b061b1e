"""Calls read: one, lists by page, the open ones, those that changed, those whose time has come."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from switchhook.core.call import Call
from switchhook.store.call_filter import CallFilter as CallFilter
from switchhook.store.call_filter import all_conditions, spellings_of, walks
from switchhook.store.call_rows import decode_call
from switchhook.store.settled import settled_ms
from switchhook.store.tables.calls import IS_OPEN, calls


@dataclass(frozen=True, order=True)
class Cursor:
    """The last call of a page: where the next one goes on."""

    started_ms: int
    id: str


@dataclass(frozen=True)
class Page:
    calls: tuple[Call, ...]
    following: Cursor | None  # None: there is no more


@dataclass(frozen=True)
class ChangeCursor:
    """The last change that was read: where reading goes on. With an empty id, a moment to begin at."""

    changed_ms: int
    id: str = ""


@dataclass(frozen=True)
class ChangesPage:
    calls: tuple[Call, ...]
    following: ChangeCursor | None  # where to go on, now or later; None: nothing has changed yet
    has_more: bool


class DueCall(Struct, frozen=True):
    """A call, and when its time comes."""

    due_ms: int
    account_id: int
    call_row: str
    call_id: str


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
    """List calls, newest first; `after` is the cursor of the page before.

    A call keeps its place, so what comes in meanwhile moves nothing; only a report that knows an
    earlier start moves its call. A page costs the same at any depth.
    """
    wanted = wanted or CallFilter()
    found: dict[Cursor, bytes] = {}
    for walk in walks(account_id, wanted, spellings_of(tx, account_id, wanted)):
        listed = sa.select(walk.started_ms.label("started_ms"), walk.id.label("id"), calls.c.snapshot).where(
            *walk.conditions
        )
        if after is not None:
            listed = listed.where(
                walk.started_ms <= after.started_ms,
                sa.or_(walk.started_ms < after.started_ms, walk.id < after.id),
            )
        rows = tx.execute(listed.order_by(walk.started_ms.desc(), walk.id.desc()).limit(limit + 1))
        found |= {Cursor(row.started_ms, row.id): row.snapshot for row in rows}
    places = sorted(found, reverse=True)
    shown = places[:limit]
    following = shown[-1] if shown and len(places) > limit else None
    return Page(tuple(decode_call(found[place]) for place in shown), following)


def changes_page(
    tx: sa.Connection,
    account_id: int,
    wanted: CallFilter | None = None,
    after: ChangeCursor | None = None,
    limit: int = 500,
) -> ChangesPage:
    """Give calls in the order of their last change, from a cursor on: each as it now stands.

    Reading on from `following` leaves no change out and gives none twice. A call that changes again
    comes again; what lay between is not told. A change is given once it has settled: see
    `settled_ms`. A call that the change has taken out of the filter is not mentioned.
    """
    wanted = wanted or CallFilter()
    spellings = spellings_of(tx, account_id, wanted)
    found = sa.select(calls.c.changed_ms, calls.c.id, calls.c.snapshot).where(
        *all_conditions(account_id, wanted, spellings), calls.c.changed_ms < settled_ms(tx)
    )
    if after is not None:
        found = found.where(
            calls.c.changed_ms >= after.changed_ms,
            sa.or_(calls.c.changed_ms > after.changed_ms, calls.c.id > after.id),
        )
    rows = tx.execute(found.order_by(calls.c.changed_ms, calls.c.id).limit(limit + 1)).all()
    shown = rows[:limit]
    following = ChangeCursor(shown[-1].changed_ms, shown[-1].id) if shown else after
    return ChangesPage(
        tuple(decode_call(row.snapshot) for row in shown), following, has_more=len(rows) > limit
    )


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


def due(tx: sa.Connection, *, now_ms: int, limit: int = 500) -> tuple[list[DueCall], int | None]:
    """Of all accounts: give the calls whose time has come, and when that of the next one comes."""
    found = (
        sa.select(calls.c.due_ms, calls.c.account_id, calls.c.id, calls.c.call_id)
        .where(calls.c.due_ms <= now_ms)
        .order_by(calls.c.due_ms)
        .limit(limit)
    )
    following = sa.select(sa.func.min(calls.c.due_ms)).where(calls.c.due_ms > now_ms)
    return [DueCall(*row) for row in tx.execute(found)], tx.execute(following).scalar()


def _one(tx: sa.Connection, found: sa.Select[Any]) -> Call | None:
    snapshot = tx.execute(found).scalar()
    return None if snapshot is None else decode_call(snapshot)
