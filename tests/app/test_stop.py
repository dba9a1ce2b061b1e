"""The order in which a hub comes to its end."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import aiohttp

from switchhook.app.hub import Ready, open_hub
from switchhook.core.connector import Connector, Hub, Link, Role, Side
from switchhook.core.edge import Reply, Request
from switchhook.core.link_hub import LinkHub
from switchhook.flow.configure import Configured, create_connection
from switchhook.settings import read_place


async def connect(ready: Ready, connector: Connector) -> Configured:
    made = await create_connection(
        ready.desk.store,
        ready.desk.box,
        {connector.key: connector},
        ready.desk.account_id,
        kind=connector.key,
        role="pbx",
        name=connector.title,
        settings={},
        at=datetime.now(UTC),
    )
    await ready.registry.refresh()
    return made


async def test_requests_in_hand_are_answered_while_everything_still_works(tmp_path: Path) -> None:
    is_in_hand, goes_on = asyncio.Event(), asyncio.Event()
    working: set[str] = set()

    async def serve(request: Request, link: Link, hub: Hub) -> Reply:
        is_in_hand.set()
        await goes_on.wait()
        working.update(task.get_name() for task in asyncio.all_tasks())
        return Reply(body=b"{}")

    async def ask(url: str) -> int:
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            return answer.status

    slow = Connector(
        key="slow",
        title="Slow",
        sides={Role.PBX: Side(role=Role.PBX, serve=serve, urls={"api": "/api"})},
    )
    async with open_hub(read_place(tmp_path, given={"port": 0}), connectors={"slow": slow}) as ready:
        made = await connect(ready, slow)
        asking = asyncio.create_task(ask(made.urls["api"]))
        await is_in_hand.wait()
        # By then whatever would end too early has ended.
        asyncio.get_running_loop().call_later(0.3, goes_on.set)

    assert await asking == 200
    assert working >= {"Lanes.run", "Links.run", "Reconcile.run", "RecordingFetcher.run"}


async def test_peers_of_open_links_are_told_before_anything_ends(tmp_path: Path) -> None:
    is_up, answered = asyncio.Event(), list[int]()

    async def serve(request: Request, link: Link, hub: Hub) -> Reply:
        return Reply(body=b"{}")

    async def run(link: Link, hub: LinkHub) -> None:
        async def farewell() -> None:
            async with aiohttp.ClientSession() as session, session.get(link.urls["api"]) as answer:
                answered.append(answer.status)

        hub.before_end(farewell)
        is_up.set()
        await asyncio.Event().wait()

    held = Connector(
        key="held",
        title="Held",
        sides={Role.PBX: Side(role=Role.PBX, serve=serve, run=run, urls={"api": "/api"})},
    )
    async with open_hub(read_place(tmp_path, given={"port": 0}), connectors={"held": held}) as ready:
        await connect(ready, held)
        await asyncio.wait_for(is_up.wait(), 10)

    assert answered == [200]
