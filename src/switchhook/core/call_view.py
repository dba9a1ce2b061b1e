"""A call as outsiders see it, in one shape everywhere: in signed webhooks and in the REST API.

Pure. Every field is always there; null says that it is not known (yet). Times are texts of RFC 3339
in UTC with milliseconds, durations are seconds. What each field means: docs/connectors/webhook.md.
"""

from datetime import UTC, datetime

from msgspec import Struct

from switchhook.core.call import Call, Direction, Disposition, Leg, LegState, Phase, Recording
from switchhook.core.directory import GroupKind
from switchhook.core.number import read_number
from switchhook.core.result import last_talk, talked


class ConnectionView(Struct, frozen=True, kw_only=True):
    """The connection whose PBX had the call."""

    id: str


class NumberView(Struct, frozen=True, kw_only=True):
    """A telephone number as the PBX sent it, and as it was understood."""

    raw: str  # "" when none was sent
    e164: str | None  # null: short, withheld or unreadable


class GroupView(Struct, frozen=True, kw_only=True):
    """The queue or ring group that a call came through."""

    name: str
    kind: GroupKind | None  # null: nobody said


class EmployeeView(Struct, frozen=True, kw_only=True):
    """Who of us the call is about."""

    extension: str


class LegView(Struct, frozen=True, kw_only=True):
    """One extension's part in a call, one per ring attempt."""

    extension: str | None  # null when the PBX named nobody
    attempt: int  # from 1
    state: LegState
    ringing_at: str | None
    answered_at: str | None
    ended_at: str | None
    disposition: Disposition | None
    talk_seconds: int | None


class RecordingView(Struct, frozen=True, kw_only=True):
    """A recording. `url` is permanent and may be given before the file is there to be heard."""

    url: str | None  # null: the file is lost, or whoever asks may not hear recordings
    is_ready: bool
    seconds: float | None
    content_type: str | None
    size_bytes: int | None


class CallView(Struct, frozen=True, kw_only=True):
    """One call."""

    id: str
    shared_id: str
    connection: ConnectionView
    direction: Direction
    phase: Phase
    disposition: Disposition | None
    is_missed: bool
    number: NumberView
    contact_name: str | None
    line: NumberView | None
    site: str | None
    group: GroupView | None
    started_at: str
    answered_at: str | None
    ended_at: str | None
    ring_seconds: int | None
    talk_seconds: int | None
    employee: EmployeeView | None
    legs: tuple[LegView, ...]
    recordings: tuple[RecordingView, ...]
    custom: dict[str, str]
    dial_id: str | None
    ended_because: str | None


def view_of(call: Call, *, region: str, public_url: str | None) -> CallView:
    """Show a call.

    `region` is the country of numbers without a country code. `public_url` is that of the hub, without
    a trailing slash; None leaves the links of recordings out, for whoever may not hear them.
    """
    talks = talked(call)
    last = last_talk(call)
    extension = call.extension or (last.extension if last else "")
    answers = [leg.answered_at for leg in talks if leg.answered_at is not None]
    return CallView(
        id=call.id,
        shared_id=call.shared_id,
        connection=ConnectionView(id=call.connection_id),
        direction=call.direction,
        phase=call.phase,
        disposition=call.disposition,
        is_missed=call.is_missed,
        number=_number(call.number, region),
        contact_name=call.contact_name,
        line=_number(call.did, region) if call.did else None,
        site=call.site,
        group=GroupView(name=call.group, kind=call.group_kind) if call.group else None,
        started_at=rfc3339(call.started_at),
        # The call itself says so only at its end.
        answered_at=_time(call.answered_at or min(answers, default=None)),
        ended_at=_time(call.ended_at),
        ring_seconds=call.ring_seconds,
        talk_seconds=call.talk_seconds,
        employee=EmployeeView(extension=extension) if extension else None,
        legs=tuple(_leg(leg) for leg in call.legs),
        recordings=tuple(
            _recording(call, recording, index, public_url) for index, recording in enumerate(call.recordings)
        ),
        custom=call.custom,
        dial_id=call.dial_id,
        ended_because=call.ended_because,
    )


def recording_url(call: Call, index: int, public_url: str) -> str:
    """Give the permanent link of a recording; it may be given out before the file is here.

    A recording that we could not copy but the peer still offers keeps the peer's own link.
    """
    if index < len(call.recordings):
        recording = call.recordings[index]
        if recording.is_ready and not recording.is_kept:
            return recording.url
    return public_url + call.recording_path(index)


def rfc3339(at: datetime) -> str:
    """Write a time as 2026-03-02T09:00:00.000Z; what is finer than a millisecond is cut."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _time(at: datetime | None) -> str | None:
    return None if at is None else rfc3339(at)


def _number(raw: str, region: str) -> NumberView:
    return NumberView(raw=raw, e164=read_number(raw, region).e164)


def _leg(leg: Leg) -> LegView:
    return LegView(
        extension=leg.extension or None,
        attempt=leg.attempt,
        state=leg.state,
        ringing_at=_time(leg.ringing_at),
        answered_at=_time(leg.answered_at),
        ended_at=_time(leg.ended_at),
        disposition=leg.disposition,
        talk_seconds=leg.talk_seconds,
    )


def _recording(call: Call, recording: Recording, index: int, public_url: str | None) -> RecordingView:
    is_shown = public_url is not None and not recording.is_lost
    return RecordingView(
        url=recording_url(call, index, public_url or "") if is_shown else None,
        is_ready=recording.is_ready and not recording.is_lost,
        seconds=recording.seconds,
        content_type=recording.content_type,
        size_bytes=recording.size_bytes,
    )
