"""A hub for one connection: the real fold and a scripted address book, no store and no lanes."""

import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from switchhook.connectors.retailcrm import CONNECTOR
from switchhook.core.call import Call, CallEvent, CallReport, Change, News
from switchhook.core.connector import Answer, Download, HttpPort, Link, Role
from switchhook.core.directory import (
    Availability,
    Caller,
    Contact,
    Employee,
    Group,
    Line,
)
from switchhook.core.errors import PeerDown
from switchhook.core.fold import Birth, fold

API_KEY = "k-5f0c"
CLIENT_ID = "c0ffee42"
PUBLIC_URL = "https://hub.example"
NOW = datetime(2026, 3, 4, 7, 15, 30, tzinfo=UTC)

VERA = Employee(id=17, name="Vera Orlova", extension="204", email="vera@shop.example")
IGOR = Employee(id=18, name="Igor Belov", extension="205", email="igor@shop.example")
IVAN = Contact(
    id=5120, name="Ivan Petrov", phones=("+79261234567",), responsible="204", email="ivan@mail.example"
)


@dataclass
class ScriptedBook:
    people: list[Employee] = field(default_factory=lambda: [VERA, IGOR])
    numbers: list[Line] = field(default_factory=list)
    learned: list[Employee] = field(default_factory=list)

    async def employees(self) -> Sequence[Employee]:
        return self.people

    async def lines(self) -> Sequence[Line]:
        return self.numbers

    async def groups(self) -> Sequence[Group]:
        return ()

    async def contact(self, number: str) -> Contact | None:
        return None

    async def learn_employees(self, employees: Sequence[Employee]) -> None:
        known = {each.extension for each in self.people}
        self.learned += [each for each in employees if each.extension not in known]


@dataclass
class ScriptedHub:
    """Remembers what it was told. An exception in `refuses` is raised by whatever is asked next."""

    link: Link
    book: ScriptedBook = field(default_factory=ScriptedBook)
    callers: dict[str, Caller] = field(default_factory=dict)
    news: list[News] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    calls: dict[str, Call] = field(default_factory=dict)
    dialled: list[tuple[str, str, str | None]] = field(default_factory=list)
    presences: list[tuple[str, Availability]] = field(default_factory=list)
    refuses: list[Exception] = field(default_factory=list)
    now: datetime = NOW

    async def accept(self, news: Sequence[News]) -> None:
        self._refuse()
        for each in news:
            self.news.append(each)
            self._fold(each)

    async def history(self, call_ids: Sequence[str]) -> Mapping[str, Call]:
        return {call_id: self.calls[call_id] for call_id in call_ids if call_id in self.calls}

    async def who_is(self, number: str, *, call_id: str | None = None, did: str | None = None) -> Caller:
        return self.callers.get(number, Caller(number=number))

    async def dial(self, extension: str, number: str, *, did: str | None = None) -> str:
        self._refuse()
        self.dialled.append((extension, number, did))
        return "order-1"

    async def set_presence(self, extension: str, availability: Availability) -> None:
        self._refuse()
        self.presences.append((extension, availability))

    async def ask_link(self, verb: str, body: Mapping[str, Any], *, seconds: float = 10) -> None:
        raise AssertionError("this protocol holds no link")

    async def pair(
        self, *, settings: Mapping[str, str] | None = None, state: Mapping[str, Any] | None = None
    ) -> Link:
        self.link = replace(
            self.link,
            settings={**self.link.settings, **(settings or {})},
            # A store keeps JSON values, so this one does not keep tuples either.
            state=json.loads(json.dumps({**self.link.state, **(state or {})})),
        )
        return self.link

    def _fold(self, news: News) -> None:
        self.now += timedelta(seconds=1)
        call_id = news.call_id or "without id"
        birth = Birth(
            id=f"call-{call_id}",
            connection_id="c1",
            shared_id=call_id,
            recording_token="t0ken",
            call_id=call_id,
        )
        call, changes = fold(self.calls.get(call_id), news, at=self.now, birth=birth)
        self.calls[call_id] = call
        self.changes += changes

    def _refuse(self) -> None:
        if self.refuses:
            raise self.refuses.pop(0)

    @property
    def events(self) -> list[CallEvent]:
        return [each for each in self.news if isinstance(each, CallEvent)]

    @property
    def reports(self) -> list[CallReport]:
        return [each for each in self.news if isinstance(each, CallReport)]


class Nobody:
    """The way out of a test that sends nothing."""

    async def send(self, method: str, url: str, **_: Any) -> Answer:
        raise PeerDown(f"nobody listens at {url}")

    def download(self, url: str, **_: Any) -> AbstractAsyncContextManager[Download]:
        raise PeerDown(f"nobody listens at {url}")


def make_link(
    role: Role,
    *,
    settings: Mapping[str, str] | None = None,
    state: Mapping[str, Any] | None = None,
    http: HttpPort | None = None,
    public_url: str = PUBLIC_URL,
) -> Link:
    """A connection with the defaults of the manifest; without `http` nothing can be sent."""
    side = CONNECTOR.sides[role]
    defaults = {each.name: each.default for each in side.fields}
    prefix = f"{public_url}/x/abc"
    return Link(
        id="c1",
        account_id=1,
        kind="retailcrm",
        role=role,
        name="Shop",
        settings={**defaults, **(settings or {})},
        keys={"api_key": API_KEY} if role is Role.PBX else {"client_id": CLIENT_ID},
        urls={name: prefix + path for name, path in side.urls.items()},
        public_url=public_url,
        state=state or {},
        http=http or Nobody(),
    )


def module_state(**telephony: Any) -> dict[str, Any]:
    """An active module of a PBX that maps Vera and Igor, as the registration would have stored it."""
    codes = [{"user_id": 17, "code": "204"}, {"user_id": 18, "code": "205"}]
    module = {
        "code": "acme-pbx",
        "integration_code": "acme-pbx",
        "client_id": CLIENT_ID,
        "has_telephony": True,
        "codes": codes,
        "phones": [{"site": "main", "phone": "+74951112233"}],
        **telephony,
    }
    return {"modules": {"acme-pbx": module}}


def roster_state(**members: Any) -> dict[str, Any]:
    """What the registration at an account leaves behind."""
    codes = [{"user_id": 17, "code": "204"}, {"user_id": 18, "code": "205"}]
    return {"is_registered": True, "codes": codes, "client_id": CLIENT_ID, **members}


def pbx_hub(*, is_registered: bool = True, **link: Any) -> ScriptedHub:
    """The hub as retailCRM, with a PBX at the other end."""
    state = module_state() if is_registered else {}
    return ScriptedHub(make_link(Role.PBX, **{"state": state, **link}))


def crm_hub(**link: Any) -> ScriptedHub:
    """The hub as a PBX, with an account at the other end."""
    settings = {"url": "https://shop.example", "api_key": API_KEY, "code": "switchhook"}
    given = link.pop("settings", {})
    return ScriptedHub(
        make_link(Role.CRM, **{"settings": {**settings, **given}, "state": roster_state(), **link})
    )
