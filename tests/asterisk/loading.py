"""Many calls a second on a real PBX, and what a hub and a receiver of its webhooks have of them."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from switchhook.core.call import Call, Phase
from switchhook.store import calls
from tests.asterisk.actors import Actors
from tests.asterisk.bridged import Company, until
from tests.asterisk.configuration import OFFICES
from tests.asterisk.scenario import SipFailed
from tests.asterisk.server import AsteriskServer

# A call between two who talk, as a receiver of webhooks is told of it.
STEPS = ("call.ringing", "call.answered", "call.leg_ended", "call.ended", "call.final")
TALK_SECONDS = 1.0
RING_SECONDS = 0.1
PAGE = 500


@dataclass(frozen=True, kw_only=True)
class Poured:
    """What became of the calls, at the hub and at the receiver."""

    made: int
    lost: int
    twice: int
    out_of_order: int
    seconds: float  # from the first call until the last was told


async def pour(
    office: Company, pbx: AsteriskServer, hook: str, *, per_second: float, seconds: float
) -> Poured:
    """Let people outside call the first phone of every office, which answers each of them."""
    each = round(per_second * seconds / len(OFFICES))
    loop = asyncio.get_running_loop()
    async with Actors(pbx) as sip:
        for room in OFFICES:
            await sip.answers(f"{room}01", ring_seconds=RING_SECONDS, calls=each)
        began = loop.time()
        for room in OFFICES:
            await sip.calls_often(
                f"7495000{room - 1}006",
                calls=each,
                per_second=per_second / len(OFFICES),
                callers=f"79{room}",
                talk_seconds=TALK_SECONDS,
            )
        with suppress(SipFailed):  # what was not answered counts as lost
            await sip.all_as_scripted(within_seconds=seconds + 30)
    made = each * len(OFFICES)
    told = _Told(office, hook)
    with suppress(AssertionError):  # what is missing is counted
        await until(lambda: told.is_all(made), 60, what="every call is told")
    took = loop.time() - began
    kept = await every_call(office)
    return Poured(
        made=made,
        lost=max(0, made - sum(one.phase is Phase.FINAL and one.has_talked for one in kept))
        + told.lost(made),
        twice=max(0, len(kept) - made) + told.twice(),
        out_of_order=told.out_of_order(),
        seconds=took,
    )


async def every_call(office: Company) -> Sequence[Call]:
    """Give all calls of the hub, oldest first."""
    found: list[Call] = []
    page = await office.desk.store.read(calls.page, office.desk.account_id, limit=PAGE)
    found += page.calls
    while page.following is not None:
        page = await office.desk.store.read(
            calls.page, office.desk.account_id, after=page.following, limit=PAGE
        )
        found += page.calls
    return found[::-1]


class _Told:
    """The events at a receiver, by call; each request is read once."""

    def __init__(self, office: Company, hook: str) -> None:
        self._receiver = office.hooks[hook]
        self._read = 0
        self._steps: dict[str, list[str]] = {}

    def is_all(self, made: int) -> bool:
        peer = self._receiver.peer
        if len(peer.bodies) < made * len(STEPS):
            return False
        self.take()
        return sum(steps[-1] == STEPS[-1] for steps in self._steps.values()) >= made

    def take(self) -> None:
        got = self._receiver.got
        for one in got[self._read :]:
            self._steps.setdefault(one.event["data"]["id"], []).append(one.event["type"])
        self._read = len(got)

    def lost(self, made: int) -> int:
        self.take()
        missing = sum(len(set(STEPS) - set(steps)) for steps in self._steps.values())
        return missing + max(0, made - len(self._steps)) * len(STEPS)

    def twice(self) -> int:
        return sum(count - 1 for steps in self._steps.values() for count in Counter(steps).values())

    def out_of_order(self) -> int:
        return sum(
            list(dict.fromkeys(steps)) != [one for one in STEPS if one in steps]
            for steps in self._steps.values()
        )
