"""All scenarios on one PBX, side by side in its offices, and what both ears heard of them."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from tests.asterisk.actors import Actors
from tests.asterisk.configuration import OFFICES
from tests.asterisk.ears import AmiEar, AriEar
from tests.asterisk.lookup import Lookup
from tests.asterisk.played_hub import PlayedHub
from tests.asterisk.plays import IVAN, PLAYS, Play
from tests.asterisk.scene import Scene
from tests.asterisk.server import AsteriskServer
from tests.connectors.asterisk.recordings import Told, told

HOME = 1
BETWEEN_SECONDS = 0.4  # an office's phones come to rest before the next scenario
NUMBERS = {name: f"7910{index:07}" for index, name in enumerate(PLAYS, start=1)}


@dataclass(frozen=True, kw_only=True)
class Played:
    """What was played: in which office each scenario was, what went wrong, and the calls by each ear."""

    offices: Mapping[str, int]
    faults: Mapping[str, str]  # what stood in a scenario's way, by its name; "hub": what it could not do
    ami: Told
    ari: Told
    looked_up: tuple[dict[str, str], ...]


async def play_all(pbx: AsteriskServer) -> Played:
    """Play every scenario once; some 20 seconds."""
    began = asyncio.get_running_loop().time()
    places: dict[str, int] = {}
    faults: dict[str, str] = {}
    known = {NUMBERS[name] for name, play in PLAYS.items() if play.name}

    def phones_for(did: str) -> list[str]:
        office = int(did[7]) + 1
        return [f"{office}01", f"{office}02"]

    def line_for(number: str) -> str:
        office = next((places[name] for name, one in NUMBERS.items() if one == number), HOME)
        return f"{IVAN};{office}03" if number in known else ""

    async with (
        AmiEar(pbx, began=began) as ami,
        AriEar(pbx, began=began) as ari,
        PlayedHub(pbx, phones_for=phones_for, names=dict.fromkeys(known, IVAN)) as hub,
        Lookup(pbx.ports.lookup, line_for) as lookup,
    ):
        home = [one for one in PLAYS.items() if one[1].is_at_home]
        # The longest first, so that none is left alone at the end.
        away = sorted(
            (one for one in PLAYS.items() if one not in home),
            key=lambda one: max(one[1].talk_seconds, one[1].lasts_seconds),
        )

        async def work(office: int, left: list[tuple[str, Play]]) -> None:
            while left:
                name, play = left.pop()
                places[name] = office
                await asyncio.sleep(BETWEEN_SECONDS)
                async with Actors(pbx) as sip:
                    scene = Scene(pbx=pbx, sip=sip, ami=ami, hub=hub, office=office, outside=NUMBERS[name])
                    try:
                        await asyncio.wait_for(_play(play, scene), 40)
                    except Exception as fault:  # noqa: BLE001 - told by the scenario's own test
                        faults[name] = f"{type(fault).__name__}: {fault}"

        await asyncio.gather(*(work(office, home if office == HOME else away) for office in OFFICES))
        await ami.until_over()
        await asyncio.sleep(0.3)
        if hub.faults:
            faults["hub"] = "; ".join(hub.faults)
        return Played(
            offices=places,
            faults=faults,
            ami=told(ami.moments, sweeps=True),
            ari=told(ari.moments, sweeps=True),
            looked_up=tuple(lookup.asked),
        )


async def _play(play: Play, scene: Scene) -> None:
    await play.act(scene)
    await scene.sip.all_as_scripted()
