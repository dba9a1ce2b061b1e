"""How a leg or a call ended, from what Asterisk says of its channels. Pure.

Asterisk's words: the status of a dial, the cause of a hang-up (ITU-T Q.850), the SIP status behind it. As
seen of Asterisk 22.10.1; causes of SIP answers as chan_pjsip maps them.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from switchhook.connectors.asterisk.listen.tracked import Channel, Parties, Tracked
from switchhook.core.call import Direction, Disposition

ANSWERED_ELSEWHERE = 26
# SIP's "request terminated": the caller gave up.
TERMINATED = 487

BY_STATUS: Mapping[str, Disposition] = {
    "BUSY": Disposition.BUSY,
    "NOANSWER": Disposition.NO_ANSWER,
    "CONGESTION": Disposition.FAILED,
    "CHANUNAVAIL": Disposition.UNREACHABLE,
}
# What a cause says where the status of the dial says less.
BY_CAUSE: Mapping[int, Disposition] = {
    1: Disposition.UNREACHABLE,  # no such number
    2: Disposition.UNREACHABLE,
    3: Disposition.UNREACHABLE,  # no route; a phone that is not registered
    17: Disposition.BUSY,
    18: Disposition.NO_ANSWER,
    19: Disposition.NO_ANSWER,
    20: Disposition.UNREACHABLE,  # not registered
    21: Disposition.BUSY,  # refused
    22: Disposition.UNREACHABLE,
    26: Disposition.CANCELLED,
    27: Disposition.UNREACHABLE,
    28: Disposition.UNREACHABLE,
    34: Disposition.FAILED,
    38: Disposition.FAILED,
    52: Disposition.FORBIDDEN,
    54: Disposition.FORBIDDEN,
    57: Disposition.FORBIDDEN,
}
# What SIP tells apart and the cause does not: 21 is both a phone's refusal and a line that may not.
BY_SIP: Mapping[int, Disposition] = {
    401: Disposition.FORBIDDEN,
    403: Disposition.FORBIDDEN,
    404: Disposition.UNREACHABLE,
    407: Disposition.FORBIDDEN,
}
# A hang-up that follows another one by less has it for its cause.
AT_ONCE = timedelta(seconds=1)


def gave_up(call: Tracked) -> bool:
    """Tell whether whoever called hung up before anybody talked."""
    origin = call.origin
    if origin is None or call.has_talked:
        return False
    return call.abandoned_at is not None or origin.hung_up_at is not None or origin.tech_cause == TERMINATED


def of_called(channels: Sequence[Channel], call: Tracked) -> Disposition:
    """Say how a ring ended that nobody answered. `channels` are those of one extension, all gone."""
    if any(one.is_picked_up or one.cause == ANSWERED_ELSEWHERE for one in channels):
        return Disposition.CANCELLED
    statuses = {one.status for one in channels}
    if not statuses & BY_STATUS.keys() - {"NOANSWER"} and _is_taken(channels, call):
        return Disposition.CANCELLED
    if "NOANSWER" in statuses and not _ended_with_the_caller(channels, call):
        return Disposition.NO_ANSWER
    for one in channels:
        if one.status in ("BUSY", "CONGESTION", "CHANUNAVAIL"):
            return _refined(one)
    if gave_up(call):
        return Disposition.ABANDONED
    if call.has_talked or statuses & {"CANCEL", "ANSWER"}:
        return Disposition.CANCELLED
    return _by_cause(channels)


def of_caller(channel: Channel, dialled: Sequence[Channel]) -> Disposition:
    """Say how the call of a phone ended that nobody answered. `dialled` is what it called, in order."""
    if not dialled:
        return _refined(channel) if channel.status else _by_cause((channel,), Disposition.FAILED)
    last = dialled[-1]
    if last.status in BY_STATUS:
        return _refined(last)
    if channel.hung_up_at is not None or last.status == "CANCEL":
        return Disposition.ABANDONED
    return _by_cause((last, channel))


def of_nobody(call: Tracked) -> Disposition:
    """Say how a call ended for which no phone rang."""
    if gave_up(call):
        return Disposition.ABANDONED
    origin = call.origin
    if origin is None or origin.is_lost:
        return Disposition.UNKNOWN
    return BY_CAUSE.get(origin.cause or 0, Disposition.MISSED)


def is_asked_back(channels: Sequence[Channel], parties: Parties) -> bool:
    """Tell whether this phone only talked with a colleague: asked back, and the call was not passed on."""
    is_inside = parties.direction is Direction.INTERNAL
    return not is_inside and all(one.outside_at is None for one in channels)


def talk_seconds(channels: Sequence[Channel], parties: Parties) -> int | None:
    """Measure a talk that is over: with the outside, or between phones; None where nobody heard all of it."""
    if any(one.is_lost or one.is_talk_cut for one in channels):
        return None
    is_inside = parties.direction is Direction.INTERNAL
    starts = [one.talked_at if is_inside else one.outside_at for one in channels]
    since = min((one for one in starts if one is not None), default=None)
    until = max((one.gone_at for one in channels if one.gone_at is not None), default=None)
    if since is None or until is None:
        return None
    return max(0, round((until - since).total_seconds()))


def as_sent(channels: Sequence[Channel]) -> str | None:
    """Give Asterisk's own word for it."""
    for one in channels:
        if one.status:
            return one.status
    return next((f"cause {one.cause}" for one in channels if one.cause), None)


def _is_taken(channels: Sequence[Channel], call: Tracked) -> bool:
    """Tell whether another phone had been picked up when these stopped ringing."""
    over_at = max((one.gone_at for one in channels if one.gone_at is not None), default=None)
    ours = {one.id for one in channels}
    return any(
        one.up_at is not None and (over_at is None or one.up_at <= over_at)
        for one in call.channels.values()
        if one.is_party and one.is_called and one.id not in ours
    )


def _ended_with_the_caller(channels: Sequence[Channel], call: Tracked) -> bool:
    """Tell whether a ring ended because its caller hung up: a hub that rings phones says NOANSWER then."""
    origin = call.origin
    if origin is None or origin.hung_up_at is None or call.has_talked:
        return False
    return any(one.gone_at is not None and one.gone_at + AT_ONCE >= origin.hung_up_at for one in channels)


def _refined(channel: Channel) -> Disposition:
    by_sip = BY_SIP.get(channel.tech_cause or 0)
    if by_sip is not None:
        return by_sip
    by_status = BY_STATUS.get(channel.status, Disposition.UNKNOWN)
    if channel.status in ("CONGESTION", "CHANUNAVAIL"):
        return BY_CAUSE.get(channel.cause or 0, by_status)
    return by_status


def _by_cause(channels: Sequence[Channel], otherwise: Disposition = Disposition.UNKNOWN) -> Disposition:
    known = (BY_CAUSE.get(one.cause or 0) for one in channels)
    return next((one for one in known if one is not None), otherwise)
