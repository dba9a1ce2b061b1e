"""A hub that keeps what it hears and answers as told, and the links that go with it."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from switchhook.connectors.planfix import CONNECTOR
from switchhook.core.call import Call, CallEvent, News
from switchhook.core.connector import Answer, Book, Download, HttpPort, Link, Role
from switchhook.core.directory import Availability, Caller, Contact, Employee, Group, Line
from switchhook.core.errors import HubError, PeerDown
from switchhook.net.http import HttpClient
from tests.connectors.planfix.sent import PBX_KEY, PLANFIX_KEY

PUBLIC_URL = "https://hub.example.test"


class NoNet:
    """For tests in which nothing may be sent."""

    async def send(
        self,
        method: str,
        url: str,
        *,
        form: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        json: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        connect_seconds: float = 3,
        total_seconds: float = 10,
    ) -> Answer:
        raise PeerDown(f"{url} cannot be found")

    def download(
        self, url: str, *, max_bytes: int, total_seconds: float, headers: Mapping[str, str] | None = None
    ) -> AbstractAsyncContextManager[Download]:
        raise PeerDown(f"{url} cannot be found")


@asynccontextmanager
async def real_net() -> AsyncIterator[HttpPort]:
    async with HttpClient() as client:
        yield client.granted(allow_private=True)


def link_to(
    role: Role,
    settings: Mapping[str, str] | None = None,
    *,
    http: HttpPort | None = None,
    state: Mapping[str, Any] | None = None,
) -> Link:
    side = CONNECTOR.sides[role]
    key = {Role.PBX: ("planfix_token", PLANFIX_KEY), Role.CRM: ("token", PBX_KEY)}[role]
    prefix = f"{PUBLIC_URL}/x/k1"
    return Link(
        id="c1",
        account_id=1,
        kind="planfix",
        role=role,
        name="Office",
        settings={f.name: f.default for f in side.fields} | dict(settings or {}),
        keys=dict([key]),
        urls={name: prefix + path for name, path in side.urls.items()},
        public_url=PUBLIC_URL,
        state=state or {},
        http=http or NoNet(),
    )


@dataclass
class ScriptedBook:
    staff: Sequence[Employee] = ()

    async def employees(self) -> Sequence[Employee]:
        return self.staff

    async def lines(self) -> Sequence[Line]:
        return ()

    async def groups(self) -> Sequence[Group]:
        return ()

    async def contact(self, number: str) -> Contact | None:
        return None

    async def learn_employees(self, employees: Sequence[Employee]) -> None:
        self.staff = (*self.staff, *employees)


@dataclass
class ScriptedHub:
    """`fails` is raised by whatever is asked; `hangs` makes a lookup and a click wait for ever."""

    link: Link | None = None
    callers: Mapping[str, Caller] = field(default_factory=dict)
    staff: Sequence[Employee] = ()
    fails: Exception | None = None
    hangs: bool = False
    heard: list[News] = field(default_factory=list)
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    dialled: list[tuple[str, str]] = field(default_factory=list)
    paired: list[Mapping[str, Any]] = field(default_factory=list)

    @property
    def events(self) -> list[CallEvent]:
        return [news for news in self.heard if isinstance(news, CallEvent)]

    async def accept(self, news: Sequence[News]) -> None:
        self._maybe_fail()
        self.heard.extend(news)

    async def history(self, call_ids: Sequence[str]) -> Mapping[str, Call]:
        return {}

    async def who_is(self, number: str, *, call_id: str | None = None, did: str | None = None) -> Caller:
        self.asked.append((number, call_id))
        await self._maybe_hang()
        self._maybe_fail()
        return self.callers.get(number, Caller(number=number))

    async def dial(self, extension: str, number: str, *, did: str | None = None) -> str:
        await self._maybe_hang()
        self._maybe_fail()
        self.dialled.append((extension, number))
        return "d1"

    async def set_presence(self, extension: str, availability: Availability) -> None:
        raise HubError("not part of this protocol")

    async def ask_link(self, verb: str, body: Mapping[str, Any], *, seconds: float = 10) -> None:
        raise AssertionError("this protocol holds no link")

    async def pair(
        self, *, settings: Mapping[str, str] | None = None, state: Mapping[str, Any] | None = None
    ) -> Link:
        self._maybe_fail()
        assert self.link is not None
        self.link = replace(
            self.link,
            settings={**self.link.settings, **(settings or {})},
            state={**self.link.state, **(state or {})},
        )
        self.paired.append({**(settings or {}), **(state or {})})
        return self.link

    @property
    def book(self) -> Book:
        return ScriptedBook(self.staff)

    async def _maybe_hang(self) -> None:
        if self.hangs:
            await asyncio.Event().wait()

    def _maybe_fail(self) -> None:
        if self.fails is not None:
            raise self.fails
