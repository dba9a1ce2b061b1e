"""The scenarios of a played PBX by name: each gives the steps of one call, the same for the same seed."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from switchhook.sim.scenarios import inbound, outbound
from switchhook.sim.scenarios.script import Cast, Play, Step


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One way in which a call may go. `weight` is how often a mixed run picks it."""

    name: str
    play: Play
    weight: int = 1
    is_sloppy: bool = False  # what is sent is spoiled the way real PBXs do it

    @property
    def text(self) -> str:
        return (self.play.__doc__ or "").partition("\n")[0]


def mixed(rng: random.Random, cast: Cast) -> Sequence[Step]:
    """Any of the others, in the proportions of an ordinary day."""
    plays = [scenario.play for scenario in PLAIN]
    weights = [scenario.weight for scenario in PLAIN]
    return rng.choices(plays, weights)[0](rng, cast)


def sloppy(rng: random.Random, cast: Cast) -> Sequence[Step]:
    """Any of the others, told badly: misspelt, without lengths, twice, out of order."""
    return mixed(rng, cast)


PLAIN = (
    Scenario(name="answered", play=inbound.answered, weight=8),
    Scenario(name="missed", play=inbound.missed, weight=3),
    Scenario(name="busy", play=inbound.busy),
    Scenario(name="abandoned", play=inbound.abandoned),
    Scenario(name="ring_group", play=inbound.ring_group, weight=4),
    Scenario(name="group_missed", play=inbound.group_missed),
    Scenario(name="hunt", play=inbound.hunt, weight=2),
    Scenario(name="pickup", play=inbound.pickup),
    Scenario(name="transfer", play=inbound.transfer, weight=2),
    Scenario(name="recording_at_once", play=inbound.recording_at_once, weight=3),
    Scenario(name="recording_late", play=inbound.recording_late, weight=3),
    Scenario(name="outbound_answered", play=outbound.outbound_answered, weight=5),
    Scenario(name="outbound_busy", play=outbound.outbound_busy),
    Scenario(name="outbound_no_answer", play=outbound.outbound_no_answer, weight=2),
    Scenario(name="outbound_unavailable", play=outbound.outbound_unavailable),
    Scenario(name="outbound_not_allowed", play=outbound.outbound_not_allowed),
)

# Not picked by chance: it begins with a click in the CRM.
CLICK_TO_CALL = Scenario(name="click_to_call", play=outbound.click_to_call)

SCENARIOS: Mapping[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        *PLAIN,
        CLICK_TO_CALL,
        Scenario(name="mixed", play=mixed),
        Scenario(name="sloppy", play=sloppy, is_sloppy=True),
    )
}

__all__ = ["CLICK_TO_CALL", "PLAIN", "SCENARIOS", "Cast", "Scenario", "Step"]
