"""States of devices that change while a link breaks off: that can lock all of ARI for good (22.10.1)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from switchhook.connectors.asterisk.wire import actions
from tests.asterisk.holding_a_link import held, until
from tests.asterisk.server import AsteriskServer
from tests.asterisk.test_session_breaks import proxy_to
from tests.connectors.asterisk.holding import MemoryHub

HOLDS, CUTS = 4, 2
AT_ONCE = 40


@asynccontextmanager
async def changing(pbx: AsteriskServer) -> AsyncIterator[None]:
    """Change the state of a device all the time, as phones of a busy office do."""
    reader, writer = await asyncio.open_connection(pbx.host, pbx.ami_port)
    login = [("Username", pbx.user), ("Secret", pbx.secret), ("Events", "off")]
    writer.write(actions.write_action("Login", login, action_id="0"))

    async def change() -> None:
        for number in range(1_000_000):
            state = ("INUSE", "NOT_INUSE")[number % 2]
            fields = [("Variable", f"DEVICE_STATE(Custom:desk{number // 2 % 9})"), ("Value", state)]
            writer.write(actions.write_action("Setvar", fields, action_id=str(number)))
            if number % AT_ONCE == 0:
                await writer.drain()
                await reader.read(65536)

    task = asyncio.create_task(change())
    try:
        yield
    finally:
        task.cancel()
        writer.close()


async def test_a_link_that_breaks_off_while_phones_come_and_go_comes_back(asterisk22: AsteriskServer) -> None:
    """Two cuts a holding: after some more in a row it would be the hub's to wait."""
    hub = MemoryHub()
    expected = 0
    async with proxy_to(asterisk22.ports.http) as proxy, changing(asterisk22):
        url = f"http://{asterisk22.host}:{proxy.port}"
        for _ in range(HOLDS):
            async with held(asterisk22, "ari", hub, url=url):
                expected += 1
                for _ in range(CUTS):
                    proxy.cut()
                    expected += 1
                    await until(lambda: len(hub.ups) == expected)  # noqa: B023  (called here only)

    assert len(hub.ups) == HOLDS * (CUTS + 1)
