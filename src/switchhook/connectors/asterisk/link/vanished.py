"""Calls that the hub believes open and the PBX has no more: the news that close them. Pure.

A listener closes what it followed itself. After a restart of the hub it has followed nothing: then the
store knows which calls were open, and the list of live channels which of them still are.
"""

from collections.abc import Collection, Mapping, Sequence

from switchhook.core.call import Call, CallEvent, Disposition, Happening, Leg, LegState, News


def closing_news(calls: Sequence[Call], going_on: Mapping[str, Collection[str]]) -> tuple[News, ...]:
    """Close every call, and every leg of a call that goes on, which is live no more.

    `going_on` has the extensions that ring or talk in each call that is live, by the peer's call id. A
    talk that vanished was answered and has no length, since nobody heard its end; a ring that vanished has
    no known result, or was cancelled where the call itself goes on.
    """
    news: list[News] = []
    for call in calls:
        live = going_on.get(call.call_id)
        news += [
            _leg_over(call, leg, is_call_over=live is None)
            for leg in call.legs
            if leg.is_open and (live is None or leg.extension not in live)
        ]
        if live is None and not call.is_shadow and not call.has_talked:
            news.append(_ended(call, None, Disposition.UNKNOWN))
    return tuple(news)


def _leg_over(call: Call, leg: Leg, *, is_call_over: bool) -> CallEvent:
    if leg.state is LegState.TALKING:
        return _ended(call, leg, Disposition.ANSWERED)
    return _ended(call, leg, Disposition.UNKNOWN if is_call_over else Disposition.CANCELLED)


def _ended(call: Call, leg: Leg | None, disposition: Disposition) -> CallEvent:
    return CallEvent(
        call_id=call.call_id,
        happening=Happening.ENDED,
        direction=call.direction,
        number=call.number,
        extension=None if leg is None else leg.extension,
        leg_began_at=None if leg is None else leg.began_at,
        disposition=disposition,
    )
