"""A call that is over, in one piece: since when it waited, who talked last, how it ended. Pure.

Events tell of legs. Only the end of the last channel says that no other phone will ring, and only then
is it known how long the caller waited before the first one did.
"""

from collections.abc import Sequence

from switchhook.connectors.asterisk.listen import outcome
from switchhook.connectors.asterisk.listen.tracked import Parties, ToldLeg, Tracked
from switchhook.core.call import CallEvent, CallReport, Direction, Disposition, Happening, News
from switchhook.core.directory import GroupKind


def end_news(call: Tracked, parties: Parties) -> Sequence[News]:
    """Give a report of the call; of one whose end nobody heard, only that it is over."""
    channels = call.channels.values()
    if not call.legs and any(one.is_moved for one in channels):
        return ()  # nothing was told of it, and it goes on as another one
    if any(one.is_lost or one.is_talk_cut for one in channels):
        return () if call.has_talked else (_over(call, parties),)
    talks = [leg for leg in call.legs if leg.ended is Disposition.ANSWERED]
    last = max(talks, key=lambda leg: _spoke(call, leg)) if talks else None
    answered_at = min((one.talked_at for one in channels if one.talked_at is not None), default=None)
    over_at = max(one.gone_at for one in channels if one.gone_at is not None)
    waited_until = answered_at if talks and answered_at is not None else over_at
    return (
        CallReport(
            call_id=call.id,
            direction=parties.direction,
            number=parties.number,
            started_at=call.began_at,
            disposition=Disposition.ANSWERED if talks else _disposition(call, parties),
            extension=last.extension if last is not None else "",  # how each ring ended was told of its leg
            did=parties.did,
            caller_name=parties.caller_name,
            group=call.queue,
            group_kind=GroupKind.QUEUE if call.queue else None,
            ring_seconds=round((waited_until - call.began_at).total_seconds()),
        ),
    )


def _over(call: Tracked, parties: Parties) -> CallEvent:
    return CallEvent(
        call_id=call.id,
        happening=Happening.ENDED,
        direction=parties.direction,
        number=parties.number,
        extension=None,
        did=parties.did,
        disposition=Disposition.UNKNOWN,
    )


def _disposition(call: Tracked, parties: Parties) -> Disposition:
    """Say how a call ended in which nobody talked."""
    ends = [leg.ended for leg in call.legs if leg.ended is not None]
    if parties.direction is Direction.INBOUND and (call.abandoned_at or Disposition.ABANDONED in ends):
        return Disposition.ABANDONED
    return ends[-1] if ends else outcome.of_nobody(call)


def _spoke(call: Tracked, leg: ToldLeg) -> tuple[float, bool]:
    """Say when a leg began to talk; of two at once, as between phones, the called one is the later."""
    times = (one.talked_at.timestamp() for one in call.channels_of(leg) if one.talked_at is not None)
    return min(times, default=0.0), call.origin is None or call.origin.id not in leg.channels
