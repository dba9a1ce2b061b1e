"""The calls of the vendor's samples, and a played API and a link to ask and to tell of them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from switchhook.connectors.voipcloud.api import API
from switchhook.connectors.voipcloud.as_pbx import SIDE
from switchhook.core.call import Call, Change, ChangeKind, Direction, Disposition, Leg, LegState, Phase
from switchhook.core.connector import HttpPort, Link
from switchhook.core.directory import Employee, Group, GroupKind, Line
from switchhook.core.edge import Request
from switchhook.flow.clock import SystemClock
from switchhook.sim.api import PlayedApi
from switchhook.sim.book import PlayedBook
from switchhook.sim.stage import OnDial, PlayedHub, nobody_dials
from tests.connectors.planfix.hub import NoNet
from tests.connectors.voipcloud.readers import read_as_loose

PUBLIC_URL = "https://hub.example.org"
KEY = "k_" + "9vJ" * 14
DAY = datetime(2026, 3, 2, tzinfo=UTC)
CALLER, LINE, ABROAD = "+61299990011", "+61280001234", "+6421555010"
V1, V2 = "/api/integration/v1", "/api/integration/v2"
USERS, QUEUES, RING_GROUPS = f"{V2}/get-user-calls", f"{V2}/get-queue-calls", f"{V2}/get-ringgroup-calls"

STAFF = (
    Employee(id=1, name="Mia Tran", extension="2041"),
    Employee(id=2, name="Leo Park", extension="2042"),
)
LINES = (Line(id=1, number=LINE, name="Main"),)
GROUPS = (Group(id=1, name="Reception", kind=GroupKind.QUEUE, extensions=("2041", "2042")),)


def at(time: str) -> datetime:
    """Give a time of the day of the samples: `01:14:09`."""
    return datetime.fromisoformat(f"2026-03-02T{time}+00:00")


def leg(extension: str, rang: str, answered: str | None = None, *, ended: str, **more: Any) -> Leg:
    talk = round((at(ended) - at(answered)).total_seconds()) if answered else None
    given = {
        "state": LegState.ENDED,
        "ringing_at": at(rang),
        "answered_at": at(answered) if answered else None,
        "ended_at": at(ended),
        "disposition": Disposition.ANSWERED if answered else Disposition.MISSED,
        "talk_seconds": talk,
    }
    return Leg(extension=extension, **{**given, **more})


def call(call_id: str, started: str, *legs: Leg, **more: Any) -> Call:
    """Make an ended call; its outcome is that of the legs."""
    answered = next((one for one in legs if one.answered_at is not None), None)
    ended_at = max((one.ended_at for one in legs if one.ended_at), default=at(started))
    until = answered.answered_at if answered and answered.answered_at else ended_at
    given = {
        "direction": Direction.INBOUND,
        "number": CALLER,
        "did": LINE,
        "phase": Phase.FINAL,
        "disposition": Disposition.ANSWERED if answered else Disposition.MISSED,
        "extension": (answered or legs[-1]).extension if legs else None,
        "ring_seconds": round((until - at(started)).total_seconds()),
        "talk_seconds": sum(one.talk_seconds or 0 for one in legs),
        "answered_at": answered.answered_at if answered else None,
        "ended_at": ended_at,
    }
    return Call(
        id=f"our-{call_id}",
        connection_id="p1",
        call_id=call_id,
        shared_id=call_id,
        recording_token=f"token-{call_id}",
        started_at=at(started),
        legs=legs,
        **{**given, **more},
    )


ANSWERED = call(
    "177241404931",
    "01:14:02",
    leg("2041", "01:14:09", "01:14:17", ended="01:15:44"),
    contact_name="Orchard Dental",
    group="Reception",
    group_kind=GroupKind.QUEUE,
)
MISSED = call("177241380212", "01:10:02", leg("2042", "01:10:02", ended="01:10:23"))
OUTBOUND = call(
    "177241366005",
    "01:07:40",
    leg("2041", "01:07:40", "01:07:52", ended="01:08:24"),
    direction=Direction.OUTBOUND,
    number=ABROAD,
)
SAMPLES = (ANSWERED, MISSED, OUTBOUND)


def link(
    settings: Mapping[str, str] | None = None,
    *,
    http: HttpPort | None = None,
    state: Mapping[str, Any] | None = None,
) -> Link:
    """A connection to a CRM with the defaults of the manifest; without `http` nothing can be sent."""
    defaults = {one.name: one.default for one in SIDE.fields}
    return Link(
        id="c1",
        account_id=1,
        kind="voipcloud",
        role=SIDE.role,
        name="CRM",
        settings={**defaults, "region": "AU", "token": "office-secret", **(settings or {})},
        keys={},
        urls={},
        public_url=PUBLIC_URL,
        state=state or {},
        http=http or NoNet(),
    )


def hub(
    at_link: Link | None = None,
    *,
    lines: Sequence[Line] = LINES,
    on_dial: OnDial = nobody_dials,
) -> PlayedHub:
    return PlayedHub(
        link=at_link or link(),
        clock=SystemClock(),
        people=PlayedBook(staff=STAFF, known=(), outside=lines, teams=GROUPS),
        listener=lambda call, changes: None,
        on_dial=on_dial,
    )


def api(*calls: Call, on_dial: OnDial = nobody_dials, zone: str = "UTC") -> PlayedApi:
    played = hub(on_dial=on_dial)
    played.ledger.calls |= {one.id: one for one in calls}
    return PlayedApi(api=API, hub=played, key=KEY, zone=zone)


def get(path: str, query: str = "", **headers: str) -> Request:
    return Request(method="GET", path=path, raw_query=query, headers={"token": KEY, **headers})


async def rows(path: str = USERS, query: str = "", *calls: Call) -> list[dict[str, Any]]:
    """Ask for a history of these calls, or of the samples."""
    reply = await api(*(calls or SAMPLES)).answer(get(path, query))
    assert reply.status == 200, reply.body
    return read_as_loose(reply.body)


def many_calls(count: int) -> list[Call]:
    """Calls a second apart, each with one user."""
    made: list[Call] = []
    for index in range(count):
        began_at = DAY + timedelta(seconds=index)
        one = Leg(
            extension="2041",
            state=LegState.ENDED,
            ringing_at=began_at,
            ended_at=began_at + timedelta(seconds=5),
            disposition=Disposition.MISSED,
        )
        made.append(
            Call(
                id=f"our-{index:06}",
                connection_id="p1",
                call_id=str(10_000 + index),
                shared_id=str(10_000 + index),
                recording_token=f"t{index}",
                started_at=began_at,
                direction=Direction.INBOUND,
                number=CALLER,
                did=LINE,
                legs=(one,),
                phase=Phase.FINAL,
                disposition=Disposition.MISSED,
                extension="2041",
                ring_seconds=5,
                talk_seconds=0,
                ended_at=began_at + timedelta(seconds=5),
            )
        )
    return made


def rang(extension: str, **more: Any) -> Change:
    return Change(kind=ChangeKind.LEG_RINGING, at=at("01:14:09"), extensions=(extension,), **more)


def answered(extension: str) -> Change:
    return Change(kind=ChangeKind.LEG_ANSWERED, at=at("01:14:17"), extensions=(extension,))


def ended(extension: str, disposition: Disposition = Disposition.ANSWERED) -> Change:
    return Change(
        kind=ChangeKind.LEG_ENDED, at=at("01:15:44"), extensions=(extension,), disposition=disposition
    )


def recorded(extension: str = "", index: int = 0) -> Change:
    extensions = (extension,) if extension else ()
    return Change(kind=ChangeKind.RECORDING_READY, at=at("01:16:00"), extensions=extensions, recording=index)


FINAL = Change(kind=ChangeKind.CALL_FINAL, at=at("01:15:44"), extensions=("2041",))
