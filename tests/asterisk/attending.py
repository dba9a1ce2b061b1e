"""A phone that asks a colleague first and then passes its caller on: REFER with Replaces (RFC 3515, 3891).

SIPp follows one dialogue a scenario and this needs two, so it is spoken here, as little of it as Asterisk
needs to hear.
"""

import asyncio
import hashlib
import re
import secrets
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import quote

from tests.asterisk.server import AsteriskServer

SECONDS = 30.0  # only what is broken takes so long
AGAIN_SECONDS = 1.0
Sent = tuple[bytes, tuple[str, int]]
SDP = (
    "v=0\r\no=lab 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio {port} RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"
)


@dataclass(kw_only=True)
class Message:
    """One SIP message; headers of one name in order."""

    first: str
    headers: dict[str, list[str]] = field(default_factory=dict)

    def get(self, name: str) -> str:
        return self.headers.get(name.lower(), [""])[0]

    @property
    def status(self) -> int:
        return int(self.first.split()[1]) if self.first.startswith("SIP/2.0") else 0

    @property
    def method(self) -> str:
        return self.get("cseq").split()[-1]


@dataclass(kw_only=True)
class Dialogue:
    call_id: str
    ours: str  # From or To, with our tag
    theirs: str
    target: str = ""
    cseq: int = 1


class AttendingPhone(asyncio.DatagramProtocol):
    """Answers one call, then calls `to` itself, and joins the two when `pass_on` is called."""

    def __init__(self, pbx: AsteriskServer, extension: str) -> None:
        self._pbx, self._extension = pbx, extension
        self._port = pbx.ports.phone(extension)
        self._media = pbx.ports.media()[0]
        self._answers = asyncio.Queue[Message]()
        self._caller: Dialogue | None = None
        self._has_caller = asyncio.Event()
        self.ended: list[str] = []  # dialogues that the PBX has ended

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(
            lambda: self, local_addr=("127.0.0.1", self._port)
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._transport.close()

    def datagram_received(self, data: bytes, addr: object) -> None:
        message = read_message(data)
        if message.status:
            self._answers.put_nowait(message)
        elif message.method == "INVITE":
            self._take_call(message)
        elif message.method != "ACK":
            self._reply(message, "200 OK")
            self.ended += [message.get("call-id")] if message.method == "BYE" else []

    async def until_called(self) -> None:
        await asyncio.wait_for(self._has_caller.wait(), SECONDS)

    async def ask(self, extension: str) -> Dialogue:
        """Call a colleague and wait until they answer."""
        uri = f"sip:{extension}@{self._pbx.sip_address}"
        asked = Dialogue(
            call_id=secrets.token_hex(8),
            ours=f"<sip:{self._extension}@127.0.0.1>;tag={secrets.token_hex(4)}",
            theirs=f"<{uri}>",
            target=uri,
        )
        answer = await self._request(asked, "INVITE", body=SDP.format(port=self._media))
        if answer.status == 401:
            self._send("ACK", asked, to=answer.get("to"))
            asked.cseq += 1
            proof = self._proof("INVITE", uri, answer.get("www-authenticate"))
            answer = await self._request(asked, "INVITE", body=SDP.format(port=self._media), extra=(proof,))
        assert answer.status == 200, answer.first
        asked.theirs = answer.get("to")
        asked.target = _address(answer.get("contact"))
        self._send("ACK", asked)
        return asked

    async def pass_on(self, asked: Dialogue) -> None:
        """Join the caller with the colleague; the PBX ends our call to the colleague, and we the caller's."""
        assert self._caller is not None
        tags = f"{asked.call_id};to-tag={_tag(asked.theirs)};from-tag={_tag(asked.ours)}"
        where = f"<{asked.target}?Replaces={quote(tags, safe='')}>"
        extra = (f"Refer-To: {where}", f"Referred-By: <sip:{self._extension}@127.0.0.1>")
        answer = await self._request(self._caller, "REFER", extra=extra)
        assert answer.status in (200, 202), answer.first
        until = asyncio.get_running_loop().time() + SECONDS
        while asked.call_id not in self.ended:
            assert asyncio.get_running_loop().time() < until, "the call to the colleague does not end"
            await asyncio.sleep(0.02)
        if self._caller.call_id not in self.ended:
            await self._request(self._caller, "BYE")

    def _take_call(self, invite: Message) -> None:
        ours = f"{invite.get('to')};tag={secrets.token_hex(4)}"
        if self._caller is None:
            self._caller = Dialogue(
                call_id=invite.get("call-id"),
                ours=ours,
                theirs=invite.get("from"),
                target=_address(invite.get("contact")),
                cseq=100,
            )
            self._has_caller.set()
        self._reply(invite, "200 OK", to=self._caller.ours, body=SDP.format(port=self._media))

    async def _request(
        self, dialogue: Dialogue, method: str, *, body: str = "", extra: tuple[str, ...] = ()
    ) -> Message:
        sent = self._send(method, dialogue, body=body, extra=extra)
        until = asyncio.get_running_loop().time() + SECONDS
        while True:
            try:
                answer = await asyncio.wait_for(self._answers.get(), AGAIN_SECONDS)
            except TimeoutError:
                assert asyncio.get_running_loop().time() < until, f"no answer to {method}"
                self._transport.sendto(*sent)  # what is sent once by UDP may be lost
                continue
            if answer.get("call-id") == dialogue.call_id and answer.method == method and answer.status >= 200:
                if method != "INVITE":
                    dialogue.cseq += 1
                return answer

    def _send(
        self, method: str, dialogue: Dialogue, *, to: str = "", body: str = "", extra: tuple[str, ...] = ()
    ) -> Sent:
        lines = [
            f"{method} {dialogue.target} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{self._port};branch=z9hG4bK{secrets.token_hex(8)}",
            f"From: {dialogue.ours}",
            f"To: {to or dialogue.theirs}",
            f"Call-ID: {dialogue.call_id}",
            f"CSeq: {dialogue.cseq} {method}",
            *extra,
        ]
        return self._put(lines, body)

    def _reply(self, request: Message, status: str, *, to: str = "", body: str = "") -> None:
        lines = [
            f"SIP/2.0 {status}",
            *(f"Via: {via}" for via in request.headers["via"]),
            *(f"Record-Route: {route}" for route in request.headers.get("record-route", ())),
            f"From: {request.get('from')}",
            f"To: {to or request.get('to')}",
            f"Call-ID: {request.get('call-id')}",
            f"CSeq: {request.get('cseq')}",
        ]
        self._put(lines, body)

    def _put(self, lines: list[str], body: str) -> Sent:
        lines += [f"Contact: <sip:{self._extension}@127.0.0.1:{self._port}>", "Max-Forwards: 70"]
        lines += ["Content-Type: application/sdp"] if body else []
        text = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body])
        host, port = self._pbx.sip_address.split(":")
        sent = text.encode(), (host, int(port))
        self._transport.sendto(*sent)
        return sent

    def _proof(self, method: str, uri: str, challenge: str) -> str:
        """Answer a digest challenge (RFC 2617)."""
        said = dict(re.findall(r'(\w+)="?([^",]+)"?', challenge))
        count, ours = "00000001", secrets.token_hex(4)
        who = _md5(f"{self._extension}:{said['realm']}:{self._pbx.secret}")
        what = _md5(f"{method}:{uri}")
        proof = _md5(f"{who}:{said['nonce']}:{count}:{ours}:auth:{what}")
        opaque = f', opaque="{said["opaque"]}"' if "opaque" in said else ""
        return (
            f'Authorization: Digest username="{self._extension}", realm="{said["realm"]}", uri="{uri}", '
            f'nonce="{said["nonce"]}", nc={count}, cnonce="{ours}", qop=auth, response="{proof}", '
            f"algorithm=MD5{opaque}"
        )


def read_message(data: bytes) -> Message:
    first, *lines = data.decode(errors="replace").partition("\r\n\r\n")[0].split("\r\n")
    message = Message(first=first)
    for line in lines:
        name, _, value = line.partition(":")
        message.headers.setdefault(name.strip().lower(), []).append(value.strip())
    return message


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _address(header: str) -> str:
    found = re.search(r"<([^>]*)>", header)
    return found[1] if found else header


def _tag(header: str) -> str:
    return header.partition(";tag=")[2].partition(";")[0]
