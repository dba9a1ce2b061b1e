"""Calls that come in, as Planfix's VoIP API and the field describe them."""

import random
from collections.abc import Sequence

from switchhook.core.call import Disposition
from switchhook.sim.scenarios.script import IN, Cast, Script, Step, ring_time, talk_time

# A hunt that nobody picks up rings each phone so long.
HUNT_SECONDS = 4
# Between the end of one talk and the next phone of a transfer.
TRANSFER_SECONDS = 0.5
# PBXs convert the sound first.
LATE_SECONDS = 6


def begin(cast: Cast) -> Script:
    return Script(cast, IN).ask().wait(0.5)


def answered(rng: random.Random, cast: Cast) -> Sequence[Step]:
    """The first phone rings and is answered; when the CRM names a responsible, that is theirs."""
    phone = cast.first
    script = begin(cast).ring(phone).wait(ring_time(rng)).answer(phone)
    return script.wait(talk_time(rng)).hang_up(phone).steps


def missed(rng: random.Random, cast: Cast) -> Sequence[Step]:
    """One phone rings out."""
    script = begin(cast).ring(cast.first).wait(ring_time(rng) + 4)
    return script.end(cast.first, Disposition.MISSED).steps


def busy(rng: random.Random, cast: Cast) -> Sequence[Step]:
    """The phone is engaged: the caller hears the tone and goes."""
    return begin(cast).ring(cast.first).wait(1).end(cast.first, Disposition.BUSY).steps


def abandoned(rng: random.Random, cast: Cast) -> Sequence[Step]:
    """All phones ring, and the caller gives up first."""
    phones = cast.extensions[:2]
    script = begin(cast).ring(*phones).wait(ring_time(rng))
    for phone in phones:
        script.end(phone, Disposition.ABANDONED)
    return script.steps


def ring_group(rng: random.Random, cast: Cast) -> Sequence[Step]:
    """All ring at once; the second answers, and losers are told in the order of the list."""
    one, two, three = cast.extensions[:3]
    script = begin(cast).ring(one, two, three).wait(ring_time(rng))
    script.cancel(one).answer(two).cancel(three)
    return script.wait(talk_time(rng)).hang_up(two).steps


def group_missed(rng: random.Random, cast: Cast) -> Sequence[Step]:
    """All ring at once and nobody answers: one missed call, however often the PBX says so."""
    phones = cast.extensions[:3]
    script = begin(cast).ring(*phones).wait(ring_time(rng))
    for phone in phones:
        script.end(phone, Disposition.MISSED)
    return script.steps


def hunt(rng: random.Random, cast: Cast) -> Sequence[Step]:
    """One after another; the third answers."""
    one, two, three = cast.extensions[:3]
    script = begin(cast).ring(one).wait(HUNT_SECONDS).cancel(one)
    script.wait(0.2).ring(two).wait(HUNT_SECONDS).cancel(two)
    script.wait(0.2).ring(three).wait(2).answer(three)
    return script.wait(talk_time(rng)).hang_up(three).steps


def pickup(rng: random.Random, cast: Cast) -> Sequence[Step]:
    """Two phones ring, and somebody takes the call at a third."""
    one, two, three = cast.extensions[:3]
    script = begin(cast).ring(one, two).wait(ring_time(rng)).cancel(one, two)
    script.ring(three).answer(three)
    return script.wait(talk_time(rng)).hang_up(three).steps


def transfer(rng: random.Random, cast: Cast) -> Sequence[Step]:
    """The first talks and passes the caller on to the second: one call, two talks."""
    one, two = cast.extensions[:2]
    script = begin(cast).ring(one).wait(ring_time(rng)).answer(one)
    script.wait(talk_time(rng)).hang_up(one)
    script.wait(TRANSFER_SECONDS).ring(two).wait(2).answer(two)
    return script.wait(talk_time(rng)).hang_up(two).steps


def recording_at_once(rng: random.Random, cast: Cast) -> Sequence[Step]:
    """The recording is there when the call ends."""
    phone = cast.first
    script = begin(cast).ring(phone).wait(ring_time(rng)).answer(phone).wait(talk_time(rng))
    return script.record().hang_up(phone, is_recorded=True).steps


def recording_late(rng: random.Random, cast: Cast) -> Sequence[Step]:
    """The recording comes some seconds after the end."""
    phone = cast.first
    script = begin(cast).ring(phone).wait(ring_time(rng)).answer(phone)
    script.wait(talk_time(rng)).hang_up(phone, is_recorded=True)
    return script.wait(LATE_SECONDS).record().steps
