"""The types of events, and which of them a receiver chose."""

from collections.abc import Mapping

from switchhook.core.call import ChangeKind
from switchhook.core.errors import BadMessage

# A link that was only named changes nothing for a receiver: it hears of the file once that is here.
TYPES: Mapping[ChangeKind, str] = {
    ChangeKind.LEG_RINGING: "call.ringing",
    ChangeKind.LEG_ANSWERED: "call.answered",
    ChangeKind.LEG_ENDED: "call.leg_ended",
    ChangeKind.CALL_ENDED: "call.ended",
    ChangeKind.CALL_FINAL: "call.final",
    ChangeKind.CORRECTED: "call.corrected",
    ChangeKind.RECORDING_READY: "recording.ready",
}
# Sent by `connection try` whatever was chosen.
TEST = "test"

ALL = "*"


def chosen(events: str) -> frozenset[ChangeKind]:
    """Read a choice such as `call.final, recording.*`; empty and `*` are all; unknown ones, none."""
    wanted = _parts(events) or [ALL]
    return frozenset(kind for kind, name in TYPES.items() if any(_is_meant(name, one) for one in wanted))


def check_events(events: str) -> None:
    """Judge a choice.

    Raises:
        BadMessage: names the first type that there is not, and those that there are.
    """
    for one in _parts(events):
        if not any(_is_meant(name, one) for name in TYPES.values()):
            known = ", ".join(TYPES.values())
            raise BadMessage(
                f"expected types among {known}, or call.*, or *; got {one[:40]!r}", field="events"
            )


def _parts(events: str) -> list[str]:
    return [part.strip() for part in events.split(",") if part.strip()]


def _is_meant(name: str, wanted: str) -> bool:
    """A prefix ends at a dot: `call.*`, but not `call.r*`."""
    return wanted in (name, ALL) or (wanted.endswith(".*") and name.startswith(wanted[:-1]))
