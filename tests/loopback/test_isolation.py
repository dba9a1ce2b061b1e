"""One CRM that is away and one that takes five seconds: the third is told everything meanwhile."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from switchhook.app.hub import Ready, open_hub
from switchhook.connectors import discover
from switchhook.core.call import CallEvent, Happening
from switchhook.core.connector import HttpPort, Role
from switchhook.flow.configure import Configured, create_connection
from switchhook.net.http import HttpClient
from switchhook.settings import read_place
from switchhook.sim.crm import PlayedCrm
from switchhook.sim.settings import part_of
from switchhook.sim.trouble import Mood, Trouble
from switchhook.store import delivery_log
from switchhook.store.deliveries import State
from tests.servers.ports import free_port

CALLS = 12
# Of the slow CRM: so many are asked at once, and no more.
AT_ONCE = discover()["planfix"].sides[Role.CRM].at_once
# Real seconds, and far more than needed: only a broken hub takes so long.
PATIENCE_SECONDS = 60.0
SLOW = Mood(text="Every answer takes its time.", slow=1.0, slow_seconds=5.0)


@dataclass(frozen=True, kw_only=True)
class Scene:
    ready: Ready
    http: HttpPort
    healthy: PlayedCrm
    slow: PlayedCrm
    names: dict[str, str]  # ids of connections by name
    url: str
    key: str

    async def call(self, number: int) -> None:
        form = {"cmd": "event", "type": "in", "callid": f"i-{number}", "ext": "101", "phone": "79165550142"}
        for step in ({"event": "INCOMING"}, {"event": "COMPLETED", "status": "Missed"}):
            sent = {**form, **step, "planfix_token": self.key}
            answer = await self.http.send("POST", self.url, form=sent)
            assert answer.status == 200

    async def states(self, name: str) -> list[State]:
        desk = self.ready.desk
        found = await desk.store.read(
            delivery_log.newest, desk.account_id, connection_id=self.names[name], limit=200
        )
        return [one.state for one in found]


@asynccontextmanager
async def scene(folder: Path) -> AsyncIterator[Scene]:
    place = read_place(folder, environ={}, given={"port": 0})
    async with AsyncExitStack() as stack:
        http = (await stack.enter_async_context(HttpClient())).granted(allow_private=True)
        healthy = PlayedCrm(part_of("crm", "planfix", url=None, given={}), http, name="healthy")
        trouble = Trouble(mood=SLOW, rng=random.Random(1))
        slow = PlayedCrm(part_of("crm", "planfix", url=None, given={}), http, name="slow", trouble=trouble)
        await stack.enter_async_context(slow)
        await stack.enter_async_context(healthy)
        ready = await stack.enter_async_context(open_hub(place))
        addresses = {
            "dead": f"http://127.0.0.1:{free_port()}/tel/api",
            "slow": slow.hub.link.urls["api"],
            "healthy": healthy.hub.link.urls["api"],
        }
        keys = {"slow": slow.part.keys, "healthy": healthy.part.keys}
        names: dict[str, str] = {}
        for name, url in addresses.items():
            token = keys.get(name, {}).get("planfix_token", "nobody-is-there")
            made = await connect(ready, "crm", name, {"planfix_url": url, "planfix_token": token})
            names[name] = made.id
        pbx = await connect(ready, "pbx", "pbx", {})
        await asyncio.sleep(1.2)  # a running hub takes connections up within a second
        yield Scene(
            ready=ready,
            http=http,
            healthy=healthy,
            slow=slow,
            names=names,
            url=pbx.urls["api"],
            key=pbx.keys["planfix_token"],
        )


async def connect(ready: Ready, role: str, name: str, settings: dict[str, str]) -> Configured:
    desk = ready.desk
    return await create_connection(
        desk.store,
        desk.box,
        discover(),
        desk.account_id,
        kind="planfix",
        role=role,
        name=name,
        settings={**settings, "allow_private": "true"},
        at=datetime.now(UTC),
    )


def ends(crm: PlayedCrm) -> int:
    news = crm.hub.ledger.news
    return sum(isinstance(one, CallEvent) and one.happening is Happening.ENDED for one in news)


async def test_a_dead_and_a_slow_crm_hold_up_nobody_else(tmp_path: Path) -> None:
    async with scene(tmp_path) as at:
        for number in range(CALLS):
            await at.call(number)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while ends(at.healthy) < CALLS:  # noqa: ASYNC110 - told by the hub, one by one
                await asyncio.sleep(0.05)
        asked_of_slow = at.slow.trouble.played.get("slow answer", 0)
        dead, healthy = await at.states("dead"), await at.states("healthy")

        assert len(healthy) == 2 * CALLS
        assert asked_of_slow <= 2 * AT_ONCE
        assert ends(at.slow) < CALLS
        assert dead == [State.WAITING] * 2 * CALLS
