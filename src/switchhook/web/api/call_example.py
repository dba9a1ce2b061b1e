"""A call that documents show."""

from datetime import UTC, datetime, timedelta

from switchhook.core.call import Call, Direction, Disposition, Leg, LegState, Phase, Recording
from switchhook.core.call_view import view_of
from switchhook.core.directory import GroupKind

BEGAN = datetime(2026, 1, 31, 9, 0, tzinfo=UTC)
TOOK = BEGAN + timedelta(seconds=15)
ENDED = BEGAN + timedelta(seconds=80)

ANSWERED = view_of(
    Call(
        id="0194b8f1c2a0d4e5f60718293a",
        connection_id="c-ab2cd3ef4g",
        call_id="1738314000.42",
        shared_id="1738314000.42",
        recording_token="q8sZ0c2lqk3v5xq1bN7d9w4tE6yUfG2h",
        started_at=BEGAN,
        direction=Direction.INBOUND,
        number="89101234567",
        did="74951234567",
        contact_name="Anna Petrova",
        group="sales",
        group_kind=GroupKind.RING,
        legs=(
            Leg(
                extension="101",
                state=LegState.ENDED,
                ringing_at=BEGAN,
                answered_at=TOOK,
                ended_at=ENDED,
                disposition=Disposition.ANSWERED,
                talk_seconds=65,
            ),
            Leg(
                extension="102",
                state=LegState.ENDED,
                ringing_at=BEGAN,
                ended_at=TOOK,
                disposition=Disposition.CANCELLED,
            ),
        ),
        recordings=(
            Recording(
                url="https://pbx.example.com/rec/42.mp3",
                is_ready=True,
                is_kept=True,
                content_type="audio/mpeg",
                size_bytes=260_144,
                seconds=65.0,
            ),
        ),
        custom={"utm_source": "ads"},
        phase=Phase.FINAL,
        disposition=Disposition.ANSWERED,
        extension="101",
        ring_seconds=15,
        talk_seconds=65,
        answered_at=TOOK,
        ended_at=ENDED,
        is_recorded=True,
    ),
    region="RU",
    public_url="https://hub.example.com",
)
