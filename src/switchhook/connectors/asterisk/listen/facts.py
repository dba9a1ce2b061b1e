"""Taking a sight into what is known of a call: facts are added and filled in, none is taken back. Pure."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from switchhook.connectors.asterisk.listen.names import read_channel_name
from switchhook.connectors.asterisk.listen.plan import Plan
from switchhook.connectors.asterisk.listen.sight import (
    Abandoned,
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
    Seen,
    Sight,
    State,
)
from switchhook.connectors.asterisk.listen.tracked import Channel, Tracked

# Of several words about how one dial ended (a queue says CANCEL after NOANSWER) the first of these counts.
STATUSES = (
    "ANSWER",
    "BUSY",
    "CONGESTION",
    "CHANUNAVAIL",
    "NOANSWER",
    "CANCEL",
)
# A dial that goes on.
UNDER_WAY = frozenset({"", "RINGING", "PROGRESS", "PROCEEDING"})
# A dialplan's own places: start, hang-up, invalid, time-out.
NO_NUMBER = frozenset({"s", "h", "i", "t"})
MOST_FILES = 10


def take(call: Tracked, sight: Sight, plan: Plan, at: datetime) -> Tracked:
    """Take a sight of one of this call's channels in."""
    call = replace(call, heard_at=max(at, call.heard_at))
    taken = _TAKE.get(type(sight))
    return call if taken is None else taken(call, sight, plan, at)


def take_live(call: Tracked, row: LiveChannel, plan: Plan, asked_at: datetime, at: datetime) -> Tracked:
    """Take a row of the list of live channels in: it may be the first that is heard of its channel.

    What was heard of it since the list was asked for is newer than the row.
    """
    known = call.channels.get(row.channel.id)
    call, channel = _observe(call, row.channel, plan, at)
    began_at = channel.seen_at - timedelta(seconds=row.age_seconds) if known is None else channel.seen_at
    is_newer = known is not None and known.heard_at > asked_at
    bridge = channel.bridge if is_newer or channel.is_gone else row.bridge
    is_called = channel.is_called or row.is_called
    return _put(call, replace(channel, bridge=bridge, is_called=is_called, seen_at=began_at))


def with_heard(call: Tracked, channel_ids: Iterable[str], heard_at: datetime) -> Tracked:
    """Note when that came to us which was just taken in of these channels."""
    channels = dict(call.channels)
    for one in channel_ids:
        if one in channels:
            channels[one] = replace(channels[one], heard_at=max(heard_at, channels[one].heard_at))
    return replace(call, channels=channels, heard_at=max(heard_at, call.heard_at))


def with_lost(call: Tracked, channel_id: str, at: datetime) -> Tracked:
    """Note that a channel was gone when nobody listened."""
    channel = call.channels[channel_id]
    return call if channel.is_gone else _put(call, replace(channel, gone_at=at, is_lost=True, bridge=""))


def with_moved(call: Tracked, channel_id: str, at: datetime) -> Tracked:
    """Note that a channel went to another call."""
    channel = call.channels[channel_id]
    gone_at = channel.gone_at or at
    return _put(call, replace(channel, gone_at=gone_at, is_moved=True, bridge=""))


def with_arrived(call: Tracked, channel: Channel, former: str, at: datetime) -> Tracked:
    """Take a channel in that was part of another call until now."""
    arrived = replace(
        channel,
        seen_at=at,
        talked_at=None,
        outside_at=None,
        former=(*channel.former, former),
        is_called=True,
    )
    return _put(call, arrived)


def _seen(call: Tracked, sight: Seen, plan: Plan, at: datetime) -> Tracked:
    call, channel = _observe(call, sight.channel, plan, at)
    if sight.is_birth and not channel.exten and sight.channel.exten not in NO_NUMBER:
        call = _put(call, replace(channel, exten=sight.channel.exten))
    return call


def _dialled(call: Tracked, sight: Dialled, plan: Plan, at: datetime) -> Tracked:
    if sight.caller is not None:
        call, _ = _observe(call, sight.caller, plan, at)
    call, dest = _observe(call, sight.dest, plan, at)
    status = dest.status
    if sight.status not in UNDER_WAY:
        status = min(filter(None, (status, sight.status)), key=_rank)
    return _put(
        call,
        replace(
            dest,
            is_called=True,
            dialled_by=dest.dialled_by or (sight.caller.id if sight.caller else ""),
            dial_string=dest.dial_string or sight.dial_string,
            status=status,
        ),
    )


def _rank(status: str) -> int:
    return STATUSES.index(status) if status in STATUSES else len(STATUSES)


def _bridged(call: Tracked, sight: Bridged, plan: Plan, at: datetime) -> Tracked:
    call, channel = _observe(call, sight.channel, plan, at)
    if sight.is_in:
        is_talk = not sight.is_holding and not channel.is_gone
        return _put(call, replace(channel, bridge=sight.bridge if is_talk else ""))
    # It may be in the next one already.
    return _put(call, replace(channel, bridge="")) if channel.bridge == sight.bridge else call


def _hangup_asked(call: Tracked, sight: HangupAsked, plan: Plan, at: datetime) -> Tracked:
    call, channel = _observe(call, sight.channel, plan, at)
    return _put(call, replace(channel, hung_up_at=channel.hung_up_at or at))


def _gone(call: Tracked, sight: Gone, plan: Plan, at: datetime) -> Tracked:
    call, channel = _observe(call, sight.channel, plan, at)
    if channel.is_gone and not channel.is_lost:
        return call
    return _put(
        call,
        replace(
            channel,
            gone_at=channel.gone_at or at,
            cause=sight.cause,
            tech_cause=sight.tech_cause,
            bridge="",
        ),
    )


def _queued(call: Tracked, sight: Queued, plan: Plan, at: datetime) -> Tracked:
    call, _ = _observe(call, sight.channel, plan, at)
    if not sight.queue:
        return call
    return replace(call, queue=call.queue or sight.queue, queued_at=call.queued_at or at)


def _connected(call: Tracked, sight: Connected, plan: Plan, at: datetime) -> Tracked:
    call, _ = _observe(call, sight.channel, plan, at)
    call, dest = _observe(call, sight.dest, plan, at)
    if dest.is_party and dest.talked_at is None:
        call = _put(call, replace(dest, talked_at=at, outside_at=at, is_called=True))
    return replace(call, queue=call.queue or sight.queue or None)


def _abandoned(call: Tracked, sight: Abandoned, plan: Plan, at: datetime) -> Tracked:
    call, _ = _observe(call, sight.channel, plan, at)
    return replace(call, abandoned_at=call.abandoned_at or at, queue=call.queue or sight.queue or None)


def _picked_up(call: Tracked, sight: PickedUp, plan: Plan, at: datetime) -> Tracked:
    """Note it of the phone that rang; the other one is, or will be, dialled instead of it."""
    call, target = _observe(call, sight.target, plan, at)
    return _put(call, replace(target, is_picked_up=True))


def _monitored(call: Tracked, sight: Monitored, plan: Plan, at: datetime) -> Tracked:
    call, _ = _observe(call, sight.channel, plan, at)
    files = call.files
    if sight.file and sight.file not in files and len(files) < MOST_FILES:
        files = (*files, sight.file)
    return replace(call, is_monitored=True, files=files)


def _originate_failed(call: Tracked, sight: OriginateFailed, plan: Plan, at: datetime) -> Tracked:
    if sight.channel_id in call.channels:
        return call  # its own messages say more
    glimpse = Glimpse(id=sight.channel_id, name=sight.name, number=sight.number)
    call, channel = _observe(call, glimpse, plan, at)
    return _put(call, replace(channel, is_called=True, status="CHANUNAVAIL", gone_at=at))


def _observe(call: Tracked, seen: Glimpse, plan: Plan, at: datetime) -> tuple[Tracked, Channel]:
    """Fill in what one message says of one channel."""
    old = call.channels.get(seen.id) or Channel(id=seen.id, seen_at=at, heard_at=at)
    new = replace(
        old,
        heard_at=max(at, old.heard_at),
        state=old.state if seen.state is None else max(old.state, seen.state),
        up_at=old.up_at or (at if seen.state is State.UP else None),
        number=old.number or seen.number,
        shows=seen.number or old.shows,
        caller_name=old.caller_name or seen.caller_name,
        did=old.did or seen.variables.get(plan.did_variable, ""),
    )
    # A phone that was asked for by its endpoint has that for its name until there is a channel.
    if seen.name and seen.name != old.name:
        named = read_channel_name(seen.name)
        extension = plan.extension_of(named.endpoint) if named.is_party else None
        new = replace(new, name=seen.name, endpoint=named.endpoint, pair=named.pair, extension=extension)
    return _put(call, new), new


def _put(call: Tracked, channel: Channel) -> Tracked:
    return replace(call, channels={**call.channels, channel.id: channel})


_TAKE: Mapping[type, Callable[[Tracked, Any, Plan, datetime], Tracked]] = {
    Seen: _seen,
    Dialled: _dialled,
    Bridged: _bridged,
    HangupAsked: _hangup_asked,
    Gone: _gone,
    Queued: _queued,
    Connected: _connected,
    Abandoned: _abandoned,
    PickedUp: _picked_up,
    Monitored: _monitored,
    OriginateFailed: _originate_failed,
}
