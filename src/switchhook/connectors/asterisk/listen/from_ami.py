"""AMI events as sights; field names as Asterisk 22.10.1 sent them. Pure."""

from collections.abc import Callable, Mapping, Sequence

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
    Seen,
    Sight,
    State,
)
from switchhook.connectors.asterisk.wire.ami import Frame, Kind

STATES: Mapping[str, State] = {"Ring": State.RING, "Ringing": State.RINGING, "Up": State.UP}
HOLDING = "holding_bridge"
# The file that MixMonitor writes; told only where VarSet is not filtered.
MONITOR_FILE = "MIXMONITOR_FILENAME"
# Applications that run on a channel because somebody dialled it.
CALLED_BY = frozenset({"AppDial", "AppDial2", "AppQueue"})


def sight_of(frame: Frame) -> Sight | None:
    """Give what an event shows; None for what is no event, or none that matters."""
    if frame.kind is not Kind.EVENT:
        return None
    read = _READERS.get(frame.event)
    return None if read is None else read(frame)


def live_channels(frames: Sequence[Frame]) -> Sequence[LiveChannel]:
    """Give the rows among the answers to CoreShowChannels."""
    return [_live(frame) for frame in frames if frame.event == "CoreShowChannel" and frame.raw("Uniqueid")]


def _glimpse(frame: Frame, prefix: str = "") -> Glimpse | None:
    channel_id = frame.get(f"{prefix}Uniqueid")
    if not channel_id:
        return None
    written = frame.raw(f"{prefix}ChannelStateDesc")
    return Glimpse(
        id=channel_id,
        name=frame.get(f"{prefix}Channel"),
        linkedid=frame.get(f"{prefix}Linkedid"),
        state=STATES.get(written, State.DOWN) if written else None,
        number=frame.get(f"{prefix}CallerIDNum"),
        caller_name=frame.get(f"{prefix}CallerIDName"),
        exten=frame.get(f"{prefix}Exten"),
        variables=frame.variables(f"{prefix}ChanVariable"),
    )


def _seen(frame: Frame) -> Sight | None:
    channel = _glimpse(frame)
    return None if channel is None else Seen(channel=channel, is_birth=frame.event == "Newchannel")


def _dialled(frame: Frame) -> Sight | None:
    dest = _glimpse(frame, "Dest")
    if dest is None:
        return None
    status, dial_string = frame.get("DialStatus"), frame.get("DialString")
    return Dialled(dest=dest, caller=_glimpse(frame), status=status, dial_string=dial_string)


def _bridged(frame: Frame) -> Sight | None:
    channel, bridge = _glimpse(frame), frame.get("BridgeUniqueid")
    if channel is None or not bridge:
        return None
    return Bridged(
        channel=channel,
        bridge=bridge,
        is_in=frame.event == "BridgeEnter",
        is_holding=frame.get("BridgeTechnology") == HOLDING,
    )


def _hangup_asked(frame: Frame) -> Sight | None:
    channel = _glimpse(frame)
    return None if channel is None else HangupAsked(channel=channel)


def _gone(frame: Frame) -> Sight | None:
    channel = _glimpse(frame)
    if channel is None:
        return None
    return Gone(channel=channel, cause=frame.number("Cause"), tech_cause=frame.number("TechCause"))


def _queued(frame: Frame) -> Sight | None:
    channel = _glimpse(frame)
    return None if channel is None else Queued(channel=channel, queue=frame.get("Queue"))


def _connected(frame: Frame) -> Sight | None:
    channel, dest = _glimpse(frame), _glimpse(frame, "Dest")
    if channel is None or dest is None:
        return None
    return Connected(channel=channel, dest=dest, queue=frame.get("Queue"))


def _abandoned(frame: Frame) -> Sight | None:
    channel = _glimpse(frame)
    return None if channel is None else Abandoned(channel=channel, queue=frame.get("Queue"))


def _picked_up(frame: Frame) -> Sight | None:
    channel, target = _glimpse(frame), _glimpse(frame, "Target")
    return None if channel is None or target is None else PickedUp(channel=channel, target=target)


def _monitored(frame: Frame) -> Sight | None:
    channel = _glimpse(frame)
    return None if channel is None else Monitored(channel=channel)


def _variable_set(frame: Frame) -> Sight | None:
    channel = _glimpse(frame)
    if channel is None or frame.raw("Variable") != MONITOR_FILE:
        return None
    return Monitored(channel=channel, file=frame.raw("Value"))


def _originated(frame: Frame) -> Sight | None:
    channel_id = frame.get("Uniqueid")
    if not channel_id or frame.raw("Response") != "Failure":
        return None
    return OriginateFailed(channel_id=channel_id, name=frame.get("Channel"), number=frame.get("Exten"))


def _billed(frame: Frame) -> Sight | None:
    """Read a CDR as cdr_manager sends it; its `LinkedID` is there only where the mapping has it."""
    channel = _glimpse(frame)
    seconds, billed = frame.number("Duration"), frame.number("BillableSeconds")
    if channel is None or seconds is None or billed is None:
        return None
    return Billed(
        channel=channel,
        dest=frame.get("DestinationChannel"),
        disposition=frame.raw("Disposition"),
        seconds=seconds,
        billed_seconds=billed,
        began=frame.raw("StartTime"),
        sequence=frame.raw("Sequence"),
    )


_READERS: Mapping[str, Callable[[Frame], Sight | None]] = {
    "Newchannel": _seen,
    "Newstate": _seen,
    "NewCallerid": _seen,
    "NewConnectedLine": _seen,
    "SoftHangupRequest": _seen,
    "HangupRequest": _hangup_asked,
    "Hangup": _gone,
    "DialBegin": _dialled,
    "DialState": _dialled,
    "DialEnd": _dialled,
    "BridgeEnter": _bridged,
    "BridgeLeave": _bridged,
    "QueueCallerJoin": _queued,
    "AgentCalled": _queued,
    "AgentConnect": _connected,
    "QueueCallerAbandon": _abandoned,
    "Pickup": _picked_up,
    "MixMonitorStart": _monitored,
    "VarSet": _variable_set,
    "OriginateResponse": _originated,
    "Cdr": _billed,
}


def _live(frame: Frame) -> LiveChannel:
    channel = _glimpse(frame)
    assert channel is not None
    return LiveChannel(
        channel=channel,
        bridge=frame.get("BridgeId"),
        is_called=frame.get("Application") in CALLED_BY,
        age_seconds=_seconds(frame.get("Duration")),
    )


def _seconds(duration: str) -> int:
    """Read hours, minutes and seconds, such as 00:01:02."""
    parts = duration.split(":")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) < 6 for part in parts):
        return 0
    hours, minutes, seconds = map(int, parts)
    return hours * 3600 + minutes * 60 + seconds
