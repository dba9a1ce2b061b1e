"""Who calls whom: direction, the outside party and our own number, from the channels of a call. Pure."""

import re

from switchhook.connectors.asterisk.listen.plan import Plan
from switchhook.connectors.asterisk.listen.sight import State
from switchhook.connectors.asterisk.listen.tracked import Channel, Parties, Tracked
from switchhook.core.call import Direction
from switchhook.core.number import DIALABLE, WITHHELD_WORDS

# Of what a dial string is made: 79997776655@trunk, trunk/sip:7999@host, g1/7999.
PARTS = re.compile(r"[@/:;,&]")
SHORTEST_OUTSIDE = 3
LONGEST_NUMBER = 64


def read_parties(call: Tracked, plan: Plan) -> Parties | None:
    """Say who calls whom; None while it cannot be known, or where nobody calls anybody."""
    origin = call.origin
    if origin is None:
        return None
    if origin.extension is None:
        return _autodialled(call, origin, plan) if _was_made(origin) else _inbound(call, origin)
    # All phones of whoever clicked ring, in any order; unless it dialled itself, nobody is called by that.
    own = None if origin.exten == origin.extension else origin.extension
    called = first_called(call, origin, other_than=own)
    if _was_made(origin):
        return _made_for_a_phone(call, origin, called, plan)
    if called is not None:
        is_inside = called.extension is not None
        return _between_phones(origin, called) if is_inside else _outbound(origin, called, plan)
    return None


def read_refused(origin: Channel, plan: Plan) -> Parties | None:
    """Say what a phone called that the PBX could not even begin to dial; None for a service of the PBX."""
    number = origin.exten
    is_service = origin.state is State.UP or not number.removeprefix("+").isdigit()
    if origin.extension is None or origin.is_called or origin.is_moved or is_service:
        return None
    direction = Direction.INTERNAL if plan.is_extension(number) else Direction.OUTBOUND
    return Parties(direction=direction, number=number)


def first_called(call: Tracked, origin: Channel, *, other_than: str | None = None) -> Channel | None:
    """Give the first party that the one who began the call had dialled, of another extension than this."""
    for one in call.channels.values():
        is_other = other_than is None or one.extension != other_than
        if one.is_party and one.id != origin.id and is_other and takes_part(one):
            return one
    return None


def takes_part(channel: Channel) -> bool:
    """Tell whether somebody wants this party. To the outside only a dial says it, since it has the number."""
    is_wanted = channel.is_called or channel.talked_at is not None
    return is_wanted or (channel.extension is not None and channel.state is State.RINGING)


def outside_number(channel: Channel) -> str:
    """Give the number that was dialled to the outside on this channel; "" when nothing tells it."""
    parts = [part for part in PARTS.split(channel.dial_string) if DIALABLE.fullmatch(part)]
    numbers = [part for part in parts if len(part) >= SHORTEST_OUTSIDE and part != channel.endpoint]
    return max(numbers, key=len, default="")


def _was_made(origin: Channel) -> bool:
    """Tell whether the PBX made the first channel itself: it was asked to, and nobody called it."""
    return origin.is_called and not origin.former


def _inbound(call: Tracked, origin: Channel) -> Parties:
    number = _number(origin.number)
    name = origin.caller_name if origin.caller_name not in (origin.number, number) else ""
    return Parties(
        direction=Direction.INBOUND,
        number=number,
        did=_did(origin),
        caller_name=name or None,
    )


def _did(origin: Channel) -> str | None:
    for text in (origin.did, origin.exten):
        if DIALABLE.fullmatch(text):
            return text
    return None


def _autodialled(call: Tracked, origin: Channel, plan: Plan) -> Parties:
    """The PBX called somebody outside first, and a phone after that."""
    number = outside_number(origin) or _number(origin.number)
    return Parties(direction=Direction.OUTBOUND, number=number)


def _made_for_a_phone(call: Tracked, origin: Channel, called: Channel | None, plan: Plan) -> Parties:
    """Click to call: the phone rings first and shows the number that will be called."""
    if called is not None and called.extension is None:
        return _outbound(origin, called, plan)
    number = _number(origin.shows)
    if called is not None:
        return Parties(direction=Direction.INTERNAL, number=called.extension or "")
    if number == origin.extension:
        return Parties(direction=Direction.OUTBOUND)
    is_inside = bool(number) and plan.is_extension(number)
    return Parties(direction=Direction.INTERNAL if is_inside else Direction.OUTBOUND, number=number)


def _between_phones(origin: Channel, called: Channel) -> Parties:
    number = origin.exten if DIALABLE.fullmatch(origin.exten) else called.extension or ""
    return Parties(direction=Direction.INTERNAL, number=number)


def _outbound(origin: Channel, called: Channel, plan: Plan) -> Parties:
    number = _dialled_number(origin, called)
    shown = (origin.shows, called.number)
    did = next((one for one in map(_number, shown) if one and _is_ours(one, number, plan)), None)
    return Parties(direction=Direction.OUTBOUND, number=number, did=did)


def _is_ours(shown: str, number: str, plan: Plan) -> bool:
    """Tell whether a shown number is that of our line: neither the party's nor an extension."""
    return shown != number and not plan.is_extension(shown) and DIALABLE.fullmatch(shown) is not None


def _dialled_number(origin: Channel, called: Channel) -> str:
    """Give the number as it went out; a prefix for the line or for the operator is none of it."""
    wanted = origin.exten if DIALABLE.fullmatch(origin.exten) else ""
    out = outside_number(called)
    if not out or (wanted and out.endswith(wanted)):
        return wanted or out or _number(called.number) or _number(origin.number)
    return out


def _number(text: str) -> str:
    """Give a number as sent; "" for one that is withheld."""
    text = text.strip()[:LONGEST_NUMBER]
    return "" if text.casefold() in WITHHELD_WORDS else text
