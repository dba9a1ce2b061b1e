"""The call of the examples: two phones ring, one answers, a recording comes, a report corrects."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from msgspec.structs import replace

from switchhook.core.call import (
    Call,
    CallEvent,
    CallReport,
    Change,
    Direction,
    Disposition,
    Happening,
    News,
    RecordingKept,
    Tick,
)
from switchhook.core.directory import GroupKind
from switchhook.core.fold import Birth, fold
from switchhook.core.timers import due_at
from tests.fakes import START

BIRTH = Birth(
    id="01JNAX4M2G7T9Q0V5W8YB3C6DE",
    connection_id="c-k3v9x2mqpa",
    shared_id="pbx-8f21",
    recording_token="Zr3vK9xQm2Lw8TnB4cYd6HsJ1fGpAe0U",
    call_id="pbx-8f21",
)
NUMBER, DID = "89165550142", "74951234567"
LINK = "https://pbx.example.test/r/8f21.mp3"
PUBLIC_URL = "https://hub.example"


@dataclass(frozen=True)
class Told:
    """A change, and the call as it was told with it."""

    change: Change
    call: Call


def example() -> list[Told]:
    """Give every change of the example call, in the order they are told."""
    return tell(
        (0, step(Happening.RINGING, "101")),
        (0.4, step(Happening.RINGING, "102")),
        (6.25, step(Happening.ANSWERED, "101")),
        (6.3, step(Happening.ENDED, "102", disposition=Disposition.CANCELLED)),
        (71, step(Happening.ENDED, "101", disposition=Disposition.ANSWERED, talk_seconds=65)),
        (72.5, step(Happening.RECORDED, None, recording_url=LINK)),
        (76, kept()),
        (300, report()),
    )


def tell(*heard: tuple[float, News]) -> list[Told]:
    """Fold news at their seconds, the clock running in between and to the end."""
    call: Call | None = None
    made: list[Told] = []
    waiting = list(heard)
    while waiting or (call is not None and due_at(call) is not None):
        due = due_at(call) if call is not None else None
        if waiting and (due is None or due >= START + timedelta(seconds=waiting[0][0])):
            seconds, news = waiting.pop(0)
            at = START + timedelta(seconds=seconds)
        else:
            assert due is not None
            at, news = due, Tick(call_id=BIRTH.call_id)
        call, changes = fold(call, news, at=at, birth=BIRTH)
        shown = replace(call, group="Sales", group_kind=GroupKind.RING)
        made.extend(Told(change, shown) for change in changes)
    return made


def step(happening: Happening, extension: str | None, **more: object) -> CallEvent:
    facts: Mapping[str, object] = {
        "direction": Direction.INBOUND,
        "number": NUMBER,
        "did": DID,
        "custom": {"utm_source": "direct"},
        **more,
    }
    return CallEvent(call_id=BIRTH.call_id, happening=happening, extension=extension, **facts)  # type: ignore[arg-type]


def kept() -> RecordingKept:
    return RecordingKept(
        call_id=BIRTH.call_id,
        url=LINK,
        is_kept=True,
        content_type="audio/mpeg",
        size_bytes=260352,
        seconds=65.1,
    )


def report(talk_seconds: int = 64) -> CallReport:
    """The PBX explains the call afterwards: its lengths are the authority."""
    return CallReport(
        call_id=BIRTH.call_id,
        direction=Direction.INBOUND,
        number=NUMBER,
        started_at=START,
        disposition=Disposition.ANSWERED,
        extension="101",
        talk_seconds=talk_seconds,
    )
