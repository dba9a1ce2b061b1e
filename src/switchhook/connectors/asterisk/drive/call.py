"""One driven call: its legs, where it stands, what was asked of Asterisk. Changed by the driver only."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto

from switchhook.connectors.asterisk.wire.rest import RestRequest
from switchhook.core.connector import DialOrder
from switchhook.core.directory import GroupKind
from switchhook.core.ring_plan import RingPlan, RingStep


class Phase(Enum):
    PLANNING = auto()  # the hub is asked whom to ring
    RINGING = auto()
    PAUSING = auto()  # between two rounds of a queue
    TALKING = auto()
    LEAVING = auto()  # the dialplan was asked to go on with the caller
    OVER = auto()  # what is left is being taken down


@dataclass(kw_only=True)
class Leg:
    """One channel. It is ours to account for until it is gone."""

    id: str
    extension: str = ""  # "" for a party outside
    asked_at: datetime | None = None  # its making was asked for and not answered yet
    making: RestRequest | None = None  # what was asked for
    is_alive: bool = False  # Asterisk said that there is such a channel
    is_up: bool = False  # it is in our application
    is_gone: bool = False
    unwanted: int | None = None  # the cause with which it is to end
    hung_up_at: datetime | None = None  # when that was last asked for
    is_hangup_open: bool = False  # and not answered yet
    is_hangup_early: bool = False  # it may have come before the channel was made
    is_hangup_seen: bool = False  # its party hung up
    left_at: datetime | None = None  # it left our application, and nothing says why yet
    replaced_at: datetime | None = None  # it transferred its part; it ends by itself, or is ended
    pair: str = ""  # of a Local channel: what both of its halves share
    is_guest: bool = False  # it came by a transfer and is not answered yet
    cause: int | None = None  # ITU-T Q.850


@dataclass(kw_only=True)
class Call:
    """`near` is the channel that waits: the caller, or the employee who clicked; `far` who joins it."""

    id: str  # the caller's channel, or the id of the order
    visit: str
    number: str
    began_at: datetime
    call_id: str = ""  # as the hub is told of it
    did: str | None = None
    name: str = ""  # of the party outside
    entered: str = ""  # Asterisk's own time
    near: str = ""
    far: str = ""
    phase: Phase = Phase.PLANNING
    plan: RingPlan | None = None
    step: int = 0
    turn: int = -1
    turn_ends_at: datetime | None = None
    queued_at: datetime | None = None  # since when it waits in the queue of this step
    told_position: int = 0
    plays: str = ""  # the announcement that may still be heard
    has_music: bool = False
    is_answered: bool = False  # the caller's channel was answered, by us or before
    has_bridge: bool = False
    is_click: bool = False  # the employee is `near`, the number `far`
    order: DialOrder | None = None  # of a click, unless it was adopted
    devices: list[tuple[int, str]] = field(default_factory=list)  # of the employee, not rung yet
    is_dial_told: bool = False  # whoever clicked knows whether a phone rings
    is_transferred: bool = False  # its parties go their own ways
    over_at: datetime | None = None
    legs: dict[str, Leg] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return f"{self.id}-{self.visit}"

    @property
    def current(self) -> RingStep | None:
        """The step of the plan that it is at; None past the last."""
        steps = self.plan.steps if self.plan is not None else ()
        return steps[self.step] if self.step < len(steps) else None

    @property
    def is_queued(self) -> bool:
        step = self.current
        is_waiting = self.phase in (Phase.PLANNING, Phase.RINGING, Phase.PAUSING)
        return is_waiting and step is not None and step.kind is GroupKind.QUEUE and self.queued_at is not None

    @property
    def party(self) -> Leg | None:
        """The channel that waits, while it is ours."""
        leg = self.legs.get(self.near)
        return None if leg is None or leg.is_gone else leg

    @property
    def ringing(self) -> list[Leg]:
        """Legs that may still answer: neither a party of the talk nor on their way out."""
        parties = (self.near, self.far)
        legs = self.legs.values()
        return [one for one in legs if not one.is_gone and one.unwanted is None and one.id not in parties]

    @property
    def is_accounted(self) -> bool:
        return not self.has_bridge and all(one.is_gone for one in self.legs.values())
