"""A receiver on loopback, as somebody else would write one: it verifies, keeps, and answers as told."""

from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
from standardwebhooks import Webhook

from switchhook.connectors.webhook import CONNECTOR
from switchhook.core.connector import Answer, HttpPort, Link, Role
from switchhook.net.http import HttpClient
from tests.net.peers import Exchange, Peer, listening

# Made for these tests.
SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
OLD_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SIDE = CONNECTOR.sides[Role.CRM]


@dataclass(frozen=True, kw_only=True)
class Got:
    """One request as it came."""

    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> Any:
        return msgspec.json.decode(self.body)

    def verify(self, secret: str) -> None:
        """Raises: WebhookVerificationError."""
        Webhook(secret).verify(self.body, dict(self.headers))


@dataclass(kw_only=True)
class Receiver:
    """Answers first from `answers`, then 204."""

    peer: Peer
    answers: deque[tuple[str, Sequence[str], bytes]] = field(default_factory=deque)

    @property
    def url(self) -> str:
        return f"{self.peer.url}/hooks"

    @property
    def got(self) -> list[Got]:
        return [
            Got(headers=headers_of(head), body=body)
            for head, body in zip(self.peer.heads, self.peer.bodies, strict=False)
        ]

    @property
    def types(self) -> list[str]:
        return [one.event["type"] for one in self.got]

    def say(self, status: str, *headers: str, body: bytes = b"") -> None:
        """Answer the next request so."""
        self.answers.append((status, headers, body))


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    answers: deque[tuple[str, Sequence[str], bytes]] = deque()

    async def behave(exchange: Exchange) -> None:
        status, headers, body = answers.popleft() if answers else ("204 No Content", (), b"")
        await exchange.answer(body, status=status, headers=headers)

    async with listening(behave) as peer:
        yield Receiver(peer=peer, answers=answers)


@asynccontextmanager
async def way_out(*, allow_private: bool = True) -> AsyncIterator[HttpPort]:
    async with HttpClient() as client:
        yield client.granted(allow_private=allow_private)


def link_to(url: str, http: HttpPort, *, old_secret: str | None = None, **settings: str) -> Link:
    """Give a connection to a receiver."""
    return Link(
        id="c-hook",
        account_id=1,
        kind="webhook",
        role=Role.CRM,
        name="Our program",
        settings={field.name: field.default for field in SIDE.fields} | {"url": url} | settings,
        keys={"secret": SECRET},
        old_keys={"secret": old_secret} if old_secret else {},
        urls={},
        public_url="https://hub.example",
        state={},
        http=http,
    )


def answer(status: int, *, body: bytes = b"", **headers: str) -> Answer:
    return Answer(status=status, body=body, headers=headers, seconds=0.01)


def headers_of(head: str) -> dict[str, str]:
    lines = [line.partition(":") for line in head.split("\r\n")[1:] if line]
    return {name.strip().lower(): value.strip() for name, _, value in lines}
