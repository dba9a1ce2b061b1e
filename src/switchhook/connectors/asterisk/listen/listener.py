"""All calls of one PBX that are going on, each under its Linkedid, and which channel belongs to which.

The only thing in `listen` that remembers; no clock and no I/O: times come in as arguments.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from switchhook.connectors.asterisk.listen import facts
from switchhook.connectors.asterisk.listen.billing import Claim, claims_of
from switchhook.connectors.asterisk.listen.plan import Plan
from switchhook.connectors.asterisk.listen.recording import Recording
from switchhook.connectors.asterisk.listen.sight import (
    Abandoned,
    Billed,
    Bridged,
    Connected,
    Dialled,
    Glimpse,
    Gone,
    HangupAsked,
    LiveChannel,
    Monitored,
    OriginateFailed,
    PickedUp,
    Queued,
    RecordingBegun,
    RecordingMade,
    Seen,
    Sight,
)
from switchhook.connectors.asterisk.listen.talking import with_talks
from switchhook.connectors.asterisk.listen.told import tell
from switchhook.connectors.asterisk.listen.tracked import Channel, Tracked
from switchhook.core.call import News

# How long a call that is over is remembered: its last messages may come after its last hang-up.
LINGER = timedelta(seconds=30)
# One that was heard in part is remembered longer: a PBX may collect its CDRs for minutes (cdr.conf, `batch`).
LINGER_OF_CUT = timedelta(minutes=10)
# A call of which nothing was heard for longer is taken as over; lists of live channels find it before.
STALE = timedelta(hours=12)
MOST_CALLS = 20_000
MOST_CHANNELS = 100  # of one call, that are gone and told of
MOST_BILLS = 50  # of one call


class Listener:
    """Follows the calls of one PBX. Not to be used by two connections to it at once."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._calls: dict[str, Tracked] = {}
        self._homes: dict[str, str] = {}  # channel: call
        self._bridges: dict[str, str] = {}  # bridge: call
        self._billed: set[str] = set()  # calls of which something was put down that is not looked at yet
        self._made: list[Recording] = []  # since they were last asked for

    @property
    def calls(self) -> Sequence[Tracked]:
        """Every call that is remembered, oldest first."""
        return tuple(self._calls.values())

    def hear(self, sight: Sight, at: datetime, *, heard_at: datetime | None = None) -> tuple[News, ...]:
        """Take in what a message shows; give what became true by it. Repetition makes nothing true.

        `at` is when it happened, `heard_at` when it came to us, where that is later: by the one talks are
        measured, by the other it is judged what may still come. Both by our clock.
        """
        match sight:
            case RecordingMade():
                self._recording_made(sight)
                return ()
            case RecordingBegun(target=target):
                self._recording_begun(target)
                return ()
            case Billed():
                self._note_bill(sight)
                return ()
        heard_at = at if heard_at is None else heard_at
        news: list[News] = []
        glimpses = _glimpses(sight)
        for glimpse in glimpses:
            news += self._follow(glimpse, at, heard_at)
        news += self._join(sight, at, heard_at)
        call_id = self._home_of(glimpses[-1])
        call = self._calls.get(call_id)
        if call is None:
            if not _shows_life(sight):
                return tuple(news)
            call = self._begin(call_id, at)
        call = facts.take(call, sight, self._plan, at)
        call = facts.with_heard(call, [one.id for one in glimpses], heard_at)
        for glimpse in glimpses:
            self._homes.setdefault(glimpse.id, call.id)
        return (*news, *self._put(call, at, heard_at))

    def found(self) -> tuple[Recording, ...]:
        """Give the recordings that may be there, each of the dialplan's once, since this was last asked."""
        made, self._made = tuple(self._made), []
        return made

    def compare(self, rows: Sequence[LiveChannel], *, asked_at: datetime, at: datetime) -> tuple[News, ...]:
        """Take in the list of channels that are live, as asked for at `asked_at` after a silence.

        Calls that began meanwhile are told as they stand. What was believed live and is not in the list,
        and was not heard of since `asked_at`, is closed: its talk without a length, since nobody heard
        its end, and its result unknown.
        """
        news: list[News] = []
        touched: dict[str, None] = {}
        for row in rows:
            news += self._follow(row.channel, at, at)
            call_id = self._home_of(row.channel)
            call = self._calls.get(call_id) or self._begin(call_id, at)
            self._calls[call_id] = facts.take_live(call, row, self._plan, asked_at, at)
            self._homes.setdefault(row.channel.id, call_id)
            if row.bridge and self._calls[call_id].channels[row.channel.id].is_party:
                self._bridges.setdefault(row.bridge, call_id)
            touched[call_id] = None
        live = {row.channel.id for row in rows}
        for call in self.calls:
            for channel in call.channels.values():
                if channel.is_gone or channel.id in live or channel.heard_at > asked_at:
                    continue
                self._calls[call.id] = facts.with_lost(self._calls[call.id], channel.id, at)
                touched[call.id] = None
        for call_id in touched:
            news += self._put(replace(self._calls[call_id], is_cut=True), at, at, is_cut=True)
        return tuple(news)

    def sweep(self, at: datetime) -> tuple[News, ...]:
        """Say what only time tells, forget what is over, close what was not heard of for half a day.

        To be called about once a second.
        """
        news: list[News] = []
        past: list[Tracked] = []
        for call in self.calls:
            if call.over_at is not None or call.is_deserted:
                lingers = LINGER_OF_CUT if call.is_cut else LINGER
                past += [call] if at - (call.over_at or call.heard_at) > lingers else []
            elif at - call.heard_at > STALE:
                for channel_id in call.channels:
                    call = facts.with_lost(call, channel_id, at)
                news += self._put(call, at, at)
                past.append(call)
            elif call.is_waiting or len(call.channels) > MOST_CHANNELS:
                news += self._put(self._pruned(call), at, at)
        self._forget(past)
        return tuple(news)

    def claims(self) -> tuple[Claim, ...]:
        """Give what the PBX put down of calls that are over and were heard only in part.

        A call is given again when more was put down of it since, and then with all of it.
        """
        due = [one for one in self._billed if self._calls[one].over_at is not None]
        self._billed.difference_update(due)
        return tuple(claim for one in due for claim in claims_of(self._calls[one], self._plan))

    def _note_bill(self, sight: Billed) -> None:
        call = self._calls.get(self._homes.get(sight.channel.id) or sight.channel.linkedid)
        if call is not None and sight not in call.bills and len(call.bills) < MOST_BILLS:
            self._calls[call.id] = replace(call, bills=(*call.bills, sight))
            self._billed.add(call.id)

    def _follow(self, glimpse: Glimpse, at: datetime, heard_at: datetime) -> Sequence[News]:
        """Move a channel to the call that it now says it belongs to."""
        home, said = self._homes.get(glimpse.id), glimpse.linkedid
        if home is None or not said or said == home or home not in self._calls:
            return ()
        channel = self._calls[home].channels.get(glimpse.id)
        if channel is None or said in channel.former:
            return ()
        return self._move(channel, home, said, at, heard_at)

    def _join(self, sight: Sight, at: datetime, heard_at: datetime) -> Sequence[News]:
        """Bring channels together that are in one call, though not all of them say so yet.

        A phone that picks a call up is dialled in place of the one that rang, and two calls in one bridge
        are one: of both Asterisk tells the new Linkedid only later.
        """
        match sight:
            case Dialled(dest=dest, caller=Glimpse() as caller):
                home, target = self._homes.get(dest.id), self._homes.get(caller.id)
                others = [dest.id]
            case Bridged(channel=channel, bridge=bridge, is_in=True, is_holding=False):
                home, target = (
                    self._home_of(channel),
                    self._bridges.setdefault(bridge, self._home_of(channel)),
                )
                others = [channel.id]
                if home != target and self._is_older(home, target):
                    self._bridges[bridge] = home
                    home, target = target, home
                    others = [one.id for one in self._calls[home].channels.values() if one.bridge == bridge]
            case _:
                return ()
        if home is None or target is None or home == target or home not in self._calls:
            return ()
        known = self._calls[home].channels
        moved = [self._move(known[one], home, target, at, heard_at) for one in others if one in known]
        return [one for news in moved for one in news]

    def _move(
        self, channel: Channel, home: str, target: str, at: datetime, heard_at: datetime
    ) -> Sequence[News]:
        left = facts.with_moved(self._calls[home], channel.id, at)
        news = [*self._put(left, at, heard_at)]
        self._homes[channel.id] = target
        joined = self._calls.get(target) or self._begin(target, at)
        joined = replace(joined, is_cut=joined.is_cut or left.is_cut)
        return [*news, *self._put(facts.with_arrived(joined, channel, home, at), at, heard_at)]

    def _is_older(self, one: str, other: str) -> bool:
        first, second = self._calls.get(one), self._calls.get(other)
        return first is not None and second is not None and first.began_at < second.began_at

    def _home_of(self, glimpse: Glimpse) -> str:
        return self._homes.get(glimpse.id) or glimpse.linkedid or glimpse.id

    def _begin(self, call_id: str, at: datetime) -> Tracked:
        if len(self._calls) >= MOST_CALLS:
            self._forget([next((call for call in self._calls.values() if call.over_at), self.calls[0])])
        call = self._calls[call_id] = Tracked(id=call_id, began_at=at, heard_at=at)
        return call

    def _put(
        self, call: Tracked, at: datetime, heard_at: datetime, *, is_cut: bool = False
    ) -> Sequence[News]:
        call, news = tell(with_talks(call, at, is_cut=is_cut), self._plan, heard_at)
        self._calls[call.id] = self._with_files_named(call)
        return news

    def _with_files_named(self, call: Tracked) -> Tracked:
        """Name the files of a call that is over and had a talk, also those that are heard of later."""
        if call.over_at is None or call.files == call.named or not call.has_talked:
            return call
        self._made += [
            Recording(call_id=call.id, name=file, is_stored=False)
            for file in call.files
            if file not in call.named
        ]
        return replace(call, named=call.files)

    def _recording_begun(self, target: str) -> None:
        """Note it: whoever is told of the call's end is told that there will be a recording."""
        call = self._calls.get(self._bridges.get(target) or self._homes.get(target) or "")
        if call is not None:
            self._calls[call.id] = replace(call, is_monitored=True)

    def _recording_made(self, sight: RecordingMade) -> None:
        """Name it, however short it is: it was promised, and its file shows whether there is sound in it."""
        call_id = self._bridges.get(sight.target) or self._homes.get(sight.target)
        if call_id is not None:
            self._made.append(Recording(call_id=call_id, name=sight.name, is_stored=True))

    def _pruned(self, call: Tracked) -> Tracked:
        """Drop the oldest channels of a call that are long gone, such as the rings of a patient queue."""
        excess = len(call.channels) - MOST_CHANNELS
        if excess <= 0:
            return call
        told = {one for leg in call.legs if leg.ended is not None for one in leg.channels}
        kept = {call.id, call.origin.id if call.origin else ""}
        spare = {
            one.id
            for one in call.channels.values()
            if one.is_gone and one.id not in kept and (one.id in told or not one.is_party)
        }
        dropped = set(list(filter(spare.__contains__, call.channels))[:excess])
        for channel_id in dropped:
            self._homes.pop(channel_id, None)
        return replace(
            call,
            channels={key: one for key, one in call.channels.items() if key not in dropped},
            legs=tuple(leg for leg in call.legs if not set(leg.channels) <= dropped),
        )

    def _forget(self, calls: Sequence[Tracked]) -> None:
        if not calls:
            return
        for call in calls:
            self._calls.pop(call.id, None)
            self._billed.discard(call.id)
            for channel_id in call.channels:
                if self._homes.get(channel_id) == call.id:
                    del self._homes[channel_id]
        gone = {call.id for call in calls}
        self._bridges = {key: call_id for key, call_id in self._bridges.items() if call_id not in gone}


def _glimpses(sight: Sight) -> list[Glimpse]:
    """Give the channels that a sight is of; the last one names the call."""
    found: Iterable[Glimpse | None]
    match sight:
        case Dialled(dest=dest, caller=caller):
            found = (dest, caller)
        case Connected(channel=channel, dest=dest):
            found = (dest, channel)
        case PickedUp(channel=channel, target=target):
            found = (channel, target)
        case OriginateFailed(channel_id=channel_id):
            found = (Glimpse(id=channel_id),)
        case RecordingBegun() | RecordingMade() | Billed():
            found = ()
        case (
            Seen(channel=channel)
            | Bridged(channel=channel)
            | HangupAsked(channel=channel)
            | Gone(channel=channel)
            | Queued(channel=channel)
            | Abandoned(channel=channel)
            | Monitored(channel=channel)
        ):
            found = (channel,)
    return [one for one in found if one is not None]


def _shows_life(sight: Sight) -> bool:
    """Tell whether a call may begin with this. Not with the last words of one that is forgotten."""
    match sight:
        case Dialled(status=status):
            return status in facts.UNDER_WAY
        case Bridged(is_in=is_in):
            return is_in
        case Gone() | HangupAsked() | Abandoned() | Monitored():
            return False
        case _:
            return True
