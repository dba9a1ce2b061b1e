"""The ledger: everything that was told about a call, as it was told, numbered within the call."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
import sqlalchemy as sa

from switchhook.core.call import CallEvent, CallReport, News, RecordingKept, Tick
from switchhook.store.call_rows import encode
from switchhook.store.many import Many, Row
from switchhook.store.tables.calls import events
from switchhook.store.times import from_millis

REPORT, KEPT, TICK = "report", "recording kept", "tick"
KINDS: dict[str, type[News]] = {REPORT: CallReport, KEPT: RecordingKept, TICK: Tick}
KIND_OF: dict[type[News], str] = {shape: kind for kind, shape in KINDS.items()}

ENTRY = ("call_row", "seq", "account_id", "at_ms", "kind", "extension", "news")
_INSERT = Many(lambda _: events.insert(), ENTRY)


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of a call's ledger."""

    seq: int
    at: datetime
    kind: str  # what happened to a leg, or "report", "recording kept", "tick"
    extension: str | None = None
    news: News


def entry(call_row: str, seq: int, account_id: int, at_ms: int, news: News) -> Row:
    """Make a row to be appended."""
    extension = news.extension if isinstance(news, (CallEvent, CallReport)) else None
    return call_row, seq, account_id, at_ms, kind_of(news), extension, encode(news)


def kind_of(news: News) -> str:
    return news.happening._value_ if isinstance(news, CallEvent) else KIND_OF[type(news)]


def append(tx: sa.Connection, rows: Sequence[Row]) -> None:
    """Write entries; the caller holds their calls and numbers them."""
    _INSERT.run(tx, rows)


def of_call(tx: sa.Connection, account_id: int, call_row: str, *, limit: int = 1000) -> list[Told]:
    """Give what was told of a call (our id), oldest first."""
    found = (
        sa.select(events.c.seq, events.c.at_ms, events.c.kind, events.c.extension, events.c.news)
        .where(events.c.account_id == account_id, events.c.call_row == call_row)
        .order_by(events.c.seq)
        .limit(limit)
    )
    return [
        Told(
            seq=seq,
            at=from_millis(at_ms),
            kind=kind,
            extension=extension,
            news=msgspec.json.decode(news, type=KINDS.get(kind, CallEvent)),
        )
        for seq, at_ms, kind, extension, news in tx.execute(found)
    ]
