"""From legs to the call: whose end is told and how, when the outcome stands, when the record is complete."""

from datetime import datetime

from msgspec.structs import replace

from switchhook.core.call import (
    Call,
    Change,
    ChangeKind,
    Direction,
    Disposition,
    Leg,
    LegState,
    Phase,
    ReportOf,
)
from switchhook.core.legs import measured_talk
from switchhook.core.result import (
    blamed_leg,
    disposition_of,
    last_talk,
    ring_seconds_of,
    talk_seconds_of,
    talked,
)
from switchhook.core.timers import (
    SETTLE,
    SHADOW_EXPIRES,
    TRANSFER_GRACE,
    final_at,
    stale_at,
)

# Asked at every event. See core/call.py on why these have names of their own.
_ANSWERED = Disposition.ANSWERED
_CANCELLED = Disposition.CANCELLED
_LEG_ENDED = LegState.ENDED
_RINGING = LegState.RINGING
_OPEN = Phase.OPEN
_ENDED = Phase.ENDED
_LEG_RINGS = ChangeKind.LEG_RINGING
_LEG_ANSWERS = ChangeKind.LEG_ANSWERED


class Draft:
    """A call being folded, and the changes to tell. Lives within one fold only."""

    __slots__ = "call", "changes"

    def __init__(self, call: Call) -> None:
        self.call = call
        self.changes: list[Change] = []

    def add_leg(self, leg: Leg) -> None:
        self.call = replace(self.call, legs=(*self.call.legs, leg))

    def put_leg(self, leg: Leg) -> None:
        """Replace the same attempt of the same extension."""
        legs = tuple([leg if _is_same(old, leg) else old for old in self.call.legs])
        self.call = replace(self.call, legs=legs)

    def end(self, leg: Leg, disposition: Disposition, at: datetime) -> Leg:
        """End an open leg without telling it yet."""
        ended = replace(leg, state=_LEG_ENDED, ended_at=at, disposition=disposition, is_told=False)
        self.put_leg(ended)
        return ended

    def hold(self, until: datetime) -> None:
        """Let untold ends wait for better knowledge, but not longer than the first of them may."""
        earliest = min(until, self.call.hold_until or until)
        self.call = replace(self.call, hold_until=earliest)

    def say(self, kind: ChangeKind, at: datetime, leg: Leg) -> None:
        """Tell that a leg rings or was answered; a card that is not open yet opens first."""
        leg = self.newest(leg)
        if kind is _LEG_RINGS and leg.has_card:
            return
        if kind is _LEG_ANSWERS and not leg.has_card:
            self.say(_LEG_RINGS, at, leg)
        self.changes.append(Change(kind=kind, at=at, extensions=(leg.extension,), attempt=leg.attempt))
        is_answer = kind is _LEG_ANSWERS
        self.put_leg(replace(leg, has_card=True, is_answer_told=leg.is_answer_told or is_answer))

    def tell_end(self, leg: Leg, at: datetime, *, told_as: Disposition | None = None) -> None:
        """Tell the end of a leg; whoever saw it ring hears of its answer first."""
        leg = self.newest(leg)
        disposition = told_as or leg.disposition or Disposition.UNKNOWN
        if disposition is _ANSWERED and leg.has_card and not leg.is_answer_told:
            self.say(_LEG_ANSWERS, at, leg)
            leg = self.newest(leg)
        self.put_leg(replace(leg, is_told=True, has_card=False))
        if disposition is _CANCELLED and not leg.has_card:
            return  # nobody was told that it rang, so there is no card to close
        self.changes.append(
            Change(
                kind=ChangeKind.LEG_ENDED,
                at=at,
                extensions=(leg.extension,),
                attempt=leg.attempt,
                disposition=disposition,
                talk_seconds=leg.talk_seconds if disposition is _ANSWERED else None,
            )
        )

    def newest(self, leg: Leg) -> Leg:
        """Give this very attempt as it now is."""
        for old in self.call.legs:
            if _is_same(old, leg):
                return old
        raise LookupError("expected a leg of this call")

    def correct(self, at: datetime, note: str) -> None:
        self.changes.append(Change(kind=ChangeKind.CORRECTED, at=at, note=note))

    @property
    def untold(self) -> list[Leg]:
        return [leg for leg in self.call.legs if leg.state is _LEG_ENDED and not leg.is_told]


def _is_same(a: Leg, b: Leg) -> bool:
    return a.attempt == b.attempt and a.extension == b.extension


def conclude(draft: Draft, at: datetime) -> None:
    """Draw the conclusions that the legs allow at this moment."""
    if draft.call.is_shadow:
        return
    _tell_what_is_certain(draft, at)
    if draft.call.hold_until is not None and at >= draft.call.hold_until:
        _release(draft, at)
    _drop_losers_left_ringing(draft, at)
    if draft.call.hold_until is None and not draft.call.is_going_on:
        if draft.call.phase is _OPEN:
            _settle(draft, at)
        else:
            _restate(draft, at)
    if draft.call.settle_at is not None and at >= draft.call.settle_at:
        draft.call = replace(draft.call, settle_at=None)  # it has done what it was waited for
    _announce_recordings(draft, at)
    if draft.call.phase is _ENDED and at >= final_at(draft.call):
        draft.call = replace(draft.call, phase=Phase.FINAL)
        draft.changes.append(_summary(draft.call, ChangeKind.CALL_FINAL, at))


def give_up_waiting(draft: Draft, at: datetime) -> None:
    """Another phone rings: what was held back of the ones before is told as it stands."""
    if draft.call.hangup is Disposition.UNKNOWN:
        draft.call = replace(draft.call, hangup=None)
        for leg in draft.call.legs:
            if leg.state is _RINGING:
                draft.tell_end(draft.end(leg, _CANCELLED, at), at)
    _release(draft, at)


def close_stale(draft: Draft, at: datetime) -> None:
    """Close what nothing was heard of for too long, and say that it was so."""
    call = draft.call
    if call.is_shadow:
        if call.phase is _OPEN and at >= call.started_at + SHADOW_EXPIRES:
            what = "recording" if call.recordings or call.is_recorded else "note"
            draft.call = replace(
                call, phase=Phase.FINAL, ended_at=at, ended_because=f"only a {what} was heard of"
            )
        return
    for leg in call.legs:
        due = stale_at(call, leg)
        if due is None or at < due:
            continue
        was_talking = leg.state is LegState.TALKING
        ended = draft.end(leg, _ANSWERED if was_talking else Disposition.UNKNOWN, at)
        draft.put_leg(replace(ended, is_lost=True))
        draft.call = replace(draft.call, ended_because="no end was heard")
        draft.tell_end(ended, at, told_as=None if was_talking else _CANCELLED)


def _tell_what_is_certain(draft: Draft, at: datetime) -> None:
    """Once somebody talks, whoever did not pick up has simply been cancelled."""
    if not draft.call.has_talked:
        return
    for leg in draft.untold:
        if leg.disposition is not _ANSWERED:
            draft.tell_end(leg, at, told_as=_CANCELLED)
        elif leg.talk_seconds is not None:
            draft.tell_end(leg, at)
    if draft.call.hold_until is not None and draft.call.hangup is None and not draft.untold:
        draft.call = replace(draft.call, hold_until=None)


def _release(draft: Draft, at: datetime) -> None:
    """Nothing better came in time: tell the ends that were held."""
    hangup, ended_at = draft.call.hangup, draft.call.last_heard_at or at
    draft.call = replace(draft.call, hold_until=None, hangup=None)
    if hangup is not None:
        for index, leg in enumerate(leg for leg in draft.call.legs if leg.is_open):
            is_winner = hangup is _ANSWERED and index == 0
            draft.end(leg, _after_hangup(draft.call, hangup, is_winner=is_winner), ended_at)
    for leg in draft.untold:
        if leg.disposition is _ANSWERED:
            talk = leg.talk_seconds
            if talk is None:
                talk = measured_talk(leg, leg.ended_at or at)
                draft.put_leg(replace(leg, talk_seconds=talk, is_guess=True))
            draft.tell_end(leg, at)
    _tell_what_is_certain(draft, at)
    if draft.call.is_going_on:
        for leg in draft.untold:
            draft.tell_end(leg, at, told_as=_CANCELLED)


def _after_hangup(call: Call, hangup: Disposition, *, is_winner: bool) -> Disposition:
    if hangup is _ANSWERED:
        return _ANSWERED if is_winner else _CANCELLED
    if hangup is not Disposition.UNKNOWN:
        return hangup
    return Disposition.NO_ANSWER if call.direction is Direction.OUTBOUND else Disposition.MISSED


def _drop_losers_left_ringing(draft: Draft, at: datetime) -> None:
    """The talk is over, yet phones that rang before it never stopped: their end was lost."""
    call = draft.call
    ringing = [leg for leg in call.legs if leg.state is _RINGING]
    if not ringing or not (talks := talked(call)) or any(leg.is_open for leg in talks):
        return
    answered_at = max(leg.answered_at or leg.ended_at or at for leg in talks)
    losers = [leg for leg in ringing if leg.ringing_at is not None and leg.ringing_at <= answered_at]
    if not losers:
        return
    if call.settle_at is None:
        draft.call = replace(call, settle_at=at + SETTLE)
    elif at >= call.settle_at:
        for leg in losers:
            ended = draft.end(leg, _CANCELLED, at)
            draft.put_leg(replace(ended, is_lost=True))
            draft.tell_end(ended, at)


def _settle(draft: Draft, at: datetime) -> None:
    """All phones are quiet: end the call now, or wait for a transfer or the next phone of a hunt."""
    call = draft.call
    disposition = disposition_of(call)
    waits = None
    if disposition is _ANSWERED:
        waits = None if call.is_reported else TRANSFER_GRACE
    elif call.direction is Direction.INBOUND and all(_may_be_hunted_on(leg, call) for leg in call.legs):
        waits = None if call.is_reported else SETTLE
    if waits is not None and call.settle_at is None:
        draft.call = replace(call, settle_at=at + waits)
        return
    if waits is not None and call.settle_at is not None and at < call.settle_at:
        return
    _end_call(draft, disposition, at)


def _may_be_hunted_on(leg: Leg, call: Call) -> bool:
    """Tell whether the end of this ring says nothing of the call: the next phone of a group may ring."""
    if leg.disposition is _CANCELLED:
        return True
    is_of_group = call.group is not None and call.group_began_at is None
    return is_of_group and leg.told_by is ReportOf.LEG and leg.disposition is not _ANSWERED


def _end_call(draft: Draft, disposition: Disposition, at: datetime) -> None:
    untold = draft.untold
    blamed = None
    if untold or disposition is not _ANSWERED:
        blamed = blamed_leg(replace(draft.call, legs=tuple(untold)) if untold else draft.call)
    was_said = disposition is _ANSWERED or draft.call.direction is not Direction.INBOUND
    for leg in untold:
        is_blamed = blamed is not None and _is_same(leg, blamed)
        draft.tell_end(leg, at, told_as=disposition if is_blamed else _CANCELLED)
        was_said = was_said or is_blamed
    draft.call = replace(_with_outcome(draft.call, blamed, at), phase=_ENDED, settle_at=None, hold_until=None)
    draft.changes.append(_summary(draft.call, ChangeKind.CALL_ENDED, at, was_said=was_said))


def _restate(draft: Draft, at: datetime) -> None:
    """More was heard after the outcome was told: note what turned out otherwise."""
    for leg in draft.untold:
        draft.tell_end(leg, at)
    before = draft.call
    # Whose missed call it is has been told, and stays so as long as it is one.
    told = next((leg for leg in before.legs if leg.extension == before.extension), None)
    after = replace(_with_outcome(before, told or blamed_leg(before), at), settle_at=None)
    if after.disposition is not before.disposition and after.disposition is not None:
        draft.correct(at, f"{before.disposition} is now {after.disposition}")
    elif after.talk_seconds != before.talk_seconds:
        draft.correct(at, f"talk of {before.talk_seconds} s is now {after.talk_seconds} s")
    draft.call = after


def _with_outcome(call: Call, blamed: Leg | None, at: datetime) -> Call:
    disposition = disposition_of(call)
    talks = talked(call)
    ended_at = max((leg.ended_at for leg in call.legs if leg.ended_at is not None), default=at)
    who = last_talk(call) or blamed
    extension = who.extension if who is not None else None
    talk_seconds = talk_seconds_of(call) if talks else 0
    if talks and call.is_reported:
        extension = extension if call.reported_extension is None else call.reported_extension
        talk_seconds = talk_seconds if call.reported_talk_seconds is None else call.reported_talk_seconds
    ring_seconds = call.ring_seconds if call.is_reported else None
    return replace(
        call,
        disposition=disposition,
        extension=extension,
        talk_seconds=talk_seconds,
        ring_seconds=ring_seconds_of(call, ended_at) if ring_seconds is None else ring_seconds,
        answered_at=talks[0].answered_at if talks else None,
        ended_at=ended_at,
    )


def _announce_recordings(draft: Draft, at: datetime) -> None:
    """Tell a recording once nobody talks any more: it belongs to the call and not to a moment of it."""
    call = draft.call
    if not call.recordings or any(leg.state is LegState.TALKING for leg in call.legs):
        return
    if call.phase is _OPEN and not any(leg.is_told and leg.has_talked for leg in call.legs):
        return
    went_along = any(
        change.kind is ChangeKind.LEG_ENDED and change.disposition is _ANSWERED for change in draft.changes
    )
    last = last_talk(call)
    for index, recording in enumerate(call.recordings):
        if recording.is_ready and not recording.is_told:
            draft.changes.append(
                Change(
                    kind=ChangeKind.RECORDING_READY,
                    at=at,
                    extensions=(last.extension,) if last else (),
                    recording=index,
                    was_said=went_along and index == 0,
                )
            )
    draft.call = replace(
        call,
        recordings=tuple(
            replace(recording, is_told=True) if recording.is_ready else recording
            for recording in call.recordings
        ),
    )


def _summary(call: Call, kind: ChangeKind, at: datetime, *, was_said: bool = True) -> Change:
    return Change(
        kind=kind,
        at=at,
        extensions=(call.extension,) if call.extension is not None else (),
        disposition=call.disposition,
        talk_seconds=call.talk_seconds,
        was_said=was_said,
    )
