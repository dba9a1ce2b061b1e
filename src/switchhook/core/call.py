"""The call model: what is known of a call, the news that arrive about it, and the changes they make.

Values only, frozen, so that no ring of them can be made and the garbage collector need not know them
(`gc=False`): looking through the thousands of calls that go on would hold every request up. msgspec structs
rather than dataclasses, because a call is stored and read back on every event
(docs/decisions/0001-values-are-msgspec-structs.md).
Times are aware UTC. Durations are whole seconds.
"""

from datetime import datetime
from enum import IntEnum, StrEnum

from msgspec import Struct, field

from switchhook.core.directory import GroupKind


class Direction(StrEnum):
    """Seen from the company."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"
    INTERNAL = "internal"
    UNKNOWN = "unknown"


class Happening(StrEnum):
    """What may happen to a leg."""

    RINGING = "ringing"
    ANSWERED = "answered"
    ENDED = "ended"
    RECORDED = "recorded"
    NOTED = "noted"  # of the call as a whole: kept as it was told, and nothing else


class Disposition(StrEnum):
    """How a leg or a call ended."""

    ANSWERED = "answered"
    MISSED = "missed"
    ABANDONED = "abandoned"  # the caller gave up while it rang
    CANCELLED = "cancelled"  # this ring was ended: another picked up, or the hunt stepped on
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    UNREACHABLE = "unreachable"
    FORBIDDEN = "forbidden"
    FAILED = "failed"
    UNKNOWN = "unknown"


class ReportOf(IntEnum):
    """What a report speaks of. Of two that speak of one leg the higher one counts."""

    CALL = 0  # the whole call, from peers that tell it in one piece
    GROUP = 1  # its way through a queue or ring group: settles what is open, yields to all said of a leg
    LEG = 2  # one extension's part, told as it ended
    RECORD = 3  # one extension's part in the peer's own history: no event and no other report changes it


class LegState(StrEnum):
    RINGING = "ringing"
    TALKING = "talking"
    ENDED = "ended"


class Phase(StrEnum):
    """Where a call stands: going on, its outcome told, or its record complete."""

    OPEN = "open"
    ENDED = "ended"
    FINAL = "final"


# Members that every event is compared with, by names of their own, here and in other modules of the hot path:
# until Python 3.12 to read one from its class takes ten times as long, and an event reads some fifty.
_ANSWERED = Disposition.ANSWERED
_TALKING = LegState.TALKING
_ENDED = LegState.ENDED


class Leg(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One extension's part in a call, one per ring attempt."""

    extension: str  # "" when the peer named nobody
    attempt: int = 1
    state: LegState = LegState.RINGING
    ringing_at: datetime | None = None  # None: its start was never heard
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    disposition: Disposition | None = None
    disposition_as_sent: str | None = None
    talk_seconds: int | None = None
    has_card: bool = False  # it was told as ringing, and its end not yet
    is_answer_told: bool = False  # its answer has gone out as a change
    is_told: bool = False  # its end has gone out as a change
    is_guess: bool = False  # the peer gave no usable status or length
    is_lost: bool = False  # closed by the clock: its end was never heard
    began_at: datetime | None = None  # when it began by the peer's clock: names the attempt
    told_by: ReportOf | None = None  # the report that told its end, where one did

    @property
    def is_open(self) -> bool:
        return self.state is not _ENDED

    @property
    def has_talked(self) -> bool:
        return self.state is _TALKING or self.disposition is _ANSWERED


class Recording(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A recording of the call. Its number in the call makes its link: see `recording_path`."""

    url: str  # where the peer keeps it
    is_temp: bool = False  # good for one download only
    is_ready: bool = False  # kept by us, or known to be reachable only at the peer
    is_kept: bool = False  # we hold the file
    is_lost: bool = False  # a link for one download that did not work
    is_told: bool = False  # its readiness has gone out as a change
    content_type: str | None = None
    size_bytes: int | None = None
    seconds: float | None = None


class Call(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One conversation, keyed by (connection, the peer's call id)."""

    id: str  # ours, unique for ever
    connection_id: str
    call_id: str  # the peer's
    shared_id: str  # what other systems are told; the peer's id whenever that is free
    recording_token: str  # unguessable; makes the permanent links of its recordings
    started_at: datetime
    direction: Direction = Direction.UNKNOWN
    number: str = ""  # the outside party as first sent
    did: str | None = None
    site: str | None = None
    contact_name: str | None = None
    group: str | None = None  # the queue or ring group that it came through, by name
    group_kind: GroupKind | None = None  # None: nobody said which kind it is
    group_began_at: datetime | None = None  # when it came to the group, by the peer's clock
    legs: tuple[Leg, ...] = ()
    recordings: tuple[Recording, ...] = ()
    custom: dict[str, str] = field(default_factory=dict)
    phase: Phase = Phase.OPEN
    disposition: Disposition | None = None
    extension: str | None = None  # who talked last; for a missed call, who is to call back
    ring_seconds: int | None = None
    talk_seconds: int | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    last_heard_at: datetime | None = None
    is_recorded: bool = False  # the peer said that there is, or will be, a recording
    is_reported: bool = False  # a report has been taken: it is the authority
    reported_extension: str | None = None  # who talked, as an answered report says
    reported_talk_seconds: int | None = None
    ended_because: str | None = None  # said when a clock and not the peer ended it
    hangup: Disposition | None = None  # the peer ended the call without naming who talked
    hold_until: datetime | None = None  # untold leg ends wait for better knowledge
    settle_at: datetime | None = None  # when the outcome is taken as it then stands
    report_due_at: datetime | None = None  # a peer that reports does so by then
    dial_id: str | None = None  # the click that asked for this call

    @property
    def is_shadow(self) -> bool:
        """Only a recording was heard of so far; the call itself may still appear."""
        return not self.legs and not self.is_reported

    @property
    def is_going_on(self) -> bool:
        """Some phone still rings or somebody talks. A loop: this and the next are asked at every event."""
        for leg in self.legs:  # noqa: SIM110
            if leg.state is not _ENDED:
                return True
        return False

    @property
    def has_talked(self) -> bool:
        """Somebody talks or has talked."""
        for leg in self.legs:  # noqa: SIM110
            if leg.state is _TALKING or leg.disposition is _ANSWERED:
                return True
        return False

    @property
    def rung(self) -> tuple[str, ...]:
        """Every extension that rang, once each, in the order heard."""
        return tuple(dict.fromkeys(leg.extension for leg in self.legs if leg.extension))

    @property
    def is_missed(self) -> bool:
        return (
            self.direction is Direction.INBOUND
            and self.disposition is not None
            and self.disposition not in (Disposition.ANSWERED, Disposition.UNKNOWN)
        )

    def leg(self, extension: str) -> Leg | None:
        """Give the newest attempt of this extension."""
        for leg in reversed(self.legs):
            if leg.extension == extension:
                return leg
        return None

    def recording_path(self, index: int = 0) -> str:
        """Path of the permanent link; it may be given out before the file is here."""
        return f"/r/{self.recording_token}" if index == 0 else f"/r/{self.recording_token}/{index + 1}"


class CallEvent(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """News: one step of one leg, or of the whole call when `extension` is None."""

    call_id: str  # "" when the peer gave none: the newest open call of that number is meant
    happening: Happening
    direction: Direction = Direction.UNKNOWN
    number: str = ""
    extension: str | None = ""
    leg_began_at: datetime | None = None  # by the peer's clock, where it tells: names the attempt
    did: str | None = None
    site: str | None = None
    caller_name: str | None = None  # as the peer knows them
    group: str | None = None  # the queue or ring group that brought the call, by name
    group_kind: GroupKind | None = None
    talk_seconds: int | None = None
    ring_seconds: int | None = None
    disposition: Disposition | None = None
    disposition_as_sent: str | None = None
    is_recorded: bool = False
    recording_url: str | None = None
    recording_is_temp: bool = False
    custom: dict[str, str] = field(default_factory=dict)
    report_within_seconds: int | None = None  # set when this peer sends a report later
    as_sent: dict[str, str] = field(default_factory=dict)  # raw fields, less the keys


class CallReport(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """News: a call, or a part of it, after the fact. Its result and lengths are the authority."""

    call_id: str
    of: ReportOf = ReportOf.CALL
    direction: Direction
    number: str
    started_at: datetime  # of what it speaks of
    disposition: Disposition
    disposition_as_sent: str | None = None
    is_guess: bool = False  # the peer did not say how it ended: an answer that was heard counts more
    extension: str | None = None
    did: str | None = None
    site: str | None = None
    caller_name: str | None = None
    group: str | None = None
    group_kind: GroupKind | None = None
    talk_seconds: int | None = None
    ring_seconds: int | None = None
    recording_url: str | None = None
    custom: dict[str, str] = field(default_factory=dict)
    may_match_loosely: bool = False  # its events may carry another id: match by number and time
    as_sent: dict[str, str] = field(default_factory=dict)


class RecordingKept(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """News from ourselves: the file is on our disk, or will never be (`is_kept` false)."""

    call_id: str
    url: str
    is_kept: bool
    content_type: str | None = None
    size_bytes: int | None = None
    seconds: float | None = None


class Tick(Struct, frozen=True, kw_only=True, gc=False):
    """News from ourselves: time has passed."""

    call_id: str


class CallerNamed(Struct, frozen=True, kw_only=True, gc=False):
    """News from ourselves: the address book or a CRM knows who is at the other end."""

    call_id: str
    name: str


# What we tell ourselves is always about a call that there is; it never makes one.
OwnNews = RecordingKept | Tick | CallerNamed
News = CallEvent | CallReport | OwnNews


class ChangeKind(StrEnum):
    LEG_RINGING = "leg.ringing"
    LEG_ANSWERED = "leg.answered"
    LEG_ENDED = "leg.ended"
    CALL_ENDED = "call.ended"  # the outcome is known; once a call
    CALL_FINAL = "call.final"  # the record is complete: links and lengths included; once a call
    RECORDING_HEARD = "recording.heard"  # a link was named; the file is not here yet
    RECORDING_READY = "recording.ready"
    CORRECTED = "call.corrected"  # something told before turned out otherwise


class Change(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What became true of a call, told to everyone interested with the call as it then was."""

    kind: ChangeKind
    at: datetime
    extensions: tuple[str, ...] = ()  # one, except where a connector merged changes of one step
    attempt: int = 1
    disposition: Disposition | None = None
    # LEG_ENDED: as it should be told: of a missed group one leg says missed, the rest cancelled.
    talk_seconds: int | None = None
    was_said: bool = False  # CALL_ENDED: a leg's end in the same step said the outcome already
    recording: int | None = None  # RECORDING_*: number in `call.recordings`
    note: str | None = None  # CORRECTED: what changed, in words

    @property
    def extension(self) -> str:
        return self.extensions[0] if self.extensions else ""


LIVE_CHANGES = frozenset({ChangeKind.LEG_RINGING, ChangeKind.LEG_ANSWERED})
