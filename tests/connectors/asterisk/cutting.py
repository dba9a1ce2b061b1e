"""Recordings with their CDRs, played to a hub that was away for a part of the call.

What a list of live channels would have said is taken from a listener that heard everything.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import cache
from itertools import groupby
from pathlib import Path

from switchhook.connectors.asterisk.link.vanished import closing_news
from switchhook.connectors.asterisk.listen import from_ami
from switchhook.connectors.asterisk.listen.billing import Claim
from switchhook.connectors.asterisk.listen.listener import Listener
from switchhook.connectors.asterisk.listen.plan import Plan
from switchhook.connectors.asterisk.listen.reconciling import reconcile
from switchhook.connectors.asterisk.listen.sight import Billed, Glimpse, LiveChannel
from switchhook.connectors.asterisk.listen.tracked import Tracked
from switchhook.core.call import CallReport, Leg, Phase
from tests.core.story import after

from .recordings import Moment, Told, frame_of

GOLDEN = Path(__file__).parent / "golden_cdr"
CASES = sorted(f"{path.parent.name}/{path.name}" for path in GOLDEN.glob("*/*/"))


@cache
def moments_of(case: str) -> tuple[Moment, ...]:
    lines = (GOLDEN / case / "ami.jsonl").read_text(encoding="utf-8").splitlines()
    messages = [json.loads(line) for line in lines]
    sights = ((seconds, from_ami.sight_of(frame_of(message))) for seconds, message in messages)
    return tuple((seconds, sight) for seconds, sight in sights if sight is not None)


def bills_of(case: str) -> list[Billed]:
    return [sight for _, sight in moments_of(case) if isinstance(sight, Billed)]


@cache
def whole(case: str) -> Told:
    """The call as it was, heard in full."""
    return _play(Told(), moments_of(case)).rest()


def cut(
    case: str, *, at: float, for_seconds: float, is_restarted: bool, bills: Iterable[Billed] | None = None
) -> Told:
    """Play a recording whose part from `at` on nobody heard; a hub that was restarted has forgotten all.

    `bills`: what the PBX put down, in the order in which it is heard, once the rest is over; None: what was
    put down after the silence, where it stands in the recording.
    """
    everything = moments_of(case)
    back = at + for_seconds
    told = _play(Told(), [one for one in everything if one[0] < at and _is_heard(one, bills)])
    shadow = _play(Told(), [one for one in everything if one[0] < back])
    if is_restarted:
        told = Told(Listener(Plan()), calls=dict(told.calls))
    rows = [row for call in shadow.listener.calls for row in _live(call, after(back))]
    told.take(told.listener.compare(rows, asked_at=after(back), at=after(back)), back)
    going_on = {
        call.id: {leg.extension for leg in call.legs if leg.ended is None} for call in told.listener.calls
    }
    believed = [call for call in told.calls.values() if call.phase is Phase.OPEN]
    told.take(closing_news(believed, going_on), back)
    _play(told, [one for one in everything if one[0] >= back and _is_heard(one, bills)])
    for bill in bills or ():
        told.hear(bill, everything[-1][0])
    return told.rest()


def settle_with_bills(told: Told, claims: Sequence[Claim] | None = None) -> list[CallReport]:
    """Correct what the PBX put down; gives the reports that did it."""
    claims = told.listener.claims() if claims is None else claims
    reports: list[CallReport] = []
    for call_id, some in groupby(sorted(claims, key=lambda one: one.call_id), key=lambda one: one.call_id):
        if call_id in told.calls:
            reports += reconcile(told.calls[call_id], some)
    told.take(reports, 1000)
    told.rest()
    return reports


def shape(told: Told) -> dict[str, list[tuple[str, int]]]:
    """Which calls and legs there are."""
    return {key: [(leg.extension, leg.attempt) for leg in call.legs] for key, call in told.calls.items()}


def true_leg(case: str, call_id: str, leg: Leg) -> Leg | None:
    """The same leg, as it was."""
    known = whole(case).calls.get(call_id)
    if known is None or leg.began_at is None:
        return None
    near = [
        one
        for one in known.legs
        if one.extension == leg.extension
        and one.began_at is not None
        and abs(one.began_at - leg.began_at) <= timedelta(seconds=2)
    ]
    return near[0] if len(near) == 1 else None


def _is_heard(moment: Moment, bills: Iterable[Billed] | None) -> bool:
    return bills is None or not isinstance(moment[1], Billed)


def _play(told: Told, moments: Iterable[Moment]) -> Told:
    for seconds, sight in moments:
        told.hear(sight, seconds)
    return told


def _live(call: Tracked, now: datetime) -> Iterator[LiveChannel]:
    for one in call.channels.values():
        if one.is_gone:
            continue
        shown = Glimpse(id=one.id, name=one.name, linkedid=call.id, state=one.state, number=one.shows)
        yield LiveChannel(
            channel=shown,
            bridge=one.bridge,
            is_called=bool(one.dialled_by),
            age_seconds=int((now - one.seen_at).total_seconds()),
        )
