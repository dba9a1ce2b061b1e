"""All driven calls of one PBX, and the few things that may be done to a leg. Changed by the driver only."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from switchhook.connectors.asterisk.drive.call import Call, Leg
from switchhook.connectors.asterisk.drive.commands import Command, Purpose, Rest
from switchhook.connectors.asterisk.drive.names import LegName
from switchhook.connectors.asterisk.drive.settings import DriveSettings
from switchhook.connectors.asterisk.wire import rest
from switchhook.connectors.asterisk.wire.rest import RestRequest
from switchhook.core.errors import BadMessage

# Variables that our channels have, for the dialplan, CDRs and whoever looks for them.
CALL, STEP, EXTENSION = "SWITCHHOOK_CALL", "SWITCHHOOK_STEP", "SWITCHHOOK_EXT"
# Asterisk ends a ring itself somewhat later than we do: it does when there is no hub any more.
SPARE_SECONDS = 5
NORMAL, ELSEWHERE = 16, 26  # ITU-T Q.850
MOST_PAST = 2_000


class Asked(Struct, frozen=True, kw_only=True):
    """A request that is not answered yet."""

    call: str
    purpose: Purpose
    channel: str


class House:
    """Calls by key, and by each channel of theirs."""

    def __init__(self, settings: DriveSettings) -> None:
        self.settings = settings
        self.calls: dict[str, Call] = {}
        self.homes: dict[str, str] = {}  # channel: key of its call
        self.past: dict[str, None] = {}  # keys of calls that are over: their last messages may come twice
        self.over: set[str] = set()  # keys of calls of which only the rest is to be taken down
        self.unfree: set[str] = set()
        self.asked: dict[str, Asked] = {}
        self._count = 0

    def add(self, call: Call) -> Call:
        self.calls[call.key] = call
        return call

    def add_leg(self, call: Call, leg: Leg) -> Leg:
        call.legs[leg.id] = leg
        self.homes[leg.id] = call.key
        return leg

    def find(self, channel_id: str) -> tuple[Call, Leg] | None:
        call = self.calls.get(self.homes.get(channel_id, ""))
        return None if call is None else (call, call.legs[channel_id])

    def forget(self, call: Call) -> None:
        self.calls.pop(call.key, None)
        self.over.discard(call.key)
        for channel_id in call.legs:
            if self.homes.get(channel_id) == call.key:
                del self.homes[channel_id]
        self.past[call.key] = None
        if len(self.past) > MOST_PAST:
            del self.past[next(iter(self.past))]

    def ask(
        self,
        call: Call,
        purpose: Purpose,
        request: RestRequest,
        *,
        channel: str = "",
        may_overtake: bool = False,
    ) -> Rest:
        self._count += 1
        command_id = f"drive-{self._count}"
        self.asked[command_id] = Asked(call=call.key, purpose=purpose, channel=channel)
        return Rest(id=command_id, lane=call.key, request=request, may_overtake=may_overtake)

    def make(
        self,
        call: Call,
        name: LegName,
        *,
        endpoint: str,
        arguments: Sequence[str],
        shows: tuple[str, str],
        seconds: int,
        at: datetime,
        originator: str = "",
        variables: Mapping[str, str] | None = None,
    ) -> list[Command]:
        """Have a channel made that `shows` this number and name; nothing where no such can be."""
        number, caller_name = shows
        try:
            request = rest.originate(
                endpoint=endpoint,
                channel_id=name.id,
                app=self.settings.app,
                app_args=arguments,
                caller_number=number,
                caller_name=caller_name,
                timeout_seconds=seconds + SPARE_SECONDS,
                originator=originator,
                variables={
                    CALL: call.id,
                    STEP: str(name.step),
                    EXTENSION: name.extension,
                    **(variables or {}),
                },
            )
        except BadMessage:
            return []  # as a phone that is not registered
        return self.make_as(call, name, request, at)

    def make_as(self, call: Call, name: LegName, request: RestRequest, at: datetime) -> list[Command]:
        leg = Leg(id=name.id, extension=name.extension, asked_at=at, making=request)
        self.add_leg(call, leg)
        return [self.ask(call, Purpose.ORIGINATE, request, channel=leg.id, may_overtake=True)]

    def drop(self, call: Call, leg: Leg, cause: int, *, at: datetime, again: bool = False) -> list[Command]:
        """End a leg, once; `again` where it may live all the same."""
        if leg.is_gone or leg.is_hangup_open or (leg.unwanted is not None and not again):
            return []
        leg.unwanted = cause if leg.unwanted is None else leg.unwanted
        leg.is_hangup_open, leg.hung_up_at = True, at
        leg.is_hangup_early = leg.asked_at is not None
        request = rest.hangup(leg.id, reason_code=leg.unwanted)
        return [self.ask(call, Purpose.HANGUP, request, channel=leg.id, may_overtake=True)]

    def drop_all(self, call: Call, legs: Iterable[Leg], cause: int, *, at: datetime) -> list[Command]:
        given = [self.drop(call, leg, cause, at=at) for leg in list(legs)]
        return [command for commands in given for command in commands]

    def is_free(self, extension: str, call: Call) -> bool:
        """Tell whether a phone may be rung for this call, as far as presence and our own calls say."""
        if extension in self.unfree:
            return False
        return self.settings.rings_talking or not any(
            leg.extension == extension and leg.is_up and not leg.is_gone and leg.unwanted is None
            for other in self.calls.values()
            if other is not call
            for leg in other.legs.values()
        )

    def position(self, call: Call) -> int:
        """Tell which one in its queue a call is, from 1."""
        step = call.current
        group = step.group if step is not None else None
        before = [
            other
            for other in self.calls.values()
            if other is not call
            and other.is_queued
            and other.current is not None
            and other.current.group == group
            and (other.queued_at, other.key) < (call.queued_at, call.key)
        ]
        return len(before) + 1

    def tidy(self) -> None:
        """Forget the calls of which nothing is left."""
        for key in list(self.over):
            if self.calls[key].is_accounted:
                self.forget(self.calls[key])
