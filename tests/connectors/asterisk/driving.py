"""A driver and the small Asterisk that it drives, with everything between them held in the hand."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from switchhook.connectors.asterisk.drive.commands import AskPlan, Command, DialRefused, DialTaken, Rest
from switchhook.connectors.asterisk.drive.driver import Driver
from switchhook.connectors.asterisk.drive.settings import DriveSettings
from switchhook.core.connector import DialOrder
from switchhook.core.directory import Caller, GroupKind
from switchhook.core.ring_plan import RingPlan, RingStep

from .small_asterisk import SmallAsterisk

START = datetime(2026, 11, 21, 4, 50, tzinfo=UTC)
CALLER, DID = "1795236628.78", "74950000001"
SETTINGS = DriveSettings(
    ring_seconds=20, hunt_seconds=10, queue_seconds=60, queue_ring_seconds=10, tells_position=True
)


def step(*extensions: str, kind: GroupKind = GroupKind.RING, group: str | None = None) -> RingStep:
    return RingStep(extensions=extensions, kind=kind, because="told so", group=group)


def plan(*steps: RingStep, name: str | None = "Ivan") -> RingPlan:
    return RingPlan(caller=Caller(number="79161234567", name=name), steps=steps)


def order(order_id: str = "01ORDER", extension: str = "101") -> DialOrder:
    return DialOrder(id=order_id, extension=extension, number="79997776655", did=DID)


@dataclass
class Driving:
    """Commands wait in their lanes, answers and events wait to be delivered."""

    settings: DriveSettings = SETTINGS
    pbx: SmallAsterisk = field(default_factory=SmallAsterisk)
    plans: RingPlan = field(default_factory=plan)
    at: datetime = START
    lanes: dict[str, deque[Rest]] = field(default_factory=dict)
    free: list[Rest] = field(default_factory=list)
    answers: list[tuple[Rest, int]] = field(default_factory=list)
    asked: list[AskPlan] = field(default_factory=list)
    told: list[DialTaken | DialRefused] = field(default_factory=list)
    sent: list[Rest] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.driver = Driver(self.settings)

    # One step at a time.

    def take(self, commands: Sequence[Command]) -> None:
        for command in commands:
            match command:
                case Rest(may_overtake=True):
                    self.free.append(command)
                case Rest():
                    self.lanes.setdefault(command.lane, deque()).append(command)
                case AskPlan():
                    self.asked.append(command)
                case _:
                    self.told.append(command)

    def send(self, command: Rest) -> None:
        """Have a command done; its answer is not delivered yet."""
        self.sent.append(command)
        self.answers.append((command, self.pbx.ask(command.request)))

    @property
    def is_waiting(self) -> bool:
        return bool(self.free or self.answers or any(self.lanes.values()))

    def send_free(self, index: int) -> None:
        self.send(self.free.pop(index))

    def sendable(self) -> list[str]:
        """Give the lanes whose next command may go out: the answer to the one before was delivered."""
        busy = {command.lane for command, _ in self.answers if not command.may_overtake}
        return [key for key, lane in self.lanes.items() if lane and key not in busy]

    def deliver_answer(self, index: int) -> None:
        command, status = self.answers.pop(index)
        body = self.pbx.contacts if command.request.method == "GET" else b""
        self.take(self.driver.answered(command.id, status, body, self.at))

    def deliver_event(self, channel_id: str, *, twice: bool = False) -> None:
        event = self.pbx.events[channel_id].popleft()
        if not self.pbx.events[channel_id]:
            del self.pbx.events[channel_id]
        for _ in range(2 if twice else 1):
            self.take(self.driver.hear(event, self.at))

    def deliver_plan(self, index: int = 0) -> None:
        asked = self.asked.pop(index)
        self.take(self.driver.planned(asked.call, self.plans, self.at))

    def pass_time(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)
        self.take(self.driver.tick(self.at))

    def lose_link(self) -> None:
        """Nothing is heard any more, and what was not sent never will be."""
        self.pbx.is_served = False
        self.pbx.events.clear()
        for waiting in (self.lanes, self.free, self.answers, self.asked):
            waiting.clear()

    def find_link(self, *, is_new_hub: bool) -> None:
        """A link again; a new hub knows nothing."""
        self.pbx.is_served = True
        if is_new_hub:
            self.driver = Driver(self.settings)
        lists = self.pbx.list_channels(), self.pbx.list_bridges()
        self.take(self.driver.adopt(*lists, self.at))

    # Many at once.

    def settle(self) -> None:
        """Send and deliver all that waits, in order, until nothing does."""
        while self.free or self.answers or self.asked or self.pbx.events or self.sendable():
            while self.free:
                self.send_free(0)
            for key in self.sendable():
                self.send(self.lanes[key].popleft())
            while self.answers:
                self.deliver_answer(0)
            while self.asked:
                self.deliver_plan()
            for channel_id in list(self.pbx.events):
                self.deliver_event(channel_id)

    def requests(self, method: str, ending: str) -> list[Rest]:
        """Give what was sent by this method to addresses that end so."""
        asked = [one for one in self.sent if one.request.method == method]
        return [one for one in asked if one.request.uri.endswith(ending)]

    def leg(self, extension: str) -> str:
        """Give the newest channel that was made for an extension."""
        return next(one for one in reversed(self.pbx.made) if one.endswith(f"-{extension}"))

    def is_clean(self) -> bool:
        """Nothing of ours is left: neither in the PBX nor here."""
        ours = [one.id for one in self.pbx.channels.values() if one.is_in_app or one.id in self.pbx.made]
        return not ours and not self.pbx.bridges and not self.driver.calls
