"""What a connector folder must export, and what it is given to work with.

A connector is one codec (`wire`) and up to two sides. A side is named by what the PEER is:
the PBX side plays the CRM, the CRM side plays the PBX. Everything a side can do is a field of
`Side`; a field left out means that the protocol has no words for it.
"""

import hmac
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from switchhook.core.api import Api
from switchhook.core.book import Book
from switchhook.core.call import Call, Change, ChangeKind, Direction, Disposition, News
from switchhook.core.call_view import recording_url
from switchhook.core.directory import Availability, Caller, CallerAnswer
from switchhook.core.edge import Reply, Request
from switchhook.core.outcome import Outcome
from switchhook.core.sockets import NoSockets, SocketPort

if TYPE_CHECKING:
    from switchhook.core.link_hub import LinkHub


class Role(StrEnum):
    """What the peer of a connection is."""

    PBX = "pbx"
    CRM = "crm"


class FieldKind(StrEnum):
    TEXT = "text"
    URL = "url"
    NUMBER = "number"
    SWITCH = "switch"  # "true" or "false"


@dataclass(frozen=True, kw_only=True)
class Field:
    """One setting of a connection: drives the form, its validation, the masking and the docs."""

    name: str
    label: str
    kind: FieldKind = FieldKind.TEXT
    is_secret: bool = False
    is_required: bool = False
    default: str = ""
    choices: tuple[str, ...] = ()
    help: str = ""
    # Judges a value beyond its kind. Raises BadMessage, whose text never shows a secret.
    check: Callable[[str], None] | None = None


@dataclass(frozen=True, kw_only=True)
class Key:
    """A secret that the hub makes: for the peer to present, or to know our messages by."""

    name: str
    label: str
    bytes: int = 16  # of randomness; shown as twice as many hex digits
    make: Callable[[], str] | None = None  # for protocols whose keys have a form of their own
    check: Callable[[str], None] | None = None  # of a key that is brought along; as for fields


class Capability(StrEnum):
    """What a protocol may carry. The table of pairs in docs/pairs.md is made from these."""

    CALLER_NAME = "caller name"
    ROUTING = "routing to the responsible"
    RINGING = "card while it rings"
    ANSWERED = "card turns on answer"
    LOSERS = "losers' cards close"
    ENDED = "end and result live"
    HISTORY = "history record"
    WAITING_TIME = "waiting time"
    RECORDING = "recording with the record"
    LATE_RECORDING = "recording after the record"
    DIAL = "click to call"
    PRESENCE_FROM_PEER = "status from the peer"
    PRESENCE_TO_PEER = "status to the peer"
    REGISTRATION = "self-registration"
    CUSTOM_FIELDS = "call-tracking fields"
    TRANSFERS = "talk segments of a transfer"
    CORRECTIONS = "corrections after the record"


@dataclass(frozen=True)
class Answer:
    """One HTTP answer of a peer; the body is capped."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    seconds: float


class Download(Protocol):
    """A body that is still arriving."""

    status: int
    headers: Mapping[str, str]

    def chunks(self) -> AsyncIterator[bytes]: ...


class HttpPort(Protocol):
    """Guarded HTTP out, already bound to what this connection may reach.

    Raises:
        PeerDown: no answer in time, refused, no such name, bad certificate; the text says which.
        ForbiddenTarget: a private or special address that the connection was not granted.
    """

    async def send(
        self,
        method: str,
        url: str,
        *,
        form: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        json: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        connect_seconds: float = 3,
        total_seconds: float = 10,
    ) -> Answer: ...

    def download(
        self, url: str, *, max_bytes: int, total_seconds: float, headers: Mapping[str, str] | None = None
    ) -> AbstractAsyncContextManager[Download]: ...


@dataclass(frozen=True, kw_only=True)
class Link:
    """One configured connection, as its connector sees it."""

    id: str
    account_id: int
    kind: str
    role: Role
    name: str
    settings: Mapping[str, str]  # every field of the side, defaults filled in, secrets in clear
    keys: Mapping[str, str]  # every key of the side
    urls: Mapping[str, str]  # where the peer reaches us
    public_url: str  # of the hub, without a trailing slash
    state: Mapping[str, Any]  # what the connector remembered: JSON values only
    http: HttpPort
    old_keys: Mapping[str, str] = field(default_factory=dict)  # replaced ones that still hold, by name
    sockets: SocketPort = field(default_factory=NoSockets)

    def is_on(self, name: str) -> bool:
        """Read a switch."""
        return self.settings.get(name, "").lower() in ("true", "1", "yes", "on")

    def accepts(self, name: str, presented: str | None) -> bool:
        """Compare what a peer presents with a key, and with the one it replaced while that holds.

        In constant time; an empty key accepts nothing.
        """
        given = (presented or "").encode(errors="surrogatepass")
        current, old = self.keys.get(name, "").encode(), self.old_keys.get(name, "").encode()
        is_current = hmac.compare_digest(given, current) and current != b""
        is_old = hmac.compare_digest(given, old) and old != b""
        return is_current or is_old

    def recording_url(self, call: Call, index: int = 0) -> str:
        """Permanent link of a recording; it may be given out before the file is here.

        A recording that we could not copy but the peer still offers keeps the peer's own link.
        """
        return recording_url(call, index, self.public_url)


@dataclass(frozen=True, kw_only=True)
class DialOrder:
    """Ring the employee, then the number, and join them."""

    id: str
    extension: str
    number: str  # already judged dialable
    did: str | None = None


@dataclass(frozen=True)
class Finding:
    """One line of a probe: what was tried, and in words what came of it."""

    what: str
    is_ok: bool
    detail: str = ""


@dataclass(frozen=True)
class Snippet:
    """Lines for a file of the peer's own configuration."""

    file: str
    text: str
    note: str = ""  # what it is for, in one sentence


class Hub(Protocol):
    """The six conversations, bound to one connection, and the little that goes with them."""

    async def accept(self, news: Sequence[News]) -> None:
        """Take news in; once this returns they are stored and will be delivered.

        All of them or none. News heard before change nothing, so peers may repeat themselves.
        Changes of one call reach each connection in the order taken here. News that do not fit
        what is known of their call are kept, never refused: networks reorder, and the peer
        cannot do better.

        Raises:
            StoreDown: nothing was stored; the peer should be told to try again.
        """
        ...

    async def history(self, call_ids: Sequence[str]) -> Mapping[str, Call]:
        """Give the newest calls of this connection with these ids of the peer's."""
        ...

    async def who_is(self, number: str, *, call_id: str | None = None, did: str | None = None) -> Caller:
        """Say who is calling, under the lookup deadline. Never raises for a silent CRM."""
        ...

    async def dial(self, extension: str, number: str, *, did: str | None = None) -> str:
        """Click to call, by whichever PBX has this extension; give the id of the order.

        Raises:
            BadMessage: the number or extension is not dialable.
            NotFound: no PBX connection has this extension.
            TooMany: the same click within two seconds.
            PeerDown, Unsupported, Misconfigured: what the PBX connection said.
        """
        ...

    async def set_presence(self, extension: str, availability: Availability) -> None:
        """Note an employee's status and tell everyone else who takes it; never back to the teller."""
        ...

    async def ask_link(self, verb: str, body: Mapping[str, Any], *, seconds: float = 10) -> None:
        """Have whoever holds the open link to this peer do something, in whatever process; never twice.

        `body` is JSON values without secrets.

        Raises:
            PeerDown: nobody holds the link, or it was not answered in time: then it may have been done.
            BadMessage, NotFound, Refused, Unsupported, Misconfigured: what the holder said.
        """
        ...

    async def pair(
        self, *, settings: Mapping[str, str] | None = None, state: Mapping[str, Any] | None = None
    ) -> Link:
        """Store settings and remembered values of this connection; give it as it then is.

        Values given replace stored ones of the same name; the rest stays.
        """
        ...

    @property
    def book(self) -> Book: ...


def every(_: Change) -> bool:
    return True


def as_they_are(changes: Sequence[Change], _: Call) -> Sequence[Change]:
    return changes


def without_delay(_: Change, __: "Link") -> datetime | None:
    return None


@dataclass(frozen=True, kw_only=True)
class Side:
    """What a connector can do with a peer of one role. None: the protocol has no words for it."""

    role: Role
    fields: tuple[Field, ...] = ()
    keys: tuple[Key, ...] = ()
    capabilities: Mapping[Capability, str] = field(default_factory=dict)  # value: note, may be ""

    # Paths under the connection's own prefix, e.g. {"api": "/tel/api"}.
    urls: Mapping[str, str] = field(default_factory=dict)
    # Answer one request of this peer. The reply is in the vendor's words whatever happens;
    # StoreDown and unexpected errors are turned by `sorry`.
    serve: Callable[[Request, Link, Hub], Awaitable[Reply]] | None = None

    # Events out, for CRM peers. `hears` is asked once per change and must be cheap and pure;
    # `merge` may join changes of one step into fewer messages.
    hears: Callable[[Change], bool] = every
    # Instead of `hears`, where the settings of a connection choose: gives the question to ask of changes.
    hears_for: Callable[[Link], Callable[[Change], bool]] | None = None
    merge: Callable[[Sequence[Change], Call], Sequence[Change]] = as_they_are
    deliver: Callable[[Change, Call, Link, Hub], Awaitable[Outcome]] | None = None
    # When a message goes at the earliest, for peers that take them at set times. Pure.
    not_before: Callable[[Change, Link], datetime | None] = without_delay
    # A card opened later than this is worse than none: not sent any more.
    live_seconds: int | None = None
    # Requests a second to this peer, and how many at once.
    rate_per_second: float = 20
    at_once: int = 8

    # Who is calling: one CRM's answer. Raises PeerDown when it cannot say.
    who_is: Callable[[str, Link], Awaitable[CallerAnswer | None]] | None = None
    # Click to call. Never repeated by the hub: raises what Hub.dial documents.
    dial: Callable[[DialOrder, Link, Hub], Awaitable[None]] | None = None
    # Extensions that this connection says it has; used to choose whom to ask to dial.
    extensions: Callable[[Link], Sequence[str]] | None = None
    set_presence: Callable[[str, Availability, Link, Hub], Awaitable[Outcome]] | None = None
    # Once after start and after each change of settings: register, read maps, refresh.
    # Raises HubError when it did not work; it is tried again.
    pair: Callable[[Link, Hub], Awaitable[None]] | None = None
    pair_every_seconds: int | None = None
    # Read what the peer does not tell by itself; gives the seconds until the next time, None for never.
    # Raises HubError when it did not work; it is tried again before long.
    poll: Callable[[Link, Hub], Awaitable[float | None]] | None = None
    # Hold an open link to the peer until cancelled: for protocols that are no single requests. One
    # process at a time does. Raises HubError when the link is gone; it is begun anew after a while.
    run: Callable[[Link, "LinkHub"], Awaitable[None]] | None = None
    # Judge a WebSocket that the peer opens to us; give the subprotocol to speak, "" for none.
    # Raises Refused, BadMessage. Then `run` finds it by `next_socket`.
    admit: Callable[[Request, Link], str] | None = None
    # What to send with the GET of a recording from this address, such as a password. Never sent elsewhere.
    recording_headers: Callable[[str, Link], Mapping[str, str]] | None = None
    # Configuration to be pasted into the peer, by the name of the file it goes to.
    snippets: Callable[[Link], Sequence["Snippet"]] | None = None
    # Try the connection and say in words what is wrong.
    probe: Callable[[Link, Hub], Awaitable[Sequence[Finding]]] | None = None
    # A connection that the hub has paused is tried each minute; not where the peer would notice.
    is_probed_when_paused: bool = True


@dataclass(frozen=True, kw_only=True)
class Connector:
    """A protocol. A sub-package of `switchhook.connectors` that exports one as CONNECTOR is found."""

    key: str
    title: str
    sides: Mapping[Role, Side]
    # The vendor's own root paths (prefixes), since vendors' clients take only a host. The presented
    # key finds the connection; None: no key in the request.
    root_paths: tuple[str, ...] = ()
    presented_key: Callable[[Request], str | None] = lambda request: None
    # Answers in the vendor's words when no connection is found, or when something failed.
    # Given the error; must not leak anything of it that the peer should not see.
    sorry: Callable[[Exception], Reply] = lambda error: Reply(status=500, body=b"{}")
    max_body_bytes: Callable[[str], int] = lambda path: 64 * 1024
    # What whoever holds a key of the account may ask at the vendor's own paths.
    api: Api | None = None


__all__ = [
    "Answer",
    "Book",
    "Capability",
    "ChangeKind",
    "Connector",
    "DialOrder",
    "Direction",
    "Disposition",
    "Download",
    "Field",
    "FieldKind",
    "Finding",
    "HttpPort",
    "Hub",
    "Key",
    "Link",
    "Role",
    "Side",
    "Snippet",
]
