"""A hub killed again and again under load: what it acknowledged is told, in order, and hardly twice."""

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from switchhook.app.desk import open_desk
from switchhook.connectors import discover
from switchhook.core.call import CallEvent, Happening
from switchhook.core.connector import HttpPort, Role
from switchhook.core.errors import PeerDown
from switchhook.flow.configure import create_connection
from switchhook.net.http import HttpClient
from switchhook.settings import read_place
from switchhook.sim.crm import PlayedCrm
from switchhook.sim.settings import part_of
from tests.servers.forked import Forked, fork
from tests.servers.ports import free_port
from tests.servers.postgres import PostgresMissing, PostgresServer

# Requests of the PBX at once, and of the hub to this CRM (Side.at_once).
PBX_AT_ONCE = 6
HUB_AT_ONCE = discover()["planfix"].sides[Role.CRM].at_once
# Between two kills; the hub is killed while it starts, too.
SHORTEST_LIFE, LONGEST_LIFE = 0.0, 0.7
READY_SECONDS = 30.0
# A lost answer is not waited for; a call goes on when the hub is back.
AGAIN_SECONDS = 0.05
# So that the hub tells as fast as it hears: Planfix is told 20 things a second at most, and a card that
# is 30 s late not at all.
STEP_SECONDS = 0.3
PATIENCE_SECONDS = 60.0

STEPS = (
    ({"event": "INCOMING"}, Happening.RINGING),
    ({"event": "ACCEPTED"}, Happening.ANSWERED),
    ({"event": "COMPLETED", "status": "Success", "duration": "7", "is_recorded": "0"}, Happening.ENDED),
)


@dataclass(kw_only=True)
class HubProcess:
    """`switchhook serve` as a process of its own."""

    folder: Path
    port: int
    database_url: str | None
    process: Forked | None = None

    async def start(self, *, waits: bool = True) -> None:
        environ = {**os.environ, "SWITCHHOOK_LOG_LEVEL": "error"}
        if self.database_url is not None:
            environ["SWITCHHOOK_DATABASE_URL"] = self.database_url
        place = ("--data", str(self.folder), "--port", str(self.port))
        self.process = fork("switchhook", "serve", *place, environ=environ)
        if waits:
            async with asyncio.timeout(READY_SECONDS):
                line = await self.process.line()
            assert line.startswith("listening on ")

    async def end(self, by: signal.Signals) -> None:
        process, self.process = self.process, None
        if process is not None:
            process.send_signal(by)
            await process.ended()
            process.close()


@dataclass(kw_only=True)
class Load:
    """A PBX that goes on with a call until each step is acknowledged."""

    http: HttpPort
    url: str
    key: str
    acknowledged: set[tuple[str, Happening]] = field(default_factory=set)
    is_over: bool = False
    calls: int = 0

    async def run(self) -> None:
        await asyncio.gather(*(self._talk(caller) for caller in range(PBX_AT_ONCE)))

    async def _talk(self, caller: int) -> None:
        while not self.is_over:
            self.calls += 1
            call_id = f"k-{self.calls}"
            for form, happening in STEPS:
                await self._tell(call_id, {**form, "phone": f"7916555{caller:04d}"})
                self.acknowledged.add((call_id, happening))
                await asyncio.sleep(STEP_SECONDS)

    async def _tell(self, call_id: str, step: dict[str, str]) -> None:
        form = {"cmd": "event", "type": "in", "callid": call_id, "ext": "101", "planfix_token": self.key}
        while True:
            with suppress(PeerDown):
                answer = await self.http.send("POST", self.url, form={**form, **step}, total_seconds=5)
                if answer.status == 200:
                    return
            await asyncio.sleep(AGAIN_SECONDS)


@asynccontextmanager
async def killed(
    folder: Path, database_url: str | None, *, kills: int
) -> AsyncIterator[tuple[Load, PlayedCrm]]:
    """Give the load and the CRM after so many kills, when everything acknowledged has been told."""
    rng = random.Random(17)
    async with HttpClient() as client:
        http = client.granted(allow_private=True)
        hub = HubProcess(folder=folder, port=free_port(), database_url=database_url)
        crm = PlayedCrm(part_of("crm", "planfix", url=None, given={}), http, fetches=False)
        async with crm:
            load = await connect(hub, crm, http)
            await hub.start()
            loading = asyncio.create_task(load.run())
            try:
                for _ in range(kills):
                    await asyncio.sleep(rng.uniform(SHORTEST_LIFE, LONGEST_LIFE))
                    await hub.end(signal.SIGKILL)
                    await hub.start(waits=rng.random() < 0.8)
                load.is_over = True
                async with asyncio.timeout(PATIENCE_SECONDS):
                    await loading
                    while not load.acknowledged <= heard(crm).keys():  # noqa: ASYNC110 - by many requests
                        await asyncio.sleep(0.1)
            except TimeoutError:
                pass  # what is missing is for the test to say
            finally:
                loading.cancel()
                await hub.end(signal.SIGTERM)
            yield load, crm


async def connect(hub: HubProcess, crm: PlayedCrm, http: HttpPort) -> Load:
    """Set up the connections before the hub runs."""
    place = read_place(hub.folder, environ={}, given={"database_url": hub.database_url})
    mine = {"planfix_url": crm.hub.link.urls["api"], "planfix_token": crm.part.keys["planfix_token"]}
    async with open_desk(place) as desk:
        pbx, _ = [
            await create_connection(
                desk.store,
                desk.box,
                discover(),
                desk.account_id,
                kind="planfix",
                role=role,
                name=role,
                settings={**settings, "allow_private": "true"},
                at=datetime.now(UTC),
            )
            for role, settings in (("pbx", {}), ("crm", mine))
        ]
    return Load(http=http, url=f"http://127.0.0.1:{hub.port}/tel/api", key=pbx.keys["planfix_token"])


def heard(crm: PlayedCrm) -> Counter[tuple[str, Happening]]:
    events = [news for news in crm.hub.ledger.news if isinstance(news, CallEvent)]
    return Counter((event.call_id, event.happening) for event in events)


def check(load: Load, crm: PlayedCrm, *, kills: int) -> None:
    told = heard(crm)
    order: dict[str, list[Happening]] = {}
    for news in crm.hub.ledger.news:
        if isinstance(news, CallEvent) and news.happening not in order.setdefault(news.call_id, []):
            order[news.call_id].append(news.happening)
    doubles = sum(times - 1 for times in told.values())

    assert load.acknowledged - told.keys() == set()
    steps = [happening for _, happening in STEPS]
    assert [steps_of for steps_of in order.values() if steps_of != steps[: len(steps_of)]] == []
    assert doubles <= kills * HUB_AT_ONCE
    assert load.calls > kills


@pytest.mark.timeout(240)
async def test_nothing_acknowledged_is_lost_over_kills_on_sqlite(tmp_path: Path) -> None:
    async with killed(tmp_path, None, kills=10) as (load, crm):
        check(load, crm, kills=10)


@pytest.fixture
def durable_postgres() -> Iterator[PostgresServer]:
    """With fsync on: what was committed has to be on the disk."""
    try:
        server = PostgresServer(durable=True)
    except PostgresMissing as missing:
        pytest.skip(str(missing))
    with server:
        yield server


@pytest.mark.postgres
@pytest.mark.timeout(240)
async def test_nothing_acknowledged_is_lost_over_kills_on_postgresql(
    tmp_path: Path, durable_postgres: PostgresServer
) -> None:
    url = durable_postgres.create_database("kill")

    async with killed(tmp_path, url, kills=5) as (load, crm):
        check(load, crm, kills=5)
