"""What a Planfix account is told of a call, what not and why, and how its answers are read."""

from collections.abc import Mapping, Sequence

from switchhook.connectors.planfix import wire
from switchhook.core.call import Call, Change, ChangeKind, Direction, Disposition, LegState
from switchhook.core.connector import Answer, Hub, Link
from switchhook.core.directory import Employee
from switchhook.core.errors import Misconfigured, PeerDown
from switchhook.core.number import Number, international_digits, read_number, same_caller
from switchhook.core.outcome import Delivered, GiveUp, Locked, NotSent, Outcome, TryAgain, outcome_of

STEPS = frozenset({ChangeKind.LEG_RINGING, ChangeKind.LEG_ANSWERED, ChangeKind.LEG_ENDED})
WITHHELD = "anonymous"


def hears(change: Change) -> bool:
    """Say which changes have words here.

    The end of a call is said by its legs. Only when all of them were told as cancelled, as in a
    hunt that nobody picked up, does the call's own end say "missed".
    """
    match change.kind:
        case ChangeKind.CALL_ENDED:
            is_lost = change.disposition not in (Disposition.ANSWERED, Disposition.UNKNOWN, None)
            return is_lost and not change.was_said
        case ChangeKind.RECORDING_READY:
            return not change.was_said
        case kind:
            return kind in STEPS


async def deliver(change: Change, call: Call, link: Link, hub: Hub) -> Outcome:
    """Tell the account of one change."""
    if not (link.settings.get("planfix_url") and link.settings.get("planfix_token")):
        return NotSent("the Planfix address and key are not set yet")
    reason = why_not(change, call, link, await hub.book.employees())
    if reason is not None:
        return NotSent(reason)
    outcome: Outcome = Delivered()
    for form in messages(change, call, link):
        outcome = await _tell(form, link)
        if not isinstance(outcome, Delivered):
            break
    return outcome


def why_not(change: Change, call: Call, link: Link, employees: Sequence[Employee]) -> str | None:
    """Give the reason for which Planfix is not told, or would drop what it is told; None to send."""
    if call.direction is Direction.INTERNAL:
        return "a call between employees: Planfix records none"
    if call.direction is Direction.UNKNOWN:
        return "nobody told whether the call came in or went out"
    if change.kind is ChangeKind.CALL_ENDED and not call.is_missed:
        return "the ends of its legs have said it"
    if not _extension(change, call, link):
        return "no employee took part and no catch-all extension is set"
    number = _read(call.number, link)
    if _is_withheld(number):
        return (
            None
            if link.is_on("send_withheld")
            else "the number is withheld: Planfix would make a contact of it"
        )
    for employee in employees:
        own = [_read(text, link) for text in (*employee.numbers, employee.extension) if text]
        if any(same_caller(number, one) for one in own):
            return f"the number is {employee.name}'s own: Planfix records no calls between employees"
    return None


def messages(change: Change, call: Call, link: Link) -> Sequence[dict[str, str]]:
    """Write what to send for one change, in order; mostly one message."""
    if change.kind is ChangeKind.RECORDING_READY:
        index = change.recording or 0
        return [wire.render_record(call.shared_id, link.recording_url(call, index))]
    steps = [change]
    if _needs_opening(change, call):
        steps.insert(0, Change(kind=ChangeKind.LEG_RINGING, at=change.at, extensions=change.extensions))
    did = _read(call.did, link) if call.did else None
    return [
        wire.render_event(
            step,
            call,
            phone=_written(_read(call.number, link)),
            extension=_extension(change, call, link),
            diversion=_written(did) if did else None,
            record_link=link.recording_url(call) if _carries_link(step, call) else None,
        )
        for step in steps
    ]


def _carries_link(change: Change, call: Call) -> bool:
    """Tell whether the end of a talk carries the first recording.

    This has to agree with the fold, which marks the recording's own change as said with such an end.
    """
    return (
        change.kind is ChangeKind.LEG_ENDED
        and change.disposition is Disposition.ANSWERED
        and bool(call.recordings)
        and call.recordings[0].is_ready
        and not any(leg.state is LegState.TALKING for leg in call.legs)
    )


def _needs_opening(change: Change, call: Call) -> bool:
    """Tell whether a missed call reached nobody's phone: then its start was never told either."""
    is_end = change.kind in (ChangeKind.LEG_ENDED, ChangeKind.CALL_ENDED)
    leg = call.leg(change.extension)
    has_rung = leg is not None and leg.ringing_at is not None
    return is_end and not change.extension and not has_rung and call.is_missed and not call.is_reported


def _extension(change: Change, call: Call, link: Link) -> str:
    own = change.extension
    if change.kind is ChangeKind.RECORDING_READY:  # a recording belongs to the call
        own = own or call.extension or ""
    return own or link.settings.get("catch_all_extension", "")


def _read(text: str, link: Link) -> Number:
    return read_number(text, link.settings.get("region") or "RU")


def _is_withheld(number: Number) -> bool:
    return number.is_withheld or not number.raw.strip()


def _written(number: Number) -> str:
    """International digits without a plus, as in all of the vendor's examples."""
    if number.is_extension:  # `*98` is not `98`
        return number.raw.strip()
    return international_digits(number) or number.raw.strip() or WITHHELD


async def _tell(form: Mapping[str, str], link: Link) -> Outcome:
    try:
        return read_outcome(await post(form, link))
    except PeerDown as error:
        return TryAgain(error.reason)
    except Misconfigured as error:
        return Locked(error.reason)


async def post(
    form: Mapping[str, str], link: Link, *, connect_seconds: float = 3, total_seconds: float = 10
) -> Answer:
    """Post to the account with its key."""
    return await link.http.send(
        "POST",
        link.settings["planfix_url"],
        form={**form, "planfix_token": link.settings["planfix_token"]},
        connect_seconds=connect_seconds,
        total_seconds=total_seconds,
    )


def read_outcome(answer: Answer) -> Outcome:
    """Read an answer: 200 taken, 400 never again, 401 the key; the rest as everywhere."""
    wait = answer.headers.get("retry-after", "")
    outcome = outcome_of(
        answer.status,
        retry_after_seconds=float(wait) if wait.isascii() and wait.isdecimal() else None,
        answer=answer.body,
    )
    if isinstance(outcome, GiveUp):
        said = wire.error_text(answer.body) or "no reason given"
        return GiveUp(f"Planfix refuses this message ({answer.status}): {said}", answer.status, answer.body)
    return outcome
