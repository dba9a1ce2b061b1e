"""A process that holds the links of a store: started, stopped and killed by tests.

It prints when it begins. Its connector connects to the test by TCP, says who it is, and stores a call for
each line it is sent. What came of each is printed, for after the connection has ended too.
"""

import argparse
import asyncio
import sys
from pathlib import Path

import structlog

from switchhook.core.connector import Connector, Link, Role, Side
from switchhook.core.errors import LinkLost, PeerDown
from switchhook.core.link_hub import LinkHub
from switchhook.flow.clock import SystemClock
from switchhook.flow.hub import Hubs
from switchhook.flow.ids import RandomIds
from switchhook.flow.intake import Intake
from switchhook.flow.link_holding import passed_seconds
from switchhook.flow.link_orders import LinkOrders
from switchhook.flow.links import Links
from switchhook.flow.lookup import Lookup
from switchhook.flow.presence import PresenceDesk
from switchhook.flow.registry import Registry
from switchhook.net.http import HttpClient
from switchhook.net.sockets import SocketClient
from switchhook.store import open_store
from switchhook.store.secrets import SecretBox
from tests.flow.rig import rings

KIND = "exchange"


def connector(port: int, name: str) -> Connector:
    async def run(link: Link, hub: LinkHub) -> None:
        async with link.sockets.stream("127.0.0.1", port) as stream:
            await stream.write(f"hello {name}\n".encode())
            await hub.up(name)
            while True:
                for call_id in (await stream.read()).decode().split():
                    said = "held" if hub.is_held() else "over"
                    try:
                        await hub.accept([rings(call_id)])
                        told = "stored"
                    except LinkLost:
                        told = "lost"
                    print(said, told, call_id, flush=True)  # noqa: T201
                    if told == "lost":
                        raise PeerDown("lost")
                    await stream.write(f"stored {call_id}\n".encode())

    return Connector(key=KIND, title=KIND, sides={Role.PBX: Side(role=Role.PBX, run=run)})


async def main(where: str, folder: Path, port: int, name: str, *, is_blind: bool) -> None:
    store, box = await open_store(where), SecretBox.load(folder)
    connectors = {KIND: connector(port, name)}
    async with HttpClient() as http, SocketClient() as sockets:
        registry = Registry(store, box, connectors, http, sockets=sockets)
        intake = Intake(store, clock=SystemClock(), ids=RandomIds(), destinations=registry.destinations)
        lookup, orders = Lookup(store, registry), LinkOrders(store)
        hubs = Hubs(store, box, registry, intake, lookup, PresenceDesk(store, registry), orders=orders)
        passed = (lambda: 0.0) if is_blind else passed_seconds
        links = Links(store, registry, hubs, orders, passed=passed)
        await registry.refresh()
        async with asyncio.TaskGroup() as both:
            both.create_task(links.run())
            both.create_task(registry.run())
            print("begun", flush=True)  # noqa: T201


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    parser = argparse.ArgumentParser()
    parser.add_argument("where")
    parser.add_argument("folder", type=Path)
    parser.add_argument("port", type=int)
    parser.add_argument("name")
    parser.add_argument("--blind", action="store_true")  # its own clock stands still
    given = parser.parse_args()
    asyncio.run(main(given.where, given.folder, given.port, given.name, is_blind=given.blind))
