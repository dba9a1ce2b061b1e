"""What a PBX's CDRs say of calls that we heard only in part. Pure.

A CDR is of one channel and one that it called, and has no zone, so only its lengths are used. As Asterisk
16.28 and 22.10 were seen to send them: `BillableSeconds` counts from the answer of the *calling* channel.
That is the length of the talk where the party called answered the call, and more than that where the
dialplan had answered before (a queue, an announcement), after a transfer, and in a click, where the phone
that calls is picked up first. So it counts only where the caller was answered after the other was dialled.
A Local channel is put down like a caller of its own, answered by the phone that it rings; where it drops out
of the talk it joined, its CDR ends then.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from switchhook.connectors.asterisk.listen.names import read_channel_name
from switchhook.connectors.asterisk.listen.plan import Plan
from switchhook.connectors.asterisk.listen.sight import Billed
from switchhook.connectors.asterisk.listen.tracked import Channel, Tracked
from switchhook.core.call import Direction, Disposition

DISPOSITIONS = {
    "ANSWERED": Disposition.ANSWERED,
    "BUSY": Disposition.BUSY,
    "FAILED": Disposition.FAILED,
    "CONGESTION": Disposition.FAILED,
}  # NO ANSWER is said of everything else: nobody answered, the caller gave up, another phone was faster
# Lengths are whole seconds, and so are the ages in the list of live channels.
ROUNDING = timedelta(seconds=1)
# So long a phone rings at least; no whole second, since it is dialled a moment after the caller came.
SHORTEST_RING = timedelta(seconds=0.9)
AT_ONCE = timedelta(seconds=1)


class Claim(Struct, frozen=True, kw_only=True):
    """How one extension's part of a call went, as the PBX has it."""

    call_id: str
    extension: str
    channel: str
    began_at: datetime | None  # as its leg was told; None where nobody heard of the leg
    is_end_missed: bool
    disposition: Disposition
    talk_seconds: int = 0
    answered_at: datetime | None = None  # of an answer
    called_at: datetime | None = None  # since when the party called was dialled; None: since the leg began


def claims_of(call: Tracked, plan: Plan) -> Sequence[Claim]:
    """Give what the CDRs of a call say of those of its channels that were not heard in full."""
    if not call.is_cut or call.parties is None:
        return ()
    parts: dict[tuple[str, str], list[Billed]] = defaultdict(list)
    for bill in sorted(call.bills, key=_order):
        for part in _parts(bill, call.parties.direction, plan):
            parts[part].append(bill)
    claims = (_claim(call, extension, name, bills) for (extension, name), bills in parts.items())
    return [one for one in claims if one is not None]


def _parts(bill: Billed, direction: Direction, plan: Plan) -> Iterator[tuple[str, str]]:
    """Say whose part it tells of, and on which channel: (extension, name of channel)."""
    caller, dest = _extension(bill.channel.name, plan), _extension(bill.dest, plan)
    if not bill.dest or _is_inner(bill.dest):
        return
    match direction:
        case Direction.INBOUND if caller is None and dest is not None:
            yield dest, bill.dest
        case Direction.OUTBOUND if caller is not None and dest is None:
            yield caller, bill.channel.name
        case Direction.INTERNAL if caller is not None and dest is not None:
            yield caller, bill.channel.name
            yield dest, bill.dest


def _is_inner(name: str) -> bool:
    return not read_channel_name(name).is_party


def _extension(name: str, plan: Plan) -> str | None:
    named = read_channel_name(name)
    return plan.extension_of(named.endpoint) if named.is_party else None


def _claim(call: Tracked, extension: str, name: str, bills: Sequence[Billed]) -> Claim | None:
    channel = _named(call, name)
    is_heard = channel is not None and not channel.is_lost and not channel.is_talk_cut
    if is_heard or _did_more(name, call, bills):
        return None
    leg = next((leg for leg in call.legs if channel is not None and channel.id in leg.channels), None)
    claim = Claim(
        call_id=call.id,
        extension=extension,
        channel=name,
        began_at=None if leg is None else leg.began_at,
        is_end_missed=channel is None or channel.is_lost,
        disposition=DISPOSITIONS.get(bills[-1].disposition, Disposition.UNKNOWN),
    )
    talks = [one for one in bills if one.disposition == "ANSWERED"]
    if talks:
        return _answered(claim, call, talks)
    return None if claim.disposition is Disposition.UNKNOWN else claim


def _answered(claim: Claim, call: Tracked, talks: Sequence[Billed]) -> Claim | None:
    first = talks[0]
    caller, dest = call.channels.get(first.channel.id), _named(call, first.dest)
    is_known = dest is not None or claim.channel == first.dest
    if caller is None or not is_known or not _answered_the_caller(first, call):
        return None
    if any(one.dest != first.dest for one in talks) or not _stayed(caller, dest, call):
        return None
    if not _is_whole(caller, call):
        return None
    called_at = None if dest is None else dest.seen_at
    answered_at = _began(first, caller, call) + timedelta(seconds=first.seconds - first.billed_seconds)
    if called_at is not None and called_at + SHORTEST_RING > answered_at:
        return None  # somebody else had answered the caller before, such as an announcement
    last = talks[-1]
    if not _ended_with(dest, _began(last, caller, call) + timedelta(seconds=last.seconds)):
        return None  # it went on elsewhere, and what was put down of that did not reach us
    return replace(
        claim,
        disposition=Disposition.ANSWERED,
        talk_seconds=sum(one.billed_seconds for one in talks),
        answered_at=answered_at,
        called_at=called_at,
    )


def _answered_the_caller(bill: Billed, call: Tracked) -> bool:
    """Tell whether the caller was answered in this part of the call, and not before it."""
    answers = [
        one for one in call.bills if one.channel.id == bill.channel.id and one.disposition == "ANSWERED"
    ]
    return bill.seconds > bill.billed_seconds and bill == min(answers, key=_order)


def _stayed(caller: Channel, dest: Channel | None, call: Tracked) -> bool:
    """Tell whether a caller stayed in the talk that it began: no Local channel drops out of it or came in."""
    if caller.is_party:
        return not any(_is_inner(one.dest) for one in call.bills if one.dest and one.channel.id == caller.id)
    if dest is None or dest.gone_at is None or caller.gone_at is None:
        return False
    is_heard = not caller.is_lost and not dest.is_lost
    return is_heard and caller.gone_at + AT_ONCE >= dest.gone_at


def _is_whole(caller: Channel, call: Tracked) -> bool:
    """Tell whether all that was put down of a caller has reached us: it goes to where the caller left."""
    if caller.is_lost or caller.gone_at is None:
        return False
    ends = (
        _began(one, caller, call) + timedelta(seconds=one.seconds)
        for one in call.bills
        if one.channel.id == caller.id
    )
    return abs(max(ends) - caller.gone_at) <= 2 * ROUNDING


def _ended_with(dest: Channel | None, ended_at: datetime) -> bool:
    """Tell whether that is when the party called left, as far as anybody heard it."""
    if dest is None or dest.is_lost or dest.gone_at is None:
        return True
    return abs(dest.gone_at - ended_at) <= 2 * ROUNDING


def _order(bill: Billed) -> tuple[str, str]:
    return bill.began, bill.sequence.zfill(20)


def _began(bill: Billed, caller: Channel, call: Tracked) -> datetime:
    """Say when this part of the call began; too early where what was put down before it is missing."""
    rows = [one.began for one in call.bills if one.channel.id == caller.id]
    return caller.seen_at + _apart(min(rows), bill.began)


def _apart(earlier: str, later: str) -> timedelta:
    try:
        return max(timedelta(), _clock(later) - _clock(earlier))
    except ValueError:
        return timedelta()


def _clock(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007 - only compared with its like


def _did_more(name: str, call: Tracked, bills: Sequence[Billed]) -> bool:
    """Tell whether a channel was in other parts of the call, too: it asked a colleague back."""
    return any(name in (one.channel.name, one.dest) and one.dest for one in call.bills if one not in bills)


def _named(call: Tracked, name: str) -> Channel | None:
    return next((one for one in call.channels.values() if one.name == name), None)
