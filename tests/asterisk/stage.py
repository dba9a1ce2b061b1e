"""All scenarios on one PBX, side by side in its offices, and what both ears heard of them."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from switchhook.core.call import Call
from tests.asterisk.actors import OUTSIDE, Actors
from tests.asterisk.configuration import OFFICES
from tests.asterisk.ears import AmiEar, AriEar
from tests.asterisk.lookup import Lookup
from tests.asterisk.played_hub import PlayedHub
from tests.asterisk.plays import IVAN, NUMBERS, PLAYS, Play
from tests.asterisk.scene import Scene
from tests.asterisk.server import AsteriskServer
from tests.asterisk.talks import Lag, Talks, check_talks, talks_of
from tests.connectors.asterisk.recordings import Told, told

PLAY_SECONDS = 60.0  # only what is broken takes so long
# The queue has the phones of this office; and only one at a time can be called outside.
HOMES = {"queue": 1, OUTSIDE: 2}


@dataclass(frozen=True, kw_only=True)
class Played:
    """What was played: in which office each scenario was, what went wrong, and the calls by each ear."""

    offices: Mapping[str, int]
    faults: Mapping[str, str]  # what stood in a scenario's way, by its name; "hub": what it could not do
    talks: Mapping[str, Talks]
    slack_seconds: float  # by how much lengths may differ: whole seconds, and a machine that is late
    ami: Told
    ari: Told
    looked_up: tuple[dict[str, str], ...]
    recordings: Path  # the folder with what ARI recorded

    def check_talks(self, name: str, call: Call) -> None:
        """Each talk was as long as its phones had it, told in whole seconds and by a machine that is late."""
        talks, slack = self.talks[name], self.slack_seconds
        check_talks(call, PLAYS[name], self.offices[name], talks, slack_seconds=slack)


async def play_all(pbx: AsteriskServer) -> Played:
    """Play every scenario once; some 15 seconds."""
    began = asyncio.get_running_loop().time()
    places: dict[str, int] = {}
    faults: dict[str, str] = {}
    talks: dict[str, Talks] = {}
    known = {NUMBERS[name] for name, play in PLAYS.items() if play.name}

    def phones_for(did: str) -> list[str]:
        office = int(did[7]) + 1
        return [f"{office}01", f"{office}02"]

    def line_for(number: str) -> str:
        office = next((places[name] for name, one in NUMBERS.items() if one == number), 1)
        return f"{IVAN};{office}03" if number in known else ""

    async with (
        AmiEar(pbx, began=began) as ami,
        AriEar(pbx, began=began) as ari,
        PlayedHub(pbx, phones_for=phones_for, names=dict.fromkeys(known, IVAN)) as hub,
        Lookup(pbx.ports.lookup, line_for) as lookup,
        Lag() as lag,
    ):
        left = {
            office: [name for name, play in PLAYS.items() if HOMES.get(play.needs) == office]
            for office in OFFICES
        }
        away = [name for name, play in PLAYS.items() if not play.needs]

        async def work(office: int) -> None:
            while mine := left[office] or away:
                name = mine.pop()
                places[name] = office
                async with Actors(pbx) as sip:
                    scene = Scene(pbx=pbx, sip=sip, ami=ami, hub=hub, office=office, outside=NUMBERS[name])
                    try:
                        await asyncio.wait_for(_play(PLAYS[name], scene), PLAY_SECONDS)
                    except Exception as fault:  # noqa: BLE001 - told by the scenario's own test
                        faults[name] = f"{type(fault).__name__}: {fault}"
                    talks[name] = talks_of(sip, joined_at=hub.joined_at.get(NUMBERS[name], 0.0))

        await asyncio.gather(*map(work, OFFICES))
        await ami.until_over()
        await ari.until_quiet()
        if hub.faults:
            faults["hub"] = "; ".join(hub.faults)
        return Played(
            offices=places,
            faults=faults,
            talks=talks,
            # A hub takes messages for as old as they are to it, and reads no more than it can store.
            slack_seconds=lag.crowd + lag.seconds,
            ami=told(ami.moments, sweeps=True),
            ari=told(ari.moments, sweeps=True),
            looked_up=tuple(lookup.asked),
            recordings=pbx.recordings,
        )


async def _play(play: Play, scene: Scene) -> None:
    await play.act(scene)
    await scene.sip.all_as_scripted()
    await scene.until_over()
