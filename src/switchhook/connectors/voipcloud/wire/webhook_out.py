"""Our changes as the events of this family. Pure."""

from collections.abc import Callable, Mapping

from msgspec import Struct

from switchhook.connectors.voipcloud.wire.group_out import stay_of
from switchhook.connectors.voipcloud.wire.notice import Kind, Notice
from switchhook.connectors.voipcloud.wire.part_out import began_by, part_of
from switchhook.core.call import Call, Change, ChangeKind, Direction
from switchhook.core.directory import GroupKind
from switchhook.core.numeric_id import numeric_id
from switchhook.core.text import clean_name

INBOUND: Mapping[ChangeKind, Kind] = {
    ChangeKind.LEG_RINGING: Kind.USER_INBOUND,
    ChangeKind.LEG_ANSWERED: Kind.USER_INBOUND_ANSWERED,
    ChangeKind.LEG_ENDED: Kind.USER_INBOUND_COMPLETED,
    ChangeKind.RECORDING_READY: Kind.RECORDING_INBOUND,
}
OUTBOUND: Mapping[ChangeKind, Kind] = {
    ChangeKind.LEG_RINGING: Kind.USER_OUTBOUND,
    ChangeKind.LEG_ANSWERED: Kind.USER_OUTBOUND_ANSWERED,
    ChangeKind.LEG_ENDED: Kind.USER_OUTBOUND_COMPLETED,
    ChangeKind.RECORDING_READY: Kind.RECORDING_OUTBOUND,
}
STEPS = frozenset({ChangeKind.LEG_RINGING, ChangeKind.LEG_ANSWERED, ChangeKind.LEG_ENDED})
SUMMARIES = frozenset({Kind.QUEUE_CALL, Kind.RING_GROUP_CALL})


class Telling(Struct, frozen=True, kw_only=True):
    """What an event is made of beside the call itself."""

    change: Change
    call: Call
    names: Mapping[str, str]  # of users, by extension
    region: str  # reads numbers that came without a country code
    link: str = ""  # of the recording that the change is about


def kind_of(change: Change, call: Call) -> Kind | None:
    """Say which event tells this change; None when none of them does.

    A queue or a ring group sums up once the record is complete. What was recorded of an inbound call
    that nobody answered is a voice message.
    """
    if change.kind is ChangeKind.CALL_FINAL:
        return _summary_of(call)
    is_recording = change.kind is ChangeKind.RECORDING_READY
    if is_recording and call.is_missed:
        return Kind.VOICEMAIL
    who = change.extension or (call.extension or "" if is_recording else "")
    return (OUTBOUND if began_by(call, who) else INBOUND).get(change.kind)


def kinds_of(change: ChangeKind) -> frozenset[Kind]:
    """Give the events that may tell a change of this kind."""
    if change is ChangeKind.CALL_FINAL:
        return SUMMARIES
    told = {table[change] for table in (INBOUND, OUTBOUND) if change in table}
    return frozenset(told | {Kind.VOICEMAIL} if change is ChangeKind.RECORDING_READY else told)


def notice_of(kind: Kind, telling: Telling) -> Notice:
    """Make the event of this kind; `link` has to be given for those that carry one."""
    return MAKERS.get(kind, _user_notice)(kind, telling)


def _summary_of(call: Call) -> Kind | None:
    if not call.group or call.direction is Direction.OUTBOUND:
        return None
    return Kind.QUEUE_CALL if call.group_kind is GroupKind.QUEUE else Kind.RING_GROUP_CALL


def _user_notice(kind: Kind, telling: Telling) -> Notice:
    """Tell one step of one user. A ring that was repeated is told apart by its own start."""
    change, call = telling.change, telling.call
    who = change.extension
    legs = [leg for leg in call.legs if (leg.extension, leg.attempt) == (who, change.attempt)]
    part = part_of(call, who, legs, telling.region)
    queue, ring_group = _groups(call)
    return Notice(
        kind=kind,
        unique_call_id=numeric_id(call),
        caller_id=part.caller_id,
        caller_name=None if part.is_caller else _caller_name(call),
        user_name=telling.names.get(who),
        user_number=who,
        dest_number=part.dest_number,
        call_start_at=part.started_at,
        connected_at=part.connected_at,
        call_duration=part.call_seconds,
        conversation_duration=part.talk_seconds,
        queue_name=queue,
        ring_group_name=ring_group,
    )


def _summary_notice(kind: Kind, telling: Telling) -> Notice:
    """Sum up: who answered, else who rang last."""
    call = telling.call
    stay = stay_of(call, telling.region)
    queue, ring_group = _groups(call)
    who = call.extension or ""
    return Notice(
        kind=kind,
        unique_call_id=numeric_id(call),
        caller_id=stay.caller_id,
        caller_name=_caller_name(call),
        user_name=telling.names.get(who),
        user_number=who,
        dest_number=stay.dest_number,
        call_start_at=stay.started_at,
        connected_at=stay.connected_at,
        call_duration=stay.call_seconds,
        conversation_duration=stay.talk_seconds,
        queue_name=queue,
        ring_group_name=ring_group,
        status=stay.status,
    )


def _recording_notice(kind: Kind, telling: Telling) -> Notice:
    """Tell that a recording or a voice message is there. We mail nobody, so there are no addresses.

    The text names the call as the PBX's own mail does: one client finds it by that.
    """
    change, call = telling.change, telling.call
    who = change.extension or call.extension or ""
    part = part_of(call, who, [], telling.region)
    call_id = numeric_id(call)
    is_voicemail = kind is Kind.VOICEMAIL
    return Notice(
        kind=kind,
        unique_call_id=call_id,
        caller_id=part.caller_id,
        user_name=telling.names.get(who),
        user_number=who,
        dest_number=part.dest_number,
        recorded_at=call.ended_at or change.at,
        emails="",
        email_subject=f"Voicemail from {part.caller_id}" if is_voicemail else "Call recording",
        email_message=f"Unique call id {call_id}",
        audio_file=(telling.link,),
        call_recording_link=telling.link,
    )


def _groups(call: Call) -> tuple[str | None, str | None]:
    """Give the name of the queue and of the ring group, of which there is one at most."""
    name = clean_name(call.group or "") or None
    return (name, None) if call.group_kind is GroupKind.QUEUE else (None, name)


def _caller_name(call: Call) -> str | None:
    return clean_name(call.contact_name or "") or None


MAKERS: Mapping[Kind, Callable[[Kind, Telling], Notice]] = {
    **dict.fromkeys(SUMMARIES, _summary_notice),
    Kind.VOICEMAIL: _recording_notice,
    Kind.RECORDING_INBOUND: _recording_notice,
    Kind.RECORDING_OUTBOUND: _recording_notice,
}
