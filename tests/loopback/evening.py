"""One evening on one hub: every scenario from every PBX at once, and what each CRM heard of it."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from dataclasses import replace as replaced
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from switchhook.app.hub import Ready, open_hub
from switchhook.core.call import Call, News, Phase
from switchhook.core.connector import HttpPort
from switchhook.core.directory import Availability
from switchhook.core.errors import HubError
from switchhook.core.numeric_id import numeric_id
from switchhook.flow.configure import Configured, change_connection, create_connection
from switchhook.net.http import HttpClient
from switchhook.net.server import uvloop_factory
from switchhook.settings import read_place
from switchhook.sim.crm import Fetched, PlayedCrm
from switchhook.sim.pbx import Played, PlayedPbx
from switchhook.sim.scenarios import PLAIN, SCENARIOS, Cast
from switchhook.sim.settings import Part, part_of
from switchhook.sim.stage import Question, tell_status
from switchhook.sim.wires import CLEAN, SLOPPY
from switchhook.store import calls, delivery_log
from switchhook.store.api_keys import add_api_key
from switchhook.store.contacts import add_contact
from switchhook.store.delivery_log import Delivery
from switchhook.store.employees import add_employee
from tests.loopback.clock import PatientClock
from tests.loopback.company import EVERYBODY, OURS, OWN_NUMBER, connectors, headquarters, office
from tests.servers.ports import free_port

KINDS = ("planfix", "retailcrm", "voipcloud")
# These PBXs ask who is calling, and these CRMs answer.
ASKING = ("planfix", "retailcrm")
SPEED = 20.0
# Calls begin one after another, so that a loaded machine has no more at once than an office has.
GAP_SECONDS = 1.5
SLOPPY_CALLS = 6
# A running hub takes changes of connections up within a second; the commit takes its time on any clock.
TAKEN_UP_SECONDS = 20.0
# On the wall: only a broken hub takes so long.
PATIENCE_SECONDS = 60.0
IS_BUSY, IS_AT_DINNER = "201", "202"
CLICKED = "+79165550170"
# Of the API of the played PBX of the VoIPcloud family.
CLOUD_KEY = "k" * 48


@dataclass(kw_only=True)
class Heard:
    """What one CRM heard."""

    calls: Mapping[str, Call]
    news: Sequence[News]
    recordings: Mapping[str, Sequence[Fetched]]
    questions: Sequence[Question]

    def news_of(self, call_id: str) -> list[News]:
        return [one for one in self.news if one.call_id == call_id]


@dataclass(kw_only=True)
class Evening:
    """Everything that can be known of it afterwards."""

    public_url: str = ""
    played: dict[tuple[str, str], Played] = field(default_factory=dict)  # by PBX kind and scenario
    sloppy: dict[str, list[Played]] = field(default_factory=dict)
    clicked: dict[tuple[str, str], Played] = field(default_factory=dict)  # by CRM kind and PBX kind
    from_own_number: Played | None = None
    recorded: dict[str, bytes] = field(default_factory=dict)  # by call id, as the PBX keeps it
    heard: dict[str, Heard] = field(default_factory=dict)  # by CRM
    statuses: dict[str, list[tuple[str, Availability]]] = field(default_factory=dict)  # as heard there
    hub_calls: dict[str, Call] = field(default_factory=dict)  # by the PBX's id
    deliveries: dict[str, list[Delivery]] = field(default_factory=dict)  # by our id of the call
    connections: dict[str, str] = field(default_factory=dict)  # id by name
    api_key: str = ""  # of the hub's own API, from this machine
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)  # of that API's histories, by name

    def at_hub(self, call: Call) -> Call:
        """Find what the hub made of a call that was played: some PBXs tell other systems an id of digits."""
        found = self.hub_calls.get(call.call_id) or self.hub_calls.get(numeric_id(call))
        assert found is not None, call.call_id
        return found

    def id_at(self, crm: str, call: Call) -> str:
        """Give the id by which a CRM knows a call that was played."""
        ours = self.at_hub(call)
        return numeric_id(ours) if crm == "voipcloud" else ours.shared_id

    def call_at(self, crm: str, call: Call) -> Call:
        return self.heard[crm].calls[self.id_at(crm, call)]

    def news_at(self, crm: str, call: Call) -> list[News]:
        return self.heard[crm].news_of(self.id_at(crm, call))


def play_evening(folder: Path, database_url: str | None) -> Evening:
    """Play it all on one store, in the loop that a hub runs in."""
    with asyncio.Runner(loop_factory=uvloop_factory()) as runner:
        return runner.run(_play(folder, database_url))


async def _play(folder: Path, database_url: str | None) -> Evening:
    clock = PatientClock(SPEED)
    given = {"port": 0, "database_url": database_url, "lookup_deadline_ms": 3000}
    place = read_place(folder, environ={}, given=given)
    async with AsyncExitStack() as stack:
        running = asyncio.create_task(clock.run())
        stack.callback(running.cancel)
        http = (await stack.enter_async_context(HttpClient())).granted(allow_private=True)
        ready = await stack.enter_async_context(open_hub(place, clock=clock, connectors=connectors(clock)))
        stage = _Stage(ready, http, clock, stack)
        await stage.set_up()
        await stage.play()
        return await stage.look_back()


class _Stage:
    def __init__(self, ready: Ready, http: HttpPort, clock: PatientClock, stack: AsyncExitStack) -> None:
        self.desk = ready.desk
        self.http = http
        self.clock = clock
        self.stack = stack
        self.connectors = connectors(clock)
        self.crms: dict[str, PlayedCrm] = {}
        self.pbxs: dict[str, PlayedPbx] = {}
        self.sloppy: dict[str, PlayedPbx] = {}
        self.evening = Evening(public_url=ready.public_url)

    async def set_up(self) -> None:
        store, account_id = self.desk.store, self.desk.account_id
        for one in EVERYBODY:
            await store.write(
                add_employee,
                account_id,
                name=one.name,
                extension=one.extension,
                email=one.email,
                numbers=one.numbers,
            )
        for contact in OURS:
            await store.write(
                add_contact,
                account_id,
                name=contact.name,
                phones=contact.phones,
                responsible=contact.responsible,
            )
        made = await store.write(
            add_api_key, account_id, self.desk.box, name="CRM", at=self.clock.now(), allow=("127.0.0.1",)
        )
        self.evening.api_key = made[1]
        port = free_port()
        known = {
            "planfix": {},
            "retailcrm": {},
            # This one has to be known before it plays: the hub reads its history.
            "voipcloud": {"url": f"http://127.0.0.1:{port}", "token": CLOUD_KEY, "region": "RU"},
        }
        known["voipcloud"]["extensions"] = ", ".join(one.extension for one in office("voipcloud").staff)
        given = {kind: await self._connect(kind, "pbx", f"{kind} pbx", known[kind]) for kind in KINDS}
        for kind in KINDS:
            await self._start_crm(kind, kind, {})
        # This one wants to hear of one PBX only.
        await self._start_crm("choosy", "planfix", {"calls_from": given["planfix"].id})
        await self._until(lambda: self.crms["retailcrm"].hub.link.state.get("modules"))
        for kind in KINDS:
            at_port = port if kind == "voipcloud" else 0
            self.pbxs[kind] = await self._start_pbx(kind, given[kind], f"p-{kind}", 1, port=at_port)
            self.sloppy[kind] = await self._start_pbx(kind, given[kind], f"s-{kind}", 2, is_sloppy=True)
        planfix = self.pbxs["planfix"]
        address = {
            "pbx_url": planfix.hub.link.urls["pbx"],
            "pbx_token": planfix.part.keys["token"],
            "extensions": ", ".join(one.extension for one in planfix.people.staff),
        }
        await change_connection(
            store, self.desk.box, self.connectors, account_id, given["planfix"].id, address
        )
        await self.clock.sleep(TAKEN_UP_SECONDS)

    async def play(self) -> None:
        await asyncio.gather(
            *(self._play_all(kind) for kind in KINDS),
            *(self._play_sloppy(kind) for kind in KINDS),
            self._click_all(),
            self._call_from_own_number(),
        )
        await self._change_statuses()
        await self._until(self._is_quiet)

    async def look_back(self) -> Evening:
        evening, store, account_id = self.evening, self.desk.store, self.desk.account_id
        for name, crm in self.crms.items():
            evening.heard[name] = Heard(
                calls=dict(crm.hub.ledger.calls),
                news=tuple(crm.hub.ledger.news),
                recordings={call_id: tuple(files) for call_id, files in crm.recordings.items()},
                questions=tuple(crm.hub.questions),
            )
        for pbx in (*self.pbxs.values(), *self.sloppy.values()):
            for call in pbx.hub.ledger.calls.values():
                body = pbx.recording_of(call)
                if body is not None:
                    evening.recorded[call.call_id] = body
        for name in ("get-user-calls", "get-ringgroup-calls", "get-queue-calls"):
            evening.rows[name] = await self._read_history(name)
        for call in (await store.read(calls.page, account_id, limit=500)).calls:
            evening.hub_calls[call.call_id] = call
            evening.deliveries[call.id] = await store.read(delivery_log.of_call, account_id, call.id)
        return evening

    async def _read_history(self, name: str) -> list[dict[str, Any]]:
        """Ask the hub's own API for one of its histories."""
        url = f"{self.evening.public_url}/api/integration/v2/{name}?limit=10"
        rows: list[dict[str, Any]] = []
        while url:
            answer = await self.http.send("GET", url, headers={"token": self.evening.api_key})
            assert answer.status == 200, answer.body
            rows += json.loads(answer.body)["data"]
            link = answer.headers.get("link", "")
            url = link[1 : link.index(">")] if link else ""
        return rows

    async def _start_crm(self, name: str, kind: str, settings: Mapping[str, str]) -> None:
        part = self._part("crm", kind, None, self._told_to(kind))
        crm = PlayedCrm(part, self.http, name=f"c-{name}", clock=self.clock, people=headquarters())
        self.crms[name] = await self.stack.enter_async_context(crm)
        mine = {
            "planfix": {
                "planfix_url": f"{crm.url}/tel/api",
                "planfix_token": part.keys.get("planfix_token", ""),
            },
            "retailcrm": {"url": crm.url, "api_key": part.keys.get("api_key", ""), "code": "hub"},
            "voipcloud": {"url": f"{crm.url}/webhooks", "token": part.keys.get("webhook_token", "")},
        }[kind]
        made = await self._connect(kind, "crm", name, {**mine, **settings})
        if kind == "planfix":
            await crm.hub.pair(settings={"pbx_url": made.urls["pbx"], "pbx_token": made.keys["token"]})

    def _told_to(self, kind: str) -> dict[str, str]:
        """Give what a played CRM has to know of the hub beforehand; its history is read when we say so."""
        if kind != "voipcloud":
            return {}
        address = {"url": self.evening.public_url, "token": self.evening.api_key}
        return {**address, "region": "RU", "poll_every_seconds": "0"}

    async def _start_pbx(
        self, kind: str, given: Configured, name: str, seed: int, *, port: int = 0, is_sloppy: bool = False
    ) -> PlayedPbx:
        url = given.urls[{"planfix": "api", "retailcrm": "base", "voipcloud": "webhooks"}[kind]]
        own = {"code": name} if kind == "retailcrm" else {}
        if kind == "voipcloud":
            own = {"api_key": CLOUD_KEY}
        part = self._part("pbx", kind, url, {**given.keys, **own})
        pbx = PlayedPbx(
            part,
            self.http,
            name=name,
            clock=self.clock,
            seed=seed,
            people=office(kind),
            port=port,
            faults=SLOPPY if is_sloppy else CLEAN,
        )
        await self.stack.enter_async_context(pbx)
        await self._until_paired(pbx)
        return pbx

    def _part(self, role: str, kind: str, url: str | None, given: Mapping[str, str]) -> Part:
        part = part_of(role, kind, url=url, given=given)
        return replaced(part, side=self.connectors[kind].sides[part.side.role])

    async def _connect(self, kind: str, role: str, name: str, settings: Mapping[str, str]) -> Configured:
        made = await create_connection(
            self.desk.store,
            self.desk.box,
            self.connectors,
            self.desk.account_id,
            kind=kind,
            role=role,
            name=name,
            settings={**settings, "allow_private": "true"},
            at=datetime.now(UTC),
        )
        self.evening.connections[name] = made.id
        return made

    async def _play_all(self, kind: str) -> None:
        pbx = self.pbxs[kind]
        casts = [pbx.cast() for _ in PLAIN]

        async def one(index: int) -> None:
            await self.clock.sleep(index * GAP_SECONDS)
            scenario = PLAIN[index]
            self.evening.played[kind, scenario.name] = await pbx.play(scenario, casts[index])

        await asyncio.gather(*(one(index) for index in range(len(PLAIN))))

    async def _play_sloppy(self, kind: str) -> None:
        pbx, scenario = self.sloppy[kind], SCENARIOS["sloppy"]
        casts = [pbx.cast() for _ in range(SLOPPY_CALLS)]

        async def one(cast: Cast, wait: float) -> Played:
            await self.clock.sleep(wait)
            return await pbx.play(scenario, cast)

        played = (one(cast, index * GAP_SECONDS) for index, cast in enumerate(casts))
        self.evening.sloppy[kind] = list(await asyncio.gather(*played))

    async def _click_all(self) -> None:
        for crm in KINDS:
            for kind, pbx in self.pbxs.items():
                await self.crms[crm].click(pbx.people.staff[3].extension, CLICKED)
                self.evening.clicked[crm, kind] = await pbx.next_click()

    async def _call_from_own_number(self) -> None:
        pbx = self.pbxs["planfix"]
        self.evening.from_own_number = await pbx.play(SCENARIOS["missed"], pbx.cast(number=OWN_NUMBER))

    async def _change_statuses(self) -> None:
        """One employee's status changes in the CRM, another one's at the PBX."""
        pbx, crm = self.pbxs["retailcrm"], self.crms["retailcrm"]
        await tell_status(crm.part.side, crm.hub, IS_BUSY, Availability.BUSY)
        await tell_status(pbx.part.side, pbx.hub, IS_AT_DINNER, Availability.DINNER)
        both = (pbx, self.sloppy["retailcrm"])
        await self._until(lambda: crm.hub.presences and any(one.hub.presences for one in both))
        self.evening.statuses = {
            "pbx": [heard for one in both for heard in one.hub.presences],
            "crm": list(crm.hub.presences),
        }

    def _is_quiet(self) -> bool:
        """Every call that a CRM heard of is over there, and every recording is fetched."""
        return all(
            call.phase is Phase.FINAL for crm in self.crms.values() for call in crm.hub.ledger.calls.values()
        ) and not any(crm.not_fetched for crm in self.crms.values())

    async def _until_paired(self, pbx: PlayedPbx) -> None:
        for _ in range(20):
            try:
                await pbx.pair()
                return
            except HubError:  # the hub takes the new connection up, but not at once
                await asyncio.sleep(0.2)
        raise TimeoutError(f"{pbx.name} and the hub do not find each other")

    async def _until(self, is_so: Callable[[], object]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not is_so():  # noqa: ASYNC110 - what is waited for happens in many places
                await asyncio.sleep(0.1)
