"""What the scenarios of SIPp log of their dialogues, and how one is told to go on with the next thing."""

import re
import socket
from dataclasses import dataclass

# SIPp writes a timestamp as date, time and seconds since 1970, with tabs between.
LOGGED = re.compile(
    r"^\S+ (?P<word>INVITE|RINGS|ANSWERED|REFUSED|CANCELLED|HUNG UP|LEFT) (?P<call_id>\S+) at "
    r"\S+\s\S+\s(?P<at>[0-9.]+)",
    re.MULTILINE,
)

ENDS = frozenset({"REFUSED", "CANCELLED", "HUNG UP", "LEFT"})


@dataclass(frozen=True, kw_only=True)
class Step:
    """One logged word: INVITE, RINGS, ANSWERED, REFUSED, CANCELLED, HUNG UP, or LEFT by the other."""

    word: str
    call_id: str
    at: float  # by the clock on the wall


def steps_of(said: str) -> list[Step]:
    return [
        Step(word=one["word"], call_id=one["call_id"], at=float(one["at"])) for one in LOGGED.finditer(said)
    ]


def nudge(port: int, call_id: str) -> None:
    """Send an INFO that no dialogue of SIP has: our scenarios wait for it, and go on.

    SIPp finds the dialogue by its Call-ID alone, and answers nothing.
    """
    lines = (
        f"INFO sip:nudge@127.0.0.1:{port} SIP/2.0",
        "Via: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKnudge",
        "From: <sip:nudge@127.0.0.1>;tag=nudge",
        f"To: <sip:nudge@127.0.0.1:{port}>",
        f"Call-ID: {call_id}",
        "CSeq: 1 INFO",
        "Content-Length: 0",
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.sendto("\r\n".join((*lines, "", "")).encode(), ("127.0.0.1", port))
