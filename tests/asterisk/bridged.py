"""A company around one hub: real PBXs that it is linked to, and played CRMs that hear of their calls."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from switchhook.app.hub import open_hub
from switchhook.connectors import discover
from switchhook.core.call import Call, CallEvent, CallReport, Happening, News, Phase, ReportOf
from switchhook.core.connector import HttpPort
from switchhook.core.directory import Availability, Contact, Employee, GroupKind
from switchhook.core.numeric_id import numeric_id
from switchhook.flow.configure import Configured, change_connection, create_connection
from switchhook.net.http import HttpClient
from switchhook.settings import read_place
from switchhook.sim.book import PlayedBook
from switchhook.sim.crm import PlayedCrm
from switchhook.sim.settings import part_of
from switchhook.store import Store, calls, delivery_log
from switchhook.store.api_keys import add_api_key
from switchhook.store.contacts import add_contact
from switchhook.store.delivery_log import Delivery
from switchhook.store.employees import add_employee, set_availability
from switchhook.store.groups import add_group
from switchhook.store.lines import add_line
from switchhook.store.link_leases import LinkLease, get_link
from switchhook.store.secrets import SecretBox
from tests.asterisk.configuration import PHONES, Outbound
from tests.asterisk.server import AsteriskServer
from tests.connectors.webhook.receiver import Got, Receiver, receiving

# On the wall: only a broken hub takes so long.
PATIENCE_SECONDS = 30.0
CRMS = ("planfix", "retailcrm", "voipcloud")
STAFF = tuple(
    Employee(id=index, name=name, extension=extension, email=f"p{extension}@office.example")
    for index, (extension, name) in enumerate(dict(PHONES.values()).items(), start=1)
)


class Desk(Protocol):
    """An open store and one account in it."""

    @property
    def store(self) -> Store: ...
    @property
    def box(self) -> SecretBox: ...
    @property
    def account_id(self) -> int: ...


@dataclass(kw_only=True)
class Company:
    """What is connected with one hub, by name."""

    desk: Desk
    public_url: str
    http: HttpPort
    stack: AsyncExitStack
    crms: dict[str, PlayedCrm] = field(default_factory=dict)
    hooks: dict[str, Receiver] = field(default_factory=dict)
    connections: dict[str, Configured] = field(default_factory=dict)
    api_key: str = ""

    async def fill_book(self, contacts: Sequence[Contact] = ()) -> None:
        """Write down who works here and who calls."""
        store, account_id = self.desk.store, self.desk.account_id
        for one in STAFF:
            await store.write(
                add_employee, account_id, name=one.name, extension=one.extension, email=one.email
            )
        for contact in contacts:
            await self.add_contact(contact)

    async def add_contact(self, contact: Contact) -> None:
        """Add somebody who calls to the address book."""
        await self.desk.store.write(
            add_contact,
            self.desk.account_id,
            name=contact.name,
            phones=contact.phones,
            responsible=contact.responsible,
        )

    async def add_line(self, number: str, kind: GroupKind, *extensions: str) -> None:
        """Add a number of ours, and the group that it rings."""
        store, account_id = self.desk.store, self.desk.account_id
        group = f"Group of {number}"
        await store.write(add_group, account_id, name=group, kind=kind, extensions=extensions)
        await store.write(add_line, account_id, number=number, name=f"Line {number}", group=group)

    async def set_status(self, extension: str, availability: Availability) -> None:
        await self.desk.store.write(set_availability, self.desk.account_id, extension, availability)

    async def add_crm(self, name: str, kind: str, **settings: str) -> PlayedCrm:
        """Start a played CRM and connect it, as its administrator would."""
        told = {}
        if kind == "voipcloud":
            key = await self.make_api_key(name)
            told = {"url": self.public_url, "token": key, "region": "RU", "poll_every_seconds": "0"}
        part = part_of("crm", kind, url=None, given=told)
        crm = PlayedCrm(part, self.http, name=f"c-{name}", people=PlayedBook(staff=STAFF, known=()))
        self.crms[name] = await self.stack.enter_async_context(crm)
        mine = {
            "planfix": {
                "planfix_url": f"{crm.url}/tel/api",
                "planfix_token": part.keys.get("planfix_token", ""),
            },
            "retailcrm": {"url": crm.url, "api_key": part.keys.get("api_key", ""), "code": "hub"},
            "voipcloud": {"url": f"{crm.url}/webhooks", "token": part.keys.get("webhook_token", "")},
        }[kind]
        made = await self._connect(name, kind, "crm", {**mine, **settings})
        if kind == "planfix":
            await crm.hub.pair(settings={"pbx_url": made.urls["pbx"], "pbx_token": made.keys["token"]})
        return crm

    async def add_hook(self, name: str, **settings: str) -> Receiver:
        """Start a receiver of signed webhooks and connect it."""
        receiver = await self.stack.enter_async_context(receiving())
        self.hooks[name] = receiver
        await self._connect(name, "webhook", "crm", {"url": receiver.url, **settings})
        return receiver

    async def add_pbx(self, name: str, settings: Mapping[str, str]) -> Configured:
        """Connect an Asterisk; `settings_for` has most of what that needs."""
        return await self._connect(name, "asterisk", "pbx", settings)

    def way_in(self, name: str, pbx: AsteriskServer, *, app: str = "switchhook") -> Outbound:
        """Give what a PBX of mode ari-inbound has to know to connect to the hub."""
        made = self.connections[name]
        return Outbound(
            url=made.urls["ari"].replace("http://", "ws://"),
            user=pbx.user,
            password=made.keys["password"],
            app=app,
        )

    async def change_pbx(self, name: str, settings: Mapping[str, str]) -> None:
        """Change settings of a connection, as its administrator would."""
        desk = self.desk
        await change_connection(
            desk.store, desk.box, discover(), desk.account_id, self.connections[name].id, settings
        )

    async def until_up(self, *names: str, epoch: int = 0) -> None:
        """Wait until the links to these PBXs are up, since that epoch at least."""
        for name in names:
            await until(partial(self._is_up, name, epoch), what=f"link {name} is up")

    async def link(self, name: str) -> LinkLease | None:
        """Tell who holds the link to a PBX."""
        return await self.desk.store.read(get_link, self.desk.account_id, self.connections[name].id)

    async def _is_up(self, name: str, epoch: int) -> bool:
        lease = await self.link(name)
        return lease is not None and lease.what is not None and lease.epoch >= epoch

    async def until_paired(self) -> None:
        """Wait until those CRMs that want to be told about the hub know it."""
        for crm in self.crms.values():
            if crm.part.connector.key == "retailcrm":
                await until(partial(_is_paired, crm), what="retailCRM is paired")

    async def calls(self, pbx: str = "") -> list[Call]:
        """Give the hub's calls, of one PBX or all, oldest first."""
        page = await self.desk.store.read(calls.page, self.desk.account_id, limit=500)
        mine = self.connections[pbx].id if pbx else ""
        return [one for one in reversed(page.calls) if mine in ("", one.connection_id)]

    async def call_of(self, number: str, pbx: str = "") -> Call | None:
        """Give the one call with that number; None while there is none."""
        found = [one for one in await self.calls(pbx) if one.number.lstrip("+") == number]
        assert len(found) < 2, found
        return found[0] if found else None

    async def until_call(
        self,
        number: str,
        pbx: str = "",
        *,
        so: Callable[[Call], object] = lambda call: call.phase is Phase.FINAL,
        seconds: float = PATIENCE_SECONDS,
    ) -> Call:
        """Wait for the one call of that number to be so; over, if nothing else is said."""
        last: list[Call | None] = [None]

        async def is_so() -> bool:
            last[0] = await self.call_of(number, pbx)
            return last[0] is not None and bool(so(last[0]))

        await until(is_so, seconds, what=lambda: f"call of {number}: {last[0]}")
        assert last[0] is not None
        return last[0]

    async def deliveries(self, call: Call) -> list[Delivery]:
        """Give what was or will be told of a call."""
        return await self.desk.store.read(delivery_log.of_call, self.desk.account_id, call.id)

    async def until_told(self, *told_of: Call) -> None:
        """Wait until nothing of these calls waits to be told."""
        for call in told_of:

            async def is_told(call: Call = call) -> bool:
                return all(one.settled_at is not None for one in await self.deliveries(call))

            await until(is_told, what=f"everything is told of {call.number}")

    def id_at(self, crm: str, call: Call) -> str:
        """Give the id by which a CRM knows a call."""
        is_cloud = self.crms[crm].part.connector.key == "voipcloud"
        return numeric_id(call) if is_cloud else call.shared_id

    def at(self, crm: str, call: Call) -> Call:
        """Give what a CRM made of a call."""
        return self.crms[crm].hub.ledger.calls[self.id_at(crm, call)]

    def news_at(self, crm: str, call: Call) -> list[News]:
        """Give what a CRM heard of a call, in order."""
        call_id = self.id_at(crm, call)
        return [one for one in self.crms[crm].hub.ledger.news if one.call_id == call_id]

    def cards_at(self, crm: str, call: Call) -> dict[str, list[str]]:
        """Give what each employee's card was told at a CRM, in order."""
        told: dict[str, list[str]] = {}
        for one in self.news_at(crm, call):
            for extension, step in _steps(one):
                told.setdefault(extension, []).append(step)
        return told

    def hooked(self, name: str, call: Call) -> list[Any]:
        """Give the events of a call at a receiver of webhooks, in order; all of them are rightly signed."""
        secret = self.connections[name].keys["secret"]
        mine = [one for one in self.hooks[name].got if _is_of(one, call)]
        for one in mine:
            one.verify(secret)
        return [one.event for one in mine]

    async def ask_api(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Ask the hub's REST API."""
        answer = await self.http.send(
            method,
            f"{self.public_url}/api/v1{path}",
            json=None if body is None else json.dumps(body).encode(),
            headers={"authorization": f"Bearer {self.api_key}"},
        )
        return answer.status, json.loads(answer.body or b"null")

    async def make_api_key(self, name: str) -> str:
        """Make a key of the hub's own API, with which `ask_api` asks from now on."""
        desk = self.desk
        _, key = await desk.store.write(
            add_api_key, desk.account_id, desk.box, name=name, at=datetime.now(UTC), allow=("127.0.0.1",)
        )
        self.api_key = key
        return key

    async def _connect(self, name: str, kind: str, role: str, settings: Mapping[str, str]) -> Configured:
        desk = self.desk
        made = await create_connection(
            desk.store,
            desk.box,
            discover(),
            desk.account_id,
            kind=kind,
            role=role,
            name=name,
            settings={**settings, "allow_private": "true"},
            at=datetime.now(UTC),
        )
        self.connections[name] = made
        return made


def settings_for(pbx: AsteriskServer, way: str, **more: str) -> dict[str, str]:
    """Give what an administrator enters for a link of that way."""
    reach = {
        "ari": {"mode": "ari", "url": f"http://{pbx.host}:{pbx.ports.http}"},
        "ari-inbound": {"mode": "ari-inbound", "url": f"http://{pbx.host}:{pbx.ports.http}"},
        "ami": {"mode": "ami", "host": pbx.host, "port": str(pbx.ami_port)},
    }[way]
    return reach | {"user": pbx.user, "password": pbx.secret} | more


@asynccontextmanager
async def company(folder: Path, *, contacts: Sequence[Contact] = ()) -> AsyncIterator[Company]:
    """Run a hub with a filled address book; nobody is connected yet."""
    place = read_place(folder, environ={}, given={"port": 0})
    async with AsyncExitStack() as stack:
        http = (await stack.enter_async_context(HttpClient())).granted(allow_private=True)
        ready = await stack.enter_async_context(open_hub(place))
        # Played parties end before the hub does.
        parties = await stack.enter_async_context(AsyncExitStack())
        made = Company(desk=ready.desk, public_url=ready.public_url, http=http, stack=parties)
        await made.fill_book(contacts)
        yield made


async def until(
    is_so: Callable[[], object | Awaitable[object]],
    seconds: float = PATIENCE_SECONDS,
    *,
    what: str | Callable[[], str] = "it",
) -> None:
    """Wait in real time until something holds. Raises: AssertionError: it never does."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while True:
        answer = is_so()
        if isinstance(answer, Awaitable):
            answer = await answer
        if answer:
            return
        assert loop.time() < end, f"not within {seconds:g} s: {what if isinstance(what, str) else what()}"
        await asyncio.sleep(0.03)


def _is_paired(crm: PlayedCrm) -> bool:
    return "modules" in crm.hub.link.state


def _steps(news: News) -> list[tuple[str, str]]:
    """Say whose cards are told what. Some hang-ups name them all; some ends are reports of a leg."""
    match news:
        case CallReport(of=ReportOf.LEG, extension=str(extension)):
            return [(extension, Happening.ENDED.value)]
        case CallEvent(happening=Happening.RINGING | Happening.ANSWERED | Happening.ENDED as step):
            named = [news.extension] if news.extension else json.loads(news.as_sent.get("codes", "[]"))
            return [(extension, step.value) for extension in named]
        case _:
            return []


def _is_of(got: Got, call: Call) -> bool:
    return bool(got.event["data"].get("id") == call.id or got.event["data"].get("call_id") == call.shared_id)
