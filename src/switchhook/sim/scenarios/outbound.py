"""Calls that go out, and what may become of them."""

import random
from collections.abc import Sequence

from switchhook.core.call import Disposition
from switchhook.sim.scenarios.script import OUT, Cast, Play, Script, Step, ring_time, talk_time


def outbound_answered(rng: random.Random, cast: Cast) -> Sequence[Step]:
    """The client picks up."""
    phone = cast.first
    script = Script(cast, OUT).ring(phone).wait(ring_time(rng)).answer(phone)
    return script.wait(talk_time(rng)).hang_up(phone).steps


def click_to_call(rng: random.Random, cast: Cast) -> Sequence[Step]:
    """Somebody clicked in the CRM: the employee's phone has been picked up, now the client is rung."""
    return outbound_answered(rng, cast)


def ends_with(disposition: Disposition, text: str) -> Play:
    """Make a scenario of a call out that nobody answers."""

    def play(rng: random.Random, cast: Cast) -> Sequence[Step]:
        return Script(cast, OUT).ring(cast.first).wait(ring_time(rng)).end(cast.first, disposition).steps

    play.__doc__ = text
    return play


outbound_busy = ends_with(Disposition.BUSY, "The client's line is engaged.")
outbound_no_answer = ends_with(Disposition.NO_ANSWER, "The client does not pick up.")
outbound_unavailable = ends_with(Disposition.UNREACHABLE, "The client's phone is switched off.")
outbound_not_allowed = ends_with(Disposition.FORBIDDEN, "The PBX bars this number.")
