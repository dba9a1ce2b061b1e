"""What was seen of channels, in one vocabulary for AMI and ARI. Values only.

Everything may come late, twice or in another order; nothing here says that it is the last word.
"""

from enum import IntEnum

from msgspec import Struct, field


class State(IntEnum):
    """Of a channel; it only rises."""

    DOWN = 0  # made, and nothing yet
    RING = 1  # it called us and waits
    RINGING = 2  # it is called and rings
    UP = 3  # picked up


class Glimpse(Struct, frozen=True, kw_only=True):
    """What one message says of one channel. Empty is what it does not say."""

    id: str
    name: str = ""
    linkedid: str = ""  # the call that it says it belongs to
    state: State | None = None
    number: str = ""  # that it shows
    caller_name: str = ""
    exten: str = ""  # where in the dialplan it is
    variables: dict[str, str] = field(default_factory=dict)


class Seen(Struct, frozen=True, kw_only=True):
    """A channel is there. `is_birth`: this is its first message, so `exten` is what was called."""

    channel: Glimpse
    is_birth: bool = False


class Dialled(Struct, frozen=True, kw_only=True):
    """A dial of `dest` begins (`status` empty), goes on, or has ended."""

    dest: Glimpse
    caller: Glimpse | None = None  # None: originated
    status: str = ""
    dial_string: str = ""


class Bridged(Struct, frozen=True, kw_only=True):
    """A channel entered or left a bridge."""

    channel: Glimpse
    bridge: str
    is_in: bool
    is_holding: bool = False  # a waiting room: nobody in it talks with anybody


class HangupAsked(Struct, frozen=True, kw_only=True):
    """The party at the other end of this channel hung up; the PBX had not asked for it."""

    channel: Glimpse


class Gone(Struct, frozen=True, kw_only=True):
    """A channel is no more."""

    channel: Glimpse
    cause: int | None = None  # ITU-T Q.850
    tech_cause: int | None = None  # SIP status


class Queued(Struct, frozen=True, kw_only=True):
    """A caller came to a queue, or is offered to one of its members."""

    channel: Glimpse
    queue: str


class Connected(Struct, frozen=True, kw_only=True):
    """A queue gave its caller to a member."""

    channel: Glimpse
    dest: Glimpse
    queue: str


class Abandoned(Struct, frozen=True, kw_only=True):
    """A caller gave up waiting in a queue."""

    channel: Glimpse
    queue: str


class PickedUp(Struct, frozen=True, kw_only=True):
    """A phone took the call that rings at another one."""

    channel: Glimpse
    target: Glimpse


class Monitored(Struct, frozen=True, kw_only=True):
    """A channel is being recorded by the dialplan; into which file, where that is told."""

    channel: Glimpse
    file: str = ""


class RecordingBegun(Struct, frozen=True, kw_only=True):
    """ARI records a channel or bridge."""

    target: str  # id of that channel or bridge


class RecordingMade(Struct, frozen=True, kw_only=True):
    """ARI finished a recording of a channel or bridge."""

    name: str
    target: str  # id of that channel or bridge


class OriginateFailed(Struct, frozen=True, kw_only=True):
    """A channel that was asked for could not be made, or was not answered."""

    channel_id: str
    name: str  # as asked for: technology and endpoint
    number: str  # that it was to be connected with


class Billed(Struct, frozen=True, kw_only=True):
    """One channel and one that it called, as the PBX put it down when that was over.

    The billed seconds count from the answer of the calling channel, not from that of the called one.
    """

    channel: Glimpse
    dest: str  # name of the channel called; "" where none was
    disposition: str
    seconds: int
    billed_seconds: int
    began: str = ""  # by the PBX's clock, in a zone that it does not name: only rows of one call compare
    sequence: str = ""


Sight = (
    Seen
    | Dialled
    | Bridged
    | HangupAsked
    | Gone
    | Queued
    | Connected
    | Abandoned
    | PickedUp
    | Monitored
    | RecordingBegun
    | RecordingMade
    | OriginateFailed
    | Billed
)


class LiveChannel(Struct, frozen=True, kw_only=True):
    """A row of the list of channels that a PBX has at one moment."""

    channel: Glimpse
    bridge: str = ""
    is_called: bool = False  # it was dialled, as the application that runs it shows
    age_seconds: int = 0
