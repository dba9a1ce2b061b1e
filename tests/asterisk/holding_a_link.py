"""The connector's own link, held to a lab PBX by the hub's real clients and a hub in memory."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from switchhook.connectors.asterisk.link.run import run
from switchhook.core.connector import Link
from tests.asterisk.server import AsteriskServer
from tests.connectors.asterisk import holding
from tests.connectors.asterisk.holding import MemoryHub, link_to, running

WAYS = ("ari", "ami")
PATIENCE_SECONDS = 30.0  # only what is broken takes so long


async def until(is_reached: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> None:
    """Wait in real time until something holds. Raises: TimeoutError: it never does."""
    await holding.until(is_reached, seconds)


def settings_of(pbx: AsteriskServer, way: str, **more: str) -> dict[str, str]:
    """The least that an administrator enters."""
    reach = {
        "ari": {"mode": "ari", "url": f"http://{pbx.host}:{pbx.ports.http}"},
        "ami": {"mode": "ami", "host": pbx.host, "port": str(pbx.ami_port)},
    }[way]
    return reach | {"user": pbx.user, "password": pbx.secret} | more


@asynccontextmanager
async def held(pbx: AsteriskServer, way: str, hub: MemoryHub, **more: str) -> AsyncIterator[Link]:
    """Hold the link and wait until it is up."""
    ups = len(hub.ups)
    async with link_to(**settings_of(pbx, way, **more)) as link, running(run(link, hub)) as task:
        await until(lambda: len(hub.ups) > ups or task.done())
        yield link
