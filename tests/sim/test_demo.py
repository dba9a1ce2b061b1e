"""The demo: a hub that nobody has set up, and calls on its page before anyone gets bored."""

import asyncio
from pathlib import Path

from switchhook.app.hub import open_hub
from switchhook.settings import read_place
from switchhook.sim.book import EMPLOYEES
from switchhook.sim.demo import run
from switchhook.store import calls
from switchhook.store.connections import list_connections
from switchhook.store.employees import list_employees

# Real time: only a broken demo takes so long.
PATIENCE_SECONDS = 30.0


async def test_a_demo_fills_an_empty_hub_with_people_connections_and_calls(tmp_path: Path) -> None:
    place = read_place(tmp_path, environ={}, given={"port": 0})
    async with open_hub(place) as ready:
        desk = ready.desk
        playing = asyncio.create_task(run(ready, calls=2))
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len((await desk.store.read(calls.page, desk.account_id)).calls) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        staff = await desk.store.read(list_employees, desk.account_id)
        connections = await desk.store.read(list_connections, desk.account_id, desk.box)
        playing.cancel()
        await asyncio.gather(playing, return_exceptions=True)

    assert [one.name for one in staff] == [one.name for one in EMPLOYEES]
    assert sorted((row.kind, row.role.value) for row in connections) == [
        ("planfix", "crm"),
        ("planfix", "pbx"),
        ("retailcrm", "crm"),
        ("retailcrm", "pbx"),
    ]
