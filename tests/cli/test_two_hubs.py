"""Several hubs on one SQLite file: none takes from another what it works on."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import sqlalchemy as sa

from switchhook.app.alone import among_hubs
from switchhook.app.hub import Ready, open_hub
from switchhook.core.connector import Connector, Link, Role, Side
from switchhook.core.link_hub import LinkHub
from switchhook.flow.configure import create_connection
from switchhook.settings import read_place
from switchhook.store import Store
from switchhook.store.link_leases import LinkLease, get_link
from switchhook.store.tables.lanes import lanes
from tests.fakes import PATIENCE_SECONDS, START

KIND = "exchange"


async def hold(link: Link, hub: LinkHub) -> None:
    await hub.up("Exchange")
    await asyncio.Event().wait()


CONNECTORS = {KIND: Connector(key=KIND, title=KIND, sides={Role.PBX: Side(role=Role.PBX, run=hold)})}


@asynccontextmanager
async def hub_on(folder: Path) -> AsyncIterator[Ready]:
    async with open_hub(read_place(folder, environ={}, given={"port": 0}), connectors=CONNECTORS) as now:
        yield now


async def connect(now: Ready) -> str:
    desk = now.desk
    made = await create_connection(
        desk.store,
        desk.box,
        CONNECTORS,
        desk.account_id,
        kind=KIND,
        role="pbx",
        name="PBX",
        settings={},
        at=START,
    )
    return made.id


async def held(now: Ready, connection_id: str, *, epoch: int) -> LinkLease:
    """Wait until a link is up with this epoch."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            lease = await now.desk.store.read(get_link, now.desk.account_id, connection_id)
            if lease is not None and lease.what is not None and lease.epoch == epoch:
                return lease
            await asyncio.sleep(0.02)


async def lend_lane(store: Store, account_id: int) -> None:
    """Have a lane be in hand, for an hour."""
    row = {"connection_id": "c-x", "lane": "l", "due_ms": 0, "epoch": 1, "lease_until_ms": 1 << 50}
    await store.write(lambda tx: tx.execute(lanes.insert().values(account_id=account_id, **row)) and None)


async def lease_of_lane(store: Store) -> int:
    return await store.read(lambda tx: int(tx.execute(sa.select(lanes.c.lease_until_ms)).scalar_one()))


async def test_a_second_hub_leaves_the_leases_of_the_first_alone(tmp_path: Path) -> None:
    async with hub_on(tmp_path) as first:
        connection_id = await connect(first)
        before = await held(first, connection_id, epoch=1)
        await lend_lane(first.desk.store, first.desk.account_id)
        async with hub_on(tmp_path) as second:
            await asyncio.sleep(1.2)
            after = await held(second, connection_id, epoch=1)
            lane = await lease_of_lane(second.desk.store)

    assert (after.owner, lane) == (before.owner, 1 << 50)


async def test_the_second_goes_on_where_the_first_ends(tmp_path: Path) -> None:
    async with hub_on(tmp_path) as first:
        connection_id = await connect(first)
        before = await held(first, connection_id, epoch=1)
        second_hub = hub_on(tmp_path)
        second = await second_hub.__aenter__()
    began = asyncio.get_running_loop().time()
    after = await held(second, connection_id, epoch=2)
    seconds = asyncio.get_running_loop().time() - began
    await second_hub.__aexit__(None, None, None)

    assert after.owner != before.owner
    assert seconds < 2


async def test_a_hub_that_starts_alone_ends_what_dead_ones_held(tmp_path: Path) -> None:
    async with hub_on(tmp_path) as first:
        await lend_lane(first.desk.store, first.desk.account_id)
    async with hub_on(tmp_path) as second:
        lane = await lease_of_lane(second.desk.store)

    assert lane == 0


async def test_a_third_beside_a_second_is_not_alone(tmp_path: Path) -> None:
    """Whoever was first has ended; that says nothing about the others."""
    alone: list[str] = []

    def told(name: str) -> "asyncio.Future[None]":
        alone.append(name)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    file = tmp_path / "hub.db"
    async with among_hubs(file, if_alone=lambda: told("first")):
        second = among_hubs(file, if_alone=lambda: told("second"))
        await second.__aenter__()
    async with among_hubs(file, if_alone=lambda: told("third")):
        await second.__aexit__(None, None, None)
    async with among_hubs(file, if_alone=lambda: told("fourth")):
        pass

    assert alone == ["first", "fourth"]


async def test_whoever_begins_waits_for_one_that_is_being_alone(tmp_path: Path) -> None:
    file, order = tmp_path / "hub.db", []

    async def take_long() -> None:
        order.append("alone")
        await asyncio.sleep(0.2)
        order.append("done")

    async def never() -> None:
        order.append("never")

    async def begin_second() -> None:
        async with among_hubs(file, if_alone=never):
            order.append("second")

    async def begin_first() -> None:
        async with among_hubs(file, if_alone=take_long):
            await asyncio.sleep(0.3)

    await asyncio.gather(begin_first(), begin_second())

    assert order == ["alone", "done", "second"]


async def test_a_killed_hub_is_none(tmp_path: Path) -> None:
    file, alone = tmp_path / "hub.db", []
    code = (
        "import asyncio, pathlib, sys\n"
        "from switchhook.app.alone import among_hubs\n"
        "async def nothing(): pass\n"
        "async def main():\n"
        "    async with among_hubs(pathlib.Path(sys.argv[1]), if_alone=nothing):\n"
        "        print('here', flush=True); await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, str(file), stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    await process.stdout.readline()

    async def note() -> None:
        alone.append(True)

    async with among_hubs(file, if_alone=note):
        beside = list(alone)
    process.kill()
    await process.communicate()
    async with among_hubs(file, if_alone=note):
        pass

    assert (beside, alone) == ([], [True])
