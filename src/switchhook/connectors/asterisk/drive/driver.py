"""All driven calls of one PBX: what Asterisk and the hub say comes in, commands go out. Pure.

No clock and no I/O: times come in as arguments, and what is to be done is given back. Whatever comes late,
twice or in another order does no harm; every channel that was asked for is seen to its end.

    dialplan ─ Stasis(app,inbound,DID) ─▶ hear(StasisStart) ─▶ AskPlan ─▶ planned ─▶ phones ring
             ◀─ continue, when nobody answers             first StasisStart of a leg wins, one bridge
"""

from collections.abc import Sequence
from datetime import datetime

from switchhook.connectors.asterisk.drive import adopting, answers, click, hearing, inbound, timing
from switchhook.connectors.asterisk.drive.call import Call
from switchhook.connectors.asterisk.drive.commands import Command
from switchhook.connectors.asterisk.drive.house import House
from switchhook.connectors.asterisk.drive.settings import DriveSettings
from switchhook.connectors.asterisk.wire import ari
from switchhook.core.connector import DialOrder
from switchhook.core.ring_plan import RingPlan


class Driver:
    """One for a PBX; it outlives the link to it."""

    def __init__(self, settings: DriveSettings) -> None:
        self._house = House(settings)

    @property
    def calls(self) -> Sequence[Call]:
        """Every call that is not over, oldest first. To be read only."""
        return tuple(self._house.calls.values())

    def hear(self, event: ari.Event, at: datetime) -> Sequence[Command]:
        """Take in an event of our application, or of everything."""
        return self._tidied(hearing.take(self._house, event, at))

    def planned(self, call: str, plan: RingPlan, at: datetime) -> Sequence[Command]:
        """Take the answer to an `AskPlan`."""
        known = self._house.calls.get(call)
        return () if known is None else self._tidied(inbound.planned(known, plan, self._house, at))

    def answered(self, command_id: str, status: int, body: bytes, at: datetime) -> Sequence[Command]:
        """Take the answer to a `Rest`; one to what nobody waits for any more says nothing."""
        asked = self._house.asked.pop(command_id, None)
        call = self._house.calls.get(asked.call) if asked is not None else None
        if asked is None or call is None:
            return ()
        return self._tidied(answers.take(self._house, call, asked, status, body, at))

    def tick(self, at: datetime) -> Sequence[Command]:
        """Do what is due. To be called about five times a second."""
        commands: list[Command] = []
        for call in self.calls:
            commands += timing.take(self._house, call, at)
        return self._tidied(commands)

    def adopt(
        self, channels: Sequence[ari.Channel], bridges: Sequence[ari.Bridge], at: datetime
    ) -> Sequence[Command]:
        """Take in all channels and bridges of the PBX, as listed over a new link.

        Answers to what was sent over the old one are not waited for any more. Events of the new link come
        after this: hold them back until it was called.
        """
        return self._tidied(adopting.adopt(self._house, channels, bridges, at))

    def dial(self, order: DialOrder, name: str, at: datetime) -> Sequence[Command]:
        """Ring the employee, then the number whose owner is called `name`; the same order twice is one.

        `DialTaken` or `DialRefused` follows, at once or from a later call of any method.
        """
        return self._tidied(click.begin(order, name, self._house, at))

    def no_longer_free(self, extension: str) -> None:
        """Ring this phone no more for calls that wait; where it rings already it goes on."""
        self._house.unfree.add(extension)

    def free_again(self, extension: str) -> None:
        self._house.unfree.discard(extension)

    def _tidied(self, commands: Sequence[Command]) -> Sequence[Command]:
        self._house.tidy()
        return tuple(commands)
