"""Calls and changes as the fold makes them, in few words; and news turned back into both."""

from collections.abc import Sequence
from datetime import UTC, datetime

from msgspec.structs import replace

from switchhook.core.call import (
    Call,
    CallEvent,
    Change,
    ChangeKind,
    Direction,
    Disposition,
    Happening,
    Leg,
    LegState,
    Phase,
    Recording,
)

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
CALLER = "79165550142"
KINDS = {
    Happening.RINGING: ChangeKind.LEG_RINGING,
    Happening.ANSWERED: ChangeKind.LEG_ANSWERED,
    Happening.ENDED: ChangeKind.LEG_ENDED,
}


def call(
    *,
    direction: Direction = Direction.INBOUND,
    number: str = CALLER,
    legs: Sequence[Leg] = (),
    recordings: Sequence[Recording] = (),
    **more: object,
) -> Call:
    plain = Call(
        id="1",
        connection_id="p1",
        call_id="K-77",
        shared_id="K-77",
        recording_token="f3a9",
        started_at=AT,
        direction=direction,
        number=number,
        did="74951234567",
        legs=tuple(legs),
        recordings=tuple(recordings),
    )
    return replace(plain, **more)


def rang(extension: str) -> Change:
    return Change(kind=ChangeKind.LEG_RINGING, at=AT, extensions=(extension,))


def answered(extension: str) -> Change:
    return Change(kind=ChangeKind.LEG_ANSWERED, at=AT, extensions=(extension,))


def ended(extension: str, disposition: Disposition, talk_seconds: int | None = None) -> Change:
    return Change(
        kind=ChangeKind.LEG_ENDED,
        at=AT,
        extensions=(extension,),
        disposition=disposition,
        talk_seconds=talk_seconds,
    )


def missed(extension: str, *, was_said: bool = False) -> Change:
    return Change(
        kind=ChangeKind.CALL_ENDED,
        at=AT,
        extensions=(extension,),
        disposition=Disposition.MISSED,
        was_said=was_said,
    )


def recorded(index: int = 0, *, was_said: bool = False) -> Change:
    return Change(
        kind=ChangeKind.RECORDING_READY, at=AT, extensions=("102",), recording=index, was_said=was_said
    )


def missed_call(*legs: Leg) -> Call:
    return call(legs=legs, disposition=Disposition.MISSED, phase=Phase.ENDED, ended_at=AT)


def cancelled_leg(extension: str) -> Leg:
    return Leg(
        extension=extension,
        ringing_at=AT,
        ended_at=AT,
        state=LegState.ENDED,
        disposition=Disposition.CANCELLED,
    )


def as_told(event: CallEvent) -> tuple[Change, Call]:
    """Make the change and the call that would be told had this event been all there is."""
    change = Change(
        kind=KINDS[event.happening],
        at=AT,
        extensions=(event.extension or "",),
        disposition=event.disposition,
        talk_seconds=event.talk_seconds,
    )
    recording = [Recording(url=event.recording_url)] if event.recording_url else []
    return change, call(
        direction=event.direction,
        number=event.number,
        call_id=event.call_id,
        shared_id=event.call_id,
        did=event.did,
        custom=event.custom,
        recordings=tuple(recording),
        is_recorded=event.is_recorded,
    )
