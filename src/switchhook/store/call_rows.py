"""Calls as intake loads, locks and writes them: statements made once, many rows at a time.

These verbs serve one transaction over news of several accounts, so rows carry their account
and intake compares it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from switchhook.core.call import Call
from switchhook.core.number import international_digits, read_number
from switchhook.core.timers import due_at
from switchhook.store.known_calls import KnownCall, KnownCalls
from switchhook.store.many import ByKeys, Many, Row
from switchhook.store.tables.calls import IS_OPEN, calls
from switchhook.store.times import to_millis

# For rooms that may not know the database library.
Tx = sa.Connection

# Under this name a connection carries what it knows.
KNOWN_CALLS = "known_calls"

encode = msgspec.json.Encoder().encode
decode_call = msgspec.json.Decoder(Call).decode


class Raced(Exception):
    """Another writer has just made the same call; the whole transaction must be run again."""


class CallRow(Struct):
    """One call in hand: as the table has it, and as it is by now."""

    account_id: int
    peer_key: str
    call: Call
    stored: Call | None = None  # None: not in the table yet
    report_key: str | None = None
    events: int = 0
    is_rekeyed: bool = False
    encoded: tuple[Call, bytes] | None = None
    timed: tuple[Call, int | None] | None = None

    def snapshot(self) -> bytes:
        """Encode the call, once for all that need it."""
        if self.encoded is None or self.encoded[0] is not self.call:
            self.encoded = self.call, encode(self.call)
        return self.encoded[1]

    def due_ms(self) -> int | None:
        """Say when the clock next has something to say about the call, worked out once."""
        if self.timed is None or self.timed[0] is not self.call:
            self.timed = self.call, to_millis(due_at(self.call))
        return self.timed[1]


def peer_key(connection_id: str, call_id: str) -> str:
    return f"{connection_id}/{call_id}"


def reversed_number(raw: str) -> str:
    """Give the digits by which calls of one number are found, backwards; "" for a withheld one."""
    return international_digits(read_number(raw))[::-1]


_COLUMNS = (
    calls.c.account_id,
    calls.c.peer_key,
    calls.c.report_key,
    calls.c.events,
    calls.c.snapshot,
)


def _held_by(column: sa.Column[str]) -> ByKeys:
    wanted = column.in_(sa.bindparam("keys", expanding=True))
    # SQLite has one writer at a time and ignores the locks.
    return ByKeys(sa.select(*_COLUMNS).where(wanted).order_by(calls.c.id).with_for_update())


_BY_PEER_KEY = _held_by(calls.c.peer_key)
_BY_REPORT_KEY = _held_by(calls.c.report_key)
_BY_ID = _held_by(calls.c.id)
_LIKE = (
    sa.select(*_COLUMNS)
    .where(
        calls.c.account_id == sa.bindparam("account_id"),
        calls.c.reversed_digits == sa.bindparam("reversed_digits"),
        calls.c.connection_id == sa.bindparam("connection_id"),
        sa.or_(
            IS_OPEN,
            calls.c.started_ms.between(sa.bindparam("since_ms"), sa.bindparam("until_ms")),
        ),
    )
    .order_by(calls.c.started_ms.desc())
    .limit(20)
    .with_for_update()
)
_SHARED = ByKeys(
    sa.select(calls.c.shared_id).where(
        calls.c.account_id == sa.bindparam("account_id"),
        calls.c.shared_id.in_(sa.bindparam("keys", expanding=True)),
    ),
    "account_id",
)


def by_peer_keys(tx: sa.Connection, keys: Iterable[str]) -> list[CallRow]:
    """Load the newest call of each key and hold them until the transaction ends."""
    known = known_calls(tx)
    if known is None:
        return [_row(row) for row in _BY_PEER_KEY.run(tx, keys)]
    return _known_or_loaded(tx, {key: known.by_peer_key(key) for key in keys}, _BY_PEER_KEY)


def by_report_keys(tx: sa.Connection, keys: Iterable[str]) -> list[CallRow]:
    """The same for the other id that a loosely matched report gave."""
    return [_row(row) for row in _BY_REPORT_KEY.run(tx, keys)]


def by_ids(tx: sa.Connection, ids: Iterable[str]) -> list[CallRow]:
    """The same by our own ids."""
    known = known_calls(tx)
    if known is None:
        return [_row(row) for row in _BY_ID.run(tx, ids)]
    return _known_or_loaded(tx, {call_id: known.by_id(call_id) for call_id in ids}, _BY_ID)


def known_calls(tx: sa.Connection) -> KnownCalls | None:
    """Of all accounts: give what this connection of ours knows of calls without asking, where it can."""
    found: KnownCalls | None = tx.info.get(KNOWN_CALLS)
    return found


def _known_or_loaded(
    tx: sa.Connection, known: Mapping[str, KnownCall | None], statement: ByKeys
) -> list[CallRow]:
    rows = [
        CallRow(
            account_id=one.account_id,
            peer_key=one.peer_key,
            call=one.call,
            stored=one.call,
            report_key=one.report_key,
            events=one.events,
        )
        for one in known.values()
        if one is not None
    ]
    missing = [key for key, one in known.items() if one is None]
    rows += [_row(row) for row in statement.run(tx, missing)]
    return rows


def alike(
    tx: sa.Connection,
    account_id: int,
    connection_id: str,
    reversed_digits: str,
    *,
    since_ms: int,
    until_ms: int,
) -> list[CallRow]:
    """Load and hold calls of one number that are open or started in between."""
    parameters = {
        "account_id": account_id,
        "connection_id": connection_id,
        "reversed_digits": reversed_digits,
        "since_ms": since_ms,
        "until_ms": until_ms,
    }
    return [_row(row) for row in tx.execute(_LIKE, parameters)]


def taken_shared_ids(tx: sa.Connection, account_id: int, shared_ids: Iterable[str]) -> set[str]:
    """Say which of these ids some call of the account has already."""
    return {shared_id for (shared_id,) in _SHARED.run(tx, shared_ids, account_id)}


# What moves with nearly every event. The rest is left alone when it did not change, since each
# index whose column is written has to be written too.
OFTEN = ("snapshot", "events", "changed_ms", "due_ms")  # in the order of `_often`
OUTCOME = ("phase", "disposition", "recordings")  # in the order of `_outcome`
FACTS = ("direction", "reversed_digits", "did", "started_ms")  # in the order of `_facts`
BIRTH = (  # in the order of `_birth`
    "id",
    "account_id",
    "connection_id",
    "call_id",
    "peer_key",
    "report_key",
    "shared_id",
    "recording_token",
)


def _updating(names: Sequence[str]) -> Many:
    statement = (
        calls.update()
        .where(calls.c.id == sa.bindparam("row_id"))
        .values({name: sa.bindparam(name) for name in names})
    )
    return Many(lambda _: statement, (*names, "row_id"))


_OFTEN = _updating(OFTEN)
_ENDED = _updating((*OFTEN, *OUTCOME))
_CHANGED = _updating((*OFTEN, *OUTCOME, *FACTS))
_REKEY = _updating(("peer_key", "report_key"))
_INSERT = Many(lambda _: calls.insert(), (*BIRTH, *OFTEN, *OUTCOME, *FACTS))


def write(tx: sa.Connection, rows: Collection[CallRow], *, now_ms: int) -> None:
    """Insert what is new, update what is known.

    Raises:
        Raced: another node has made one of the new calls since we looked. Nothing of this
            transaction may be committed.
    """
    rekeyed = [row for row in rows if row.is_rekeyed and row.stored is not None]
    _REKEY.run(tx, [(row.peer_key, row.report_key, row.call.id) for row in rekeyed])
    # In one order everywhere, so that two nodes wait for each other one way round.
    new = sorted((row for row in rows if row.stored is None), key=lambda row: row.peer_key)
    try:
        _INSERT.run(
            tx,
            [_birth(row) + _often(row, now_ms) + _outcome(row.call) + _facts(row.call) for row in new],
        )
    except sa.exc.IntegrityError as error:
        raise Raced("another writer made the same call first") from error
    updates: dict[Many, list[Row]] = {_OFTEN: [], _ENDED: [], _CHANGED: []}
    for row in rows:
        if row.stored is not None:
            update, values = _update(row.stored, row.call)
            updates[update].append((*_often(row, now_ms), *values, row.call.id))
    for update, updated in updates.items():
        update.run(tx, updated)
    known = known_calls(tx)
    if known is not None:
        known.wrote(
            KnownCall(row.account_id, row.peer_key, row.call, row.report_key, row.events) for row in rows
        )


def _update(before: Call, call: Call) -> tuple[Many, Row]:
    if not _has_same_facts(before, call):
        return _CHANGED, _outcome(call) + _facts(call)
    if not _has_same_outcome(before, call):
        return _ENDED, _outcome(call)
    return _OFTEN, ()


def _birth(row: CallRow) -> Row:
    call = row.call
    return (
        call.id,
        row.account_id,
        call.connection_id,
        call.call_id,
        row.peer_key,
        row.report_key,
        call.shared_id,
        call.recording_token,
    )


def _often(row: CallRow, now_ms: int) -> Row:
    return row.snapshot(), row.events, now_ms, row.due_ms()


def _outcome(call: Call) -> Row:
    disposition = None if call.disposition is None else call.disposition._value_
    return call.phase._value_, disposition, len(call.recordings)


def _facts(call: Call) -> Row:
    return call.direction._value_, reversed_number(call.number), call.did, to_millis(call.started_at)


def _has_same_outcome(a: Call, b: Call) -> bool:
    return a.phase is b.phase and a.disposition is b.disposition and len(a.recordings) == len(b.recordings)


def _has_same_facts(a: Call, b: Call) -> bool:
    return (
        a.direction is b.direction
        and a.number == b.number
        and a.did == b.did
        and a.started_at == b.started_at
    )


def _row(row: Any) -> CallRow:
    account_id, key, report_key, events, snapshot = row
    call = decode_call(snapshot)
    return CallRow(
        account_id=account_id, peer_key=key, call=call, stored=call, report_key=report_key, events=events
    )
