"""A call as a queue or a ring group had it, for summaries and histories. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from switchhook.connectors.voipcloud.wire.number import write_party
from switchhook.connectors.voipcloud.wire.row import group_status
from switchhook.core.call import Call, Disposition
from switchhook.core.directory import GroupKind


@dataclass(frozen=True, kw_only=True)
class Stay:
    """How a call fared in a group. A hunt is a ring group here: this family knows two kinds."""

    is_queue: bool
    caller_id: str
    dest_number: str | None
    started_at: datetime
    connected_at: datetime | None
    wait_seconds: int
    talk_seconds: int

    @property
    def call_seconds(self) -> int:
        return self.wait_seconds + self.talk_seconds

    @property
    def status(self) -> str:
        return group_status(is_answered=self.connected_at is not None)


def stay_of(call: Call, region: str) -> Stay:
    """Tell how a call that came through a group fared there; the call is over."""
    has_talked = call.disposition is Disposition.ANSWERED
    wait_seconds = call.ring_seconds or 0
    answered_at = call.answered_at or call.started_at + timedelta(seconds=wait_seconds)
    return Stay(
        is_queue=call.group_kind is GroupKind.QUEUE,
        caller_id=write_party(call.number, region),
        dest_number=write_party(call.did, region) if call.did else None,
        started_at=call.started_at,
        connected_at=answered_at if has_talked else None,
        wait_seconds=wait_seconds,
        talk_seconds=(call.talk_seconds or 0) if has_talked else 0,
    )
