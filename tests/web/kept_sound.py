"""A recording that a hub under test holds, come by as recordings do."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from switchhook.core.call import Call
from switchhook.store.calls import page
from switchhook.store.recordings import FetchState, of_call, postpone
from tests.loopback.clock import passing
from tests.net.peers import Exchange, listening
from tests.web.hubs import TestHub, planfix_event, running_hub

SPEED = 10.0


@asynccontextmanager
async def quick_hub(folder: Path) -> AsyncIterator[TestHub]:
    """Run a hub whose waits are short: it looks for recordings to fetch once in so long."""
    async with passing(SPEED) as clock, running_hub(folder, clock=clock) as running:
        yield running


async def keep_recording(hub: TestHub, sound: bytes, *, call_id: str = "1") -> Call:
    """Have a PBX end a call and give its recording; return when the hub holds it.

    The seconds that a PBX is given to finish its file are left out.
    """

    async def gives_sound(exchange: Exchange) -> None:
        await exchange.answer(sound)

    async with listening(gives_sound) as peer:
        pbx = await hub.connect("planfix", "pbx", allow_private="true")
        over = {"duration": "9", "is_recorded": "1", "status": "Success"}
        await hub.post("/tel/api", data=planfix_event(pbx, "COMPLETED", call_id, **over))
        record = {"cmd": "record", "callid": call_id, "record_link": peer.url, "is_temp": "0"}
        await hub.post("/tel/api", data={**record, "planfix_token": pbx.keys["planfix_token"]})
        desk = hub.now.desk
        async with asyncio.timeout(20):
            while True:
                (call, *_) = (await desk.store.read(page, desk.account_id)).calls
                if call.recordings and call.recordings[0].is_kept:
                    return call
                for one in await desk.store.read(of_call, desk.account_id, call):
                    if one.state is FetchState.WAITING and not one.attempts:
                        await desk.store.write(postpone, desk.account_id, one.id, at=one.heard_at)
                await asyncio.sleep(0.02)
