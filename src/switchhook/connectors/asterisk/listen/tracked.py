"""What is known of one call: its channels, what became of each, and what has been told. Values only."""

from datetime import datetime

from msgspec import Struct, field

from switchhook.connectors.asterisk.listen.sight import Billed, State
from switchhook.core.call import Direction, Disposition


class Channel(Struct, frozen=True, kw_only=True):
    """One channel, as all messages about it have it together."""

    id: str
    seen_at: datetime
    heard_at: datetime  # when the last word of it came to us
    name: str = ""
    endpoint: str = ""  # "" for one that is no party
    pair: str = ""  # both halves of a Local channel have the same
    extension: str | None = None  # of a phone
    state: State = State.DOWN
    exten: str = ""  # what it called, from its first message
    did: str = ""  # as a variable of the dialplan has it
    number: str = ""  # that it first showed
    shows: str = ""  # and now
    caller_name: str = ""
    is_called: bool = False  # somebody dials it, or dialled it
    dialled_by: str = ""
    dial_string: str = ""
    status: str = ""  # how its dial ended
    is_picked_up: bool = False  # another phone took what rang here
    bridge: str = ""
    up_at: datetime | None = None  # since when it is picked up
    talked_at: datetime | None = None  # since when it is, or was, connected with another party
    outside_at: datetime | None = None  # and with one outside: the caller, not a colleague who asks back
    is_talk_cut: bool = False  # it talked already when we began to listen
    hung_up_at: datetime | None = None  # when its own party hung up
    gone_at: datetime | None = None
    cause: int | None = None
    tech_cause: int | None = None
    is_lost: bool = False  # gone while nobody listened
    is_moved: bool = False  # gone to another call
    former: tuple[str, ...] = ()  # calls that it was part of before

    @property
    def is_party(self) -> bool:
        return bool(self.endpoint)

    @property
    def is_gone(self) -> bool:
        return self.gone_at is not None


class Parties(Struct, frozen=True, kw_only=True):
    """The facts of a call that every piece of news carries."""

    direction: Direction
    number: str = ""
    did: str | None = None
    caller_name: str | None = None


# An end told before is told again only where one of these was all that was said.
SAYS_LITTLE = frozenset({Disposition.CANCELLED, Disposition.UNKNOWN})


class ToldLeg(Struct, frozen=True, kw_only=True):
    """One extension's part, of one channel or of several that ring together, and what was told of it."""

    extension: str
    began_at: datetime
    channels: tuple[str, ...]
    is_rung: bool = False
    is_answered: bool = False
    ended: Disposition | None = None

    @property
    def is_settled(self) -> bool:
        """Nothing more can be said of it."""
        return self.ended is not None and self.ended not in SAYS_LITTLE


class Tracked(Struct, frozen=True, kw_only=True):
    """One call, by its Linkedid."""

    id: str
    began_at: datetime
    heard_at: datetime
    channels: dict[str, Channel] = field(default_factory=dict)  # in the order seen; replaced, never changed
    legs: tuple[ToldLeg, ...] = ()
    parties: Parties | None = None  # once told
    queue: str | None = None
    queued_at: datetime | None = None
    abandoned_at: datetime | None = None
    is_monitored: bool = False
    files: tuple[str, ...] = ()  # that the dialplan records into
    named: tuple[str, ...] = ()  # of them, those that were named as recordings
    bills: tuple[Billed, ...] = ()  # what the PBX put down of it, each once
    is_cut: bool = False  # for a part of it nobody listened
    over_at: datetime | None = None  # when that came to us
    is_end_told: bool = False

    @property
    def origin(self) -> Channel | None:
        """The channel that the call began with: the one that it is named by, else the first party seen."""
        named = self.channels.get(self.id)
        if named is not None and named.is_party:
            return named
        return next((one for one in self.channels.values() if one.is_party), None)

    def channels_of(self, leg: ToldLeg) -> list[Channel]:
        """Give the channels of a leg, less those long forgotten."""
        return [self.channels[one] for one in leg.channels if one in self.channels]

    @property
    def is_deserted(self) -> bool:
        """None of its channels is left, of whatever kind: Asterisk has some for itself."""
        return all(one.is_gone for one in self.channels.values())

    @property
    def is_waiting(self) -> bool:
        """The end of some ring is not told yet, and only time may bring more of it."""
        return any(
            leg.ended is None and all(one.is_gone for one in self.channels_of(leg)) for leg in self.legs
        )

    @property
    def has_talked(self) -> bool:
        return any(one.talked_at is not None for one in self.channels.values())

    @property
    def is_over(self) -> bool:
        """Its last channel is gone; a Local channel is none."""
        parties = [one for one in self.channels.values() if one.is_party]
        return bool(parties) and all(one.is_gone for one in parties)
