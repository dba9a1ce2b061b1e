"""ARI events as sights, as an application that subscribes to everything is told them. Pure.

`StasisEnd` is not read: the channel goes on in the dialplan, or `ChannelDestroyed` follows, which such an
application is told of every channel.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from switchhook.connectors.asterisk.listen.from_ami import CALLED_BY, HOLDING, STATES
from switchhook.connectors.asterisk.listen.sight import (
    Bridged,
    Dialled,
    Glimpse,
    Gone,
    HangupAsked,
    LiveChannel,
    RecordingBegun,
    RecordingMade,
    Seen,
    Sight,
    State,
)
from switchhook.connectors.asterisk.wire import ari


def sight_of(event: ari.Event) -> Sight | None:
    """Give what an event shows; None for one that does not matter."""
    read = _READERS.get(type(event))
    return None if read is None else read(event)


def live_channels(
    channels: Sequence[ari.Channel], bridges: Sequence[ari.Bridge], *, now: datetime | None = None
) -> Sequence[LiveChannel]:
    """Give the answers to `GET /channels` and `GET /bridges` as rows; `now` is the PBX's own time."""
    homes = {
        channel_id: bridge.id
        for bridge in bridges
        if HOLDING not in (bridge.technology, f"{bridge.bridge_type}_bridge")
        for channel_id in bridge.channels
    }
    return [
        LiveChannel(
            channel=_glimpse(channel),
            bridge=homes.get(channel.id, ""),
            is_called=channel.dialplan.app_name in CALLED_BY,
            age_seconds=_age(channel.creationtime, now),
        )
        for channel in channels
    ]


def read_time(written: str) -> datetime | None:
    """Read a time of ARI, such as 2026-11-21T04:50:28.251+0000; None for anything else."""
    try:
        at = datetime.fromisoformat(written)  # each event has one: `strptime` takes forty times as long
    except ValueError:
        return None
    return None if at.tzinfo is None else at


def _age(created: str, now: datetime | None) -> int:
    began = read_time(created)
    return 0 if began is None or now is None else max(0, int((now - began).total_seconds()))


def _glimpse(channel: ari.Channel) -> Glimpse:
    return Glimpse(
        id=channel.id,
        name=channel.name,
        linkedid=channel.linkedid,
        state=STATES.get(channel.state, State.DOWN) if channel.state else None,
        number=channel.caller.number,
        caller_name=channel.caller.name,
        exten=channel.dialplan.exten,
        variables=channel.channelvars,
    )


def _created(event: ari.ChannelCreated) -> Sight:
    return Seen(channel=_glimpse(event.channel), is_birth=True)


def _seen(event: ari.ChannelStateChange | ari.ChannelCallerId | ari.StasisStart) -> Sight:
    return Seen(channel=_glimpse(event.channel))


def _dialled(event: ari.Dial) -> Sight:
    return Dialled(
        dest=_glimpse(event.peer),
        caller=None if event.caller is None else _glimpse(event.caller),
        status=event.dialstatus,
        dial_string=event.dialstring,
    )


def _entered(event: ari.ChannelEnteredBridge) -> Sight:
    return _bridged(event.channel, event.bridge, is_in=True)


def _left(event: ari.ChannelLeftBridge) -> Sight:
    return _bridged(event.channel, event.bridge, is_in=False)


def _bridged(channel: ari.Channel, bridge: ari.Bridge, *, is_in: bool) -> Sight:
    is_holding = HOLDING in (bridge.technology, f"{bridge.bridge_type}_bridge")
    return Bridged(channel=_glimpse(channel), bridge=bridge.id, is_in=is_in, is_holding=is_holding)


def _hangup_asked(event: ari.ChannelHangupRequest) -> Sight:
    channel = _glimpse(event.channel)
    return Seen(channel=channel) if event.soft else HangupAsked(channel=channel)


def _gone(event: ari.ChannelDestroyed) -> Sight:
    return Gone(channel=_glimpse(event.channel), cause=event.cause, tech_cause=event.tech_cause)


def _recording_begun(event: ari.RecordingStarted) -> Sight | None:
    target = event.recording.target_uri.partition(":")[2]
    return RecordingBegun(target=target) if target else None


def _recording_made(event: ari.RecordingFinished) -> Sight | None:
    target = event.recording.target_uri.partition(":")[2]
    return RecordingMade(name=event.recording.name, target=target) if target else None


_READERS: Mapping[type[ari.Event], Callable[[Any], Sight | None]] = {
    ari.ChannelCreated: _created,
    ari.ChannelStateChange: _seen,
    ari.ChannelCallerId: _seen,
    ari.ChannelConnectedLine: _seen,
    ari.StasisStart: _seen,
    ari.Dial: _dialled,
    ari.ChannelEnteredBridge: _entered,
    ari.ChannelLeftBridge: _left,
    ari.ChannelHangupRequest: _hangup_asked,
    ari.ChannelDestroyed: _gone,
    ari.RecordingStarted: _recording_begun,
    ari.RecordingFinished: _recording_made,
}
