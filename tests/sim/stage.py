"""A played PBX that speaks straight to a played CRM, without a hub between them."""

import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from switchhook.net.http import HttpClient
from switchhook.sim.clock import FastClock
from switchhook.sim.crm import PlayedCrm
from switchhook.sim.pbx import PlayedPbx
from switchhook.sim.settings import part_of
from switchhook.sim.trouble import MOODS, Mood, Trouble
from switchhook.sim.wires import CLEAN, Faults

SPEED = 40.0


@dataclass(frozen=True)
class Pair:
    pbx: PlayedPbx
    crm: PlayedCrm


@asynccontextmanager
async def straight(
    kind: str,
    *,
    given: Mapping[str, str] | None = None,
    mood: Mood = MOODS["steady"],
    faults: Faults = CLEAN,
    attempts: int = 1,
) -> AsyncIterator[Pair]:
    clock = FastClock(SPEED)
    async with HttpClient() as client:
        http = client.granted(allow_private=True)
        trouble = Trouble(rng=random.Random(1))
        async with PlayedCrm(
            part_of("crm", kind, url=None, given={}), http, clock=clock, trouble=trouble
        ) as crm:
            url = next(iter(crm.hub.link.urls.values()))
            part = part_of("pbx", kind, url=url, given={**crm.part.keys, **(given or {})})
            async with PlayedPbx(part, http, clock=clock, attempts=attempts, faults=faults) as pbx:
                await pbx.pair()
                if kind == "planfix":
                    await crm.hub.pair(
                        settings={"pbx_url": pbx.hub.link.urls["pbx"], "pbx_token": pbx.part.keys["token"]}
                    )
                trouble.mood = mood
                yield Pair(pbx, crm)
