"""What the PBX put down of a call against what we have of it: reports of the legs that were guessed. Pure.

Nothing else is touched: a leg that was heard to its end stays as it was heard, none is added, and what a
report has settled is no guess any more, so that saying it again says nothing.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from switchhook.connectors.asterisk.listen.billing import SHORTEST_RING, Claim
from switchhook.core.attempts import SAME_MOMENT
from switchhook.core.call import Call, CallReport, Disposition, Leg, ReportOf

# A guess this near is right: the PBX cuts fractions off, we round.
NEAR_SECONDS = 1
SLACK = timedelta(seconds=2)


def reconcile(call: Call, claims: Iterable[Claim]) -> tuple[CallReport, ...]:
    """Give the reports that correct a call which is over. In which order the claims come does not matter."""
    if call.is_going_on:
        return ()
    known = sorted(set(claims), key=lambda one: one.channel)
    found = [(leg, claim) for claim in known if (leg := _leg_of(call, claim, known)) is not None]
    return tuple(
        report
        for leg, claim in found
        if sum(other is leg for other, _ in found) == 1 and (report := _report(call, leg, claim)) is not None
    )


def _leg_of(call: Call, claim: Claim, claims: Sequence[Claim]) -> Leg | None:
    """Find the leg that a claim is of; one that nobody can tell from another is left alone."""
    began_at = claim.began_at
    of_user = [leg for leg in call.legs if leg.extension == claim.extension and leg.began_at is not None]
    if began_at is not None:
        of_user = [leg for leg in of_user if abs(_began(leg) - began_at) <= SAME_MOMENT]
    elif sum(one.extension == claim.extension for one in claims) > 1:
        return None
    return of_user[0] if len(of_user) == 1 else None


def _report(call: Call, leg: Leg, claim: Claim) -> CallReport | None:
    is_guess = leg.is_guess or leg.is_lost
    # A ring that vanished while its call went on was told as cancelled.
    is_cancelled = claim.is_end_missed and leg.disposition is Disposition.CANCELLED
    if not is_guess and not is_cancelled:
        return None
    if claim.disposition is Disposition.ANSWERED:
        return _answered(call, leg, claim)
    if leg.has_talked or not is_guess or leg.disposition is claim.disposition:
        return None
    rang = 0 if leg.ended_at is None else _seconds(leg.ended_at - _began(leg))
    return _of(call, leg, claim.disposition, ring_seconds=rang)


def _answered(call: Call, leg: Leg, claim: Claim) -> CallReport | None:
    began_at, talk_seconds = _began(leg), claim.talk_seconds
    if leg.ended_at is None or claim.answered_at is None:
        return None
    # The end may be one that we noticed late, never one that came before.
    lasted = leg.ended_at - began_at
    called_at = claim.called_at or began_at
    if timedelta(seconds=talk_seconds) > lasted + SLACK or called_at + SHORTEST_RING > claim.answered_at:
        return None
    if leg.has_talked and abs((leg.talk_seconds or 0) - talk_seconds) <= NEAR_SECONDS:
        return None
    if not leg.has_talked and not talk_seconds:
        return None
    rang = min(claim.answered_at - began_at, lasted - timedelta(seconds=talk_seconds))
    return _of(call, leg, Disposition.ANSWERED, ring_seconds=_seconds(rang), talk_seconds=talk_seconds)


def _of(
    call: Call, leg: Leg, disposition: Disposition, *, ring_seconds: int, talk_seconds: int | None = None
) -> CallReport:
    return CallReport(
        call_id=call.call_id,
        of=ReportOf.LEG,
        direction=call.direction,
        number=call.number,
        started_at=_began(leg),
        disposition=disposition,
        disposition_as_sent="CDR",
        extension=leg.extension,
        ring_seconds=ring_seconds,
        talk_seconds=talk_seconds,
    )


def _began(leg: Leg) -> datetime:
    assert leg.began_at is not None
    return leg.began_at


def _seconds(length: timedelta) -> int:
    return max(0, round(length.total_seconds()))
