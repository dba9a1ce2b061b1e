"""What a call's facts mean, less what was told of them before: our news. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from switchhook.connectors.asterisk.listen import outcome
from switchhook.connectors.asterisk.listen.ending import end_news
from switchhook.connectors.asterisk.listen.parties import (
    first_called,
    outside_number,
    read_parties,
    read_refused,
    takes_part,
)
from switchhook.connectors.asterisk.listen.plan import Plan
from switchhook.connectors.asterisk.listen.tracked import Channel, Parties, ToldLeg, Tracked
from switchhook.core.call import CallEvent, Direction, Disposition, Happening, News
from switchhook.core.directory import GroupKind

# A phone of a waiting caller stopped ringing, and none rings: what that was shows within this, else the
# ring is told as cancelled. A queue pauses between its rounds, a hunt plays something between two phones.
PATIENCE = timedelta(seconds=2)


def tell(call: Tracked, plan: Plan, at: datetime) -> tuple[Tracked, tuple[News, ...]]:
    """Say what became true since the last time; the call remembers what was said.

    `at` is now, and not when that happened which was heard: more of it may be on its way.
    """
    call = replace(call, over_at=(call.over_at or at) if call.is_over else None)
    parties = _parties(call, plan)
    if parties is None:
        return call, ()
    call = _with_legs(call, parties)
    news: list[News] = []
    for index, leg in enumerate(call.legs):
        if leg.is_settled:
            continue
        told, steps = _leg_news(leg, call, parties, plan, at)
        if steps:
            call = replace(call, legs=(*call.legs[:index], told, *call.legs[index + 1 :]))
            news += steps
    if call.over_at is not None and not call.is_end_told:
        news += end_news(call, parties)
        call = replace(call, is_end_told=True)
    return (replace(call, parties=parties) if news else call), tuple(news)


def _parties(call: Tracked, plan: Plan) -> Parties | None:
    """Give who calls whom: as it was told, with what has been learned since."""
    now = read_parties(call, plan)
    if now is None and call.is_over and call.origin is not None:
        now = read_refused(call.origin, plan)
    told = call.parties
    if told is None or now is None:
        return told or now
    return replace(
        told,
        number=told.number or now.number,
        did=told.did or now.did,
        caller_name=told.caller_name or now.caller_name,
    )


def _with_legs(call: Tracked, parties: Parties) -> Tracked:
    """Give every channel that takes part a leg; phones of one extension that ring together have one."""
    legs = list(call.legs)
    taken = {channel for leg in legs for channel in leg.channels}
    for channel in call.channels.values():
        if channel.id in taken:
            continue
        extension = _extension(channel, call, parties)
        if extension is None:
            continue
        is_open = [leg.extension == extension and _is_open(leg, call) for leg in legs]
        if any(is_open):
            index = is_open.index(True)
            legs[index] = replace(legs[index], channels=(*legs[index].channels, channel.id))
        else:
            legs.append(ToldLeg(extension=extension, began_at=channel.seen_at, channels=(channel.id,)))
        taken.add(channel.id)
    return replace(call, legs=tuple(legs))


def _extension(channel: Channel, call: Tracked, parties: Parties) -> str | None:
    """Say whose leg a channel is; one of a line to the outside only where a call was passed on to it."""
    if not channel.is_party:
        return None
    origin = call.origin
    is_origin = origin is not None and channel.id == origin.id
    if channel.extension is None:
        is_passed_on = parties.direction is Direction.INBOUND and not is_origin and channel.is_called
        return (outside_number(channel) or channel.number or channel.endpoint) if is_passed_on else None
    if is_origin:
        begins = channel.is_called or call.is_over or first_called(call, channel) is not None
        return channel.extension if begins else None
    return channel.extension if takes_part(channel) else None


def _is_open(leg: ToldLeg, call: Tracked) -> bool:
    return leg.ended is None and any(not one.is_gone for one in call.channels_of(leg))


def _leg_news(
    leg: ToldLeg, call: Tracked, parties: Parties, plan: Plan, at: datetime
) -> tuple[ToldLeg, Sequence[CallEvent]]:
    channels = call.channels_of(leg)
    talks = [one.talked_at for one in channels if one.talked_at is not None]
    news: list[CallEvent] = []
    if not leg.is_rung:
        news.append(_event(Happening.RINGING, leg, call, parties))
        leg = replace(leg, is_rung=True)
    if talks and not leg.is_answered:
        news.append(_event(Happening.ANSWERED, leg, call, parties))
        leg = replace(leg, is_answered=True)
    if not channels or not all(one.is_gone for one in channels):
        return leg, news
    disposition = _disposition(leg, channels, call, parties, at)
    if disposition is None or disposition is leg.ended:
        return leg, news
    is_answered = disposition is Disposition.ANSWERED
    news.append(
        replace(
            _event(Happening.ENDED, leg, call, parties),
            disposition=disposition,
            disposition_as_sent=None if is_answered else outcome.as_sent(channels),
            talk_seconds=outcome.talk_seconds(channels, parties) if is_answered else None,
            is_recorded=is_answered and call.is_monitored and plan.fetches_recordings,
        )
    )
    return replace(leg, ended=disposition), news


def _disposition(
    leg: ToldLeg, channels: Sequence[Channel], call: Tracked, parties: Parties, at: datetime
) -> Disposition | None:
    """Say how a leg ended whose channels are gone; None while more is to be heard of it."""
    if any(one.talked_at is not None for one in channels):
        is_asked_back = outcome.is_asked_back(channels, parties)
        return Disposition.CANCELLED if is_asked_back else Disposition.ANSWERED
    if any(one.is_lost for one in channels):
        return Disposition.UNKNOWN
    origin = call.origin
    if origin is not None and origin.id in leg.channels:
        dialled = [
            one for one in call.channels.values() if one.is_party and one.is_called and one is not origin
        ]
        return outcome.of_caller(origin, dialled)
    if any(one.is_moved for one in channels):
        return Disposition.CANCELLED
    if call.is_over or call.has_talked:
        return outcome.of_called(channels, call)
    is_explained = any(one.status or one.is_picked_up for one in channels)
    is_alone = not any(_is_open(other, call) for other in call.legs)
    if is_explained and not is_alone:
        return outcome.of_called(channels, call)
    is_patience_over = all(at - one.heard_at >= PATIENCE for one in channels)
    return Disposition.CANCELLED if is_patience_over else None


def _event(happening: Happening, leg: ToldLeg, call: Tracked, parties: Parties) -> CallEvent:
    channels = call.channels_of(leg)
    return CallEvent(
        call_id=call.id,
        happening=happening,
        direction=parties.direction,
        number=parties.number,
        extension=leg.extension,
        leg_began_at=leg.began_at,
        did=parties.did,
        caller_name=parties.caller_name,
        group=call.queue,
        group_kind=GroupKind.QUEUE if call.queue else None,
        as_sent={"channel": channels[-1].name, "uniqueid": channels[-1].id} if channels else {},
    )
