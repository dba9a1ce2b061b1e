"""Calls of a played PBX: what each user's phone did, and what the PBX then says of it in events and rows."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from switchhook.connectors.voipcloud.crm.news import news_of_notice
from switchhook.connectors.voipcloud.crm.parties import Plan
from switchhook.connectors.voipcloud.crm.reports import report_of_row
from switchhook.connectors.voipcloud.wire.notice import read_notices
from switchhook.connectors.voipcloud.wire.row import read_row
from switchhook.core.api import HistoryKind
from switchhook.core.call import Call, Leg, News

START = datetime(2026, 3, 2, 1, 14, 2, tzinfo=UTC)
CALLER, OURS, OUTSIDE = "61299990011", "61280001234", "6421555010"
PLAN = Plan(region="AU")
NAMES = {"2041": "Mia Tran", "2042": "Leo Park", "2043": "Ana Cruz"}

Json = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Part:
    """What one user's phone did: rang from `begins` on, and talked if `talk` says how long."""

    user: str
    begins: int  # seconds after the call came
    rings: int
    talk: int | None = None

    @property
    def ends(self) -> int:
        return self.begins + self.rings + (self.talk or 0)


@dataclass(frozen=True, kw_only=True)
class Played:
    """One call as it really was."""

    call_id: str = "177241404931"
    starts: datetime = START
    is_outbound: bool = False
    parts: Sequence[Part] = ()
    queue: str | None = None
    has_summary: bool = True  # its box is ticked at the PBX, and the queue's history is read

    @property
    def ends(self) -> int:
        return max(part.ends for part in self.parts)

    def at(self, seconds: float) -> datetime:
        return self.starts + timedelta(seconds=seconds)

    def events(self) -> Iterator[tuple[float, Json]]:
        """Give every event with the second at which it is posted."""
        way = "outbound" if self.is_outbound else "inbound"
        for part in self.parts:
            facts = self._facts(part)
            yield part.begins, {"type": f"user_{way}", **facts}
            connected = None
            if part.talk is not None:
                connected = written(self.at(part.begins + part.rings))
                answered = {"type": f"user_{way}_answered", **facts, "connected_at": connected}
                yield part.begins + part.rings, answered
            lengths = {
                "call_duration": part.rings + (part.talk or 0),
                "conversation_duration": part.talk or 0,
            }
            over = {"type": f"user_{way}_completed", **facts, "connected_at": connected, **lengths}
            yield part.ends, over
        if self.queue and self.has_summary:
            yield self.ends, {"type": "queue_call", **self._summary()}

    def rows(self) -> list[Json]:
        """Give the rows of the users' history, in the order in which they began."""
        way = "outbound" if self.is_outbound else "inbound"
        rows: list[Json] = []
        for part in sorted(self.parts, key=lambda part: part.begins):
            is_answered = part.talk is not None
            connected = written(self.at(part.begins + part.rings)) if is_answered else None
            facts = self._facts(part)
            facts.pop("queue_name", None)
            rows.append(
                {
                    **facts,
                    "type": f"user_{way}_{'answered' if is_answered else 'missed'}",
                    "connected_at": connected,
                    "call_duration": part.rings + (part.talk or 0),
                    "conversation_duration": part.talk or 0,
                }
            )
        return rows

    def queue_row(self) -> Json:
        summary = self._summary()
        return {**summary, "callerid": summary.pop("caller_id")}

    def _facts(self, part: Part) -> dict[str, Any]:
        caller, dialled = (OURS, OUTSIDE) if self.is_outbound else (CALLER, OURS)
        return {
            "unique_call_id": self.call_id,
            "caller_id": caller,
            "caller_name": "Front desk" if self.is_outbound else "Orchard Dental",
            "user_name": NAMES[part.user],
            "user_number": part.user,
            "dest_number": dialled,
            "call_start_at": written(self.at(part.begins)),
            **({} if self.is_outbound else {"queue_name": self.queue or ""}),
        }

    def _summary(self) -> dict[str, Any]:
        talks = sorted((one for one in self.parts if one.talk is not None), key=lambda one: one.begins)
        first = talks[0] if talks else None
        last = max(self.parts, key=lambda part: part.begins)
        waited = first.begins + first.rings if first else self.ends
        return {
            **self._facts(first or last),
            "call_start_at": written(self.starts),
            "connected_at": written(self.at(waited)) if first else None,
            "call_duration": waited + (first.talk or 0 if first else 0),
            "conversation_duration": first.talk if first else 0,
            "queue_name": self.queue,
            "status": "answered" if first else "abandoned",
        }


def written(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def news_of_event(event: Json, at: datetime = START) -> list[News]:
    (notice,) = read_notices(json.dumps(event).encode())
    return list(news_of_notice(notice, PLAN, at=at))


def news_of_user_row(row: Json) -> list[News]:
    report = report_of_row(read_row(row, HistoryKind.USER), PLAN)
    assert report is not None
    return [report]


def news_of_queue_row(row: Json) -> list[News]:
    report = report_of_row(read_row(row, HistoryKind.QUEUE), PLAN)
    assert report is not None
    return [report]


def record_of(call: Call) -> dict[str, object]:
    """Give what everybody is told of a call, without the traces of how it was learned."""
    return {
        "disposition": call.disposition,
        "number": call.number,
        "did": call.did,
        "direction": call.direction,
        "contact": call.contact_name,
        "extension": call.extension if call.answered_at else None,
        "started": call.started_at,
        "answered": call.answered_at,
        "ended": call.ended_at,
        "ring": call.ring_seconds,
        "talk": call.talk_seconds,
        "legs": frozenset(_part_of(leg) for leg in call.legs),
    }


def outcome_of(call: Call) -> dict[str, object]:
    """The same without times: an event that tells of no beginning has only that of its arrival."""
    known = ("disposition", "number", "did", "direction", "extension", "talk")
    told = record_of(call)
    legs = frozenset((leg.extension, leg.has_talked, leg.talk_seconds or 0) for leg in call.legs)
    return {**{name: told[name] for name in known}, "legs": legs}


def _part_of(leg: Leg) -> tuple[object, ...]:
    disposition = leg.disposition if leg.has_talked else None
    return leg.extension, disposition, leg.ringing_at, leg.answered_at, leg.ended_at, leg.talk_seconds
