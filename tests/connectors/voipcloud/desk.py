"""A hub that keeps what it hears, the link to a PBX, and a played PBX that answers on loopback."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from switchhook.connectors.voipcloud.as_crm import SIDE
from switchhook.core.call import Call, CallEvent, CallReport, News, ReportOf
from switchhook.core.connector import Book, HttpPort, Link, Role
from switchhook.core.directory import Availability, Caller, Employee
from switchhook.core.edge import Reply, Request, reply_json
from switchhook.core.errors import HubError
from switchhook.net.http import HttpClient
from tests.connectors.planfix.hub import NoNet, ScriptedBook
from tests.connectors.planfix.peer import listening

TOKEN = "k_" + "4Qz" * 14  # the PBX's, which we present
WEBHOOK_TOKEN = "0f8fad5bd9cb469fa165f7086728950e"
PUBLIC_URL = "https://hub.example.test"
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def link_to(
    settings: Mapping[str, str] | None = None,
    *,
    http: HttpPort | None = None,
    state: Mapping[str, Any] | None = None,
    old_keys: Mapping[str, str] | None = None,
) -> Link:
    given = {"url": "https://au.pbx.example", "token": TOKEN, **(settings or {})}
    return Link(
        id="c-1",
        account_id=1,
        kind="voipcloud",
        role=Role.PBX,
        name="Office",
        settings={one.name: one.default for one in SIDE.fields} | given,
        keys={"webhook_token": WEBHOOK_TOKEN},
        urls={"webhooks": f"{PUBLIC_URL}/x/k1/webhooks"},
        public_url=PUBLIC_URL,
        state=state or {},
        http=http or NoNet(),
        old_keys=old_keys or {},
    )


@dataclass
class KeepingHub:
    """Keeps news and what is remembered. `fails` is raised by whatever is asked."""

    link: Link = field(default_factory=link_to)
    staff: Sequence[Employee] = ()
    fails: Exception | None = None
    news: list[News] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)

    async def accept(self, news: Sequence[News]) -> None:
        if self.fails is not None:
            raise self.fails
        self.news += news
        self.batches.append(len(news))

    async def history(self, call_ids: Sequence[str]) -> Mapping[str, Call]:
        return {}

    async def who_is(self, number: str, *, call_id: str | None = None, did: str | None = None) -> Caller:
        raise HubError("not part of this protocol")

    async def dial(self, extension: str, number: str, *, did: str | None = None) -> str:
        raise HubError("not part of this side")

    async def set_presence(self, extension: str, availability: Availability) -> None:
        raise HubError("not part of this protocol")

    async def ask_link(self, verb: str, body: Mapping[str, Any], *, seconds: float = 10) -> None:
        raise AssertionError("this protocol holds no link")

    async def pair(
        self, *, settings: Mapping[str, str] | None = None, state: Mapping[str, Any] | None = None
    ) -> Link:
        if self.fails is not None:
            raise self.fails
        # A store keeps JSON values, so this one keeps no others either.
        kept = msgspec.json.decode(msgspec.json.encode({**self.link.state, **(state or {})}))
        self.link = replace(self.link, state=kept)
        return self.link

    @property
    def book(self) -> Book:
        return ScriptedBook(self.staff)

    @property
    def reports(self) -> list[CallReport]:
        return [one for one in self.news if isinstance(one, CallReport)]

    @property
    def events(self) -> list[CallEvent]:
        return [one for one in self.news if isinstance(one, CallEvent)]


def shown(news: News) -> dict[str, Any]:
    """Give news as the golden files show them; the raw fields are in the body."""
    assert isinstance(news, CallEvent | CallReport)
    told: dict[str, Any] = msgspec.to_builtins(msgspec.structs.replace(news, as_sent={}))
    if isinstance(news, CallReport):
        return {"news": "report", **told, "of": ReportOf(told["of"]).name.lower()}
    return {"news": "event", **told}


@asynccontextmanager
async def real_net() -> AsyncIterator[HttpPort]:
    async with HttpClient() as client:
        yield client.granted(allow_private=True)


@dataclass
class HandClock:
    """Now, moved by hand."""

    at: datetime = NOW

    def __call__(self) -> datetime:
        return self.at

    def pass_time(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@dataclass
class PlayedPbx:
    """A PBX that answers its histories out of rows, as the documents say, and takes no wrong key.

    `orders` are the values of `sort_by` that it knows; it refuses or, when it `ignores` them, overlooks
    all others. `fails` answers instead of it while it is set.
    """

    rows: list[Any] = field(default_factory=list)
    group_rows: dict[str, list[Any]] = field(default_factory=dict)
    orders: tuple[str, ...] = ("newest_first", "oldest_first")
    ignores: bool = False
    fails: Reply | None = None
    asked: list[Request] = field(default_factory=list)
    url: str = ""

    async def answer(self, request: Request) -> Reply:
        await asyncio.sleep(0)
        self.asked.append(request)
        if self.fails is not None:
            return self.fails
        if request.headers.get("token") != TOKEN:
            return refusal(401, "Not authorised")
        method = request.path.rpartition("/")[2]
        rows = self.rows if method == "get-user-calls" else self.group_rows.get(method, [])
        order = request.query.get("sort_by", "newest_first")
        if order not in self.orders:
            if not self.ignores:
                return refusal(400, "sort_by is not known")
            order = "newest_first"
        chosen = [row for row in rows if _is_asked_for(row, request.query)]
        chosen.sort(key=lambda row: str(row["call_start_at"]), reverse=order == "newest_first")
        offset, limit = int(request.query.get("offset", 0)), int(request.query.get("limit", 100))
        data = chosen[offset : offset + limit]
        return reply_json(200, {"status": "success", "code": 200, "message": "success", "data": data})

    @property
    def queries(self) -> list[Mapping[str, str]]:
        return [request.query for request in self.asked]


@asynccontextmanager
async def pbx_on_loopback(pbx: PlayedPbx) -> AsyncIterator[PlayedPbx]:
    async with listening(pbx.answer) as peer:
        pbx.url = peer.url
        yield pbx


def refusal(status: int, message: str, **headers: str) -> Reply:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return reply_json(status, {"status": "error", "code": status, "message": message, "data": []}, names)


def _is_asked_for(row: Mapping[str, Any], query: Mapping[str, str]) -> bool:
    day = str(row["call_start_at"])[:10]
    return query.get("from_date", day) <= day <= query.get("to_date", day)


def row(call_id: str, begun: datetime, *, rings: int = 5, talk: int = 60, **more: Any) -> dict[str, Any]:
    """Make a row of the users' history: a call that came in and was answered."""
    iso: Callable[[datetime], str] = lambda at: at.strftime("%Y-%m-%dT%H:%M:%S.000Z")  # noqa: E731
    return {
        "unique_call_id": call_id,
        "type": "user_inbound_answered",
        "caller_id": "61299990011",
        "caller_name": "Orchard Dental",
        "dest_number": "61280001234",
        "user_name": "Mia Tran",
        "user_number": "2041",
        "call_start_at": iso(begun),
        "connected_at": iso(begun + timedelta(seconds=rings)),
        "call_duration": rings + talk,
        "conversation_duration": talk,
        **more,
    }
