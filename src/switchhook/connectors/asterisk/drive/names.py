"""Names that we give to channels, bridges and recordings, and what they say. Pure.

A channel's name tells which call it was made for, so a hub that comes back finds its calls in Asterisk's
own lists; and Asterisk refuses a second channel of one name (409), so nothing that is asked twice rings
twice.
"""

from msgspec import Struct

# Kinds of channels that we make.
RING, EMPLOYEE, CLIENT = "swr", "swe", "swc"
KINDS = frozenset({RING, EMPLOYEE, CLIENT})
BRIDGE, PLAYBACK, RECORDING = "swb", "swp", "switchhook"
# With what the dialplan hands a call over: Stasis(app,inbound,DID), Stasis(app,transfer,EXTENSION).
INBOUND, TRANSFER = "inbound", "transfer"
# An extension may have signs that no id has.
WRITTEN = str.maketrans({"*": "s", "#": "h", "+": "p"})
READ = str.maketrans({"s": "*", "h": "#", "p": "+"})


class LegName(Struct, frozen=True, kw_only=True):
    """`call` is the caller's channel, or the order of a click; `visit` tells apart two of one caller."""

    kind: str
    call: str
    visit: str
    step: int = 0
    turn: int = 0
    device: int = 0
    extension: str = ""

    @property
    def id(self) -> str:
        said = self.extension.translate(WRITTEN)
        return f"{self.kind}-{self.call}-{self.visit}-{self.step}.{self.turn}.{self.device}-{said}"


def read_leg(channel_id: str) -> LegName | None:
    """Read the id of a channel; None for one that we did not make."""
    kind, _, rest = channel_id.partition("-")
    parts = rest.rsplit("-", 3)
    if kind not in KINDS or len(parts) != 4:
        return None
    call, visit, place, extension = parts
    numbers = place.split(".")
    if not call or not visit or len(numbers) != 3 or not all(one.isdecimal() for one in numbers):
        return None
    step, turn, device = map(int, numbers)
    return LegName(
        kind=kind,
        call=call,
        visit=visit,
        step=step,
        turn=turn,
        device=device,
        extension=extension.translate(READ),
    )


def bridge_id(call: str, visit: str) -> str:
    return f"{BRIDGE}-{call}-{visit}"


def read_bridge(given: str) -> tuple[str, str] | None:
    """Give the call and the visit of a bridge; None for one that we did not make."""
    kind, _, rest = given.partition("-")
    call, _, visit = rest.rpartition("-")
    return (call, visit) if kind == BRIDGE and call and visit else None


def recording_name(call_id: str, visit: str) -> str:
    """Name a recording by the id under which the hub is told of the call."""
    return f"{RECORDING}-{call_id}-{visit}"


def read_recording(given: str) -> tuple[str, str] | None:
    """Give the call and the visit of a recording; None for one that we did not name."""
    kind, _, rest = given.partition("-")
    call_id, _, visit = rest.rpartition("-")
    return (call_id, visit) if kind == RECORDING and call_id and visit.isdecimal() else None


def visit_of(timestamp: str) -> str:
    """Name a visit by the time of its `StasisStart`: the same message twice is one visit."""
    return "".join(one for one in timestamp[:23] if one.isdecimal()) or "0"
