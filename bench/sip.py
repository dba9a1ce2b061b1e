"""As little SIP as it takes to time a ring: somebody outside calls and gives up, a phone notes when it rings.

Spoken here and not by SIPp, so that both ends have one clock.
"""

import asyncio
import re
import time
from dataclasses import dataclass, field
from typing import cast

SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio 9 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"
)
NUMBER = re.compile(r"<sips?:\+?([0-9]+)@")


@dataclass(kw_only=True)
class Rung:
    """An INVITE that reached a phone."""

    at: float  # of time.perf_counter
    shown: str  # the whole From header


class Phone(asyncio.DatagramProtocol):
    """Rings until it is told to stop; `rung` is by the number that was shown."""

    def __init__(self, rung: dict[str, Rung]) -> None:
        self._rung = rung
        self._invite: dict[str, list[str]] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        at = time.perf_counter()
        method, headers = read(data)
        call_id = value(headers, "call-id")
        if method == "INVITE":
            shown = value(headers, "from")
            number = NUMBER.search(shown)
            if number is not None:
                self._rung.setdefault(number[1], Rung(at=at, shown=shown))
            self._invite[call_id] = headers
            self._answer("180 Ringing", headers, address)
        elif method == "CANCEL":
            self._answer("200 OK", headers, address)
            invite = self._invite.pop(call_id, None)
            if invite is not None:
                self._answer("487 Request Terminated", invite, address)

    def _answer(self, status: str, headers: list[str], address: tuple[str, int]) -> None:
        kept = [line for line in headers if line.lower().startswith(("via:", "from:", "call-id:", "cseq:"))]
        lines = [f"SIP/2.0 {status}", *kept, f"To: {value(headers, 'to')};tag=p", "Content-Length: 0", "", ""]
        self._transport.sendto("\r\n".join(lines).encode(), address)


@dataclass
class Caller(asyncio.DatagramProtocol):
    """Somebody outside. `call` sends an INVITE and says when; `give_up` takes it back."""

    pbx: tuple[str, int]
    _tags: dict[str, str] = field(default_factory=dict)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)
        self._port = self._transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        first, headers = read(data)
        if first.startswith("SIP/2.0") and first.split()[1] >= "300" and "INVITE" in value(headers, "cseq"):
            number = value(headers, "call-id").partition("-")[0]
            self._send("ACK", number, self._tags[number], to=value(headers, "to"))

    def call(self, number: str, called: str) -> float:
        self._tags[number] = called
        at = time.perf_counter()
        self._send("INVITE", number, called, body=SDP)
        return at

    def give_up(self, number: str) -> None:
        self._send("CANCEL", number, self._tags[number])

    def _send(self, method: str, number: str, called: str, *, to: str = "", body: str = "") -> None:
        uri = f"sip:{called}@{self.pbx[0]}:{self.pbx[1]}"
        here = f"127.0.0.1:{self._port}"
        lines = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/UDP {here};branch=z9hG4bK-{number}-{self._port}",
            f"From: <sip:{number}@{here}>;tag={number}",
            f"To: {to or f'<{uri}>'}",
            f"Call-ID: {number}-{self._port}",
            f"CSeq: 1 {method}",
            f"Contact: <sip:{number}@{here}>",
            "Max-Forwards: 70",
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body)}",
            "",
            body,
        ]
        self._transport.sendto("\r\n".join(lines).encode(), self.pbx)


def read(data: bytes) -> tuple[str, list[str]]:
    """Give a message's method, or its whole first line where it is an answer, and its header lines."""
    first, *headers = data.decode(errors="replace").partition("\r\n\r\n")[0].split("\r\n")
    return (first if first.startswith("SIP/2.0") else first.partition(" ")[0]), headers


def value(headers: list[str], name: str) -> str:
    """Give the value of the first header of that name; "" where there is none."""
    return next(
        (line.partition(":")[2].strip() for line in headers if line.lower().startswith(f"{name}:")), ""
    )
