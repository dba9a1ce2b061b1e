"""An API of ours that a vendor's clients know, and what it is given of the account whose key was presented.

A connector's sides talk to peers that are configured. Its `Api` answers whoever holds a key of the
account (`switchhook key add`): the hub judges key, address and rate, the connector speaks the vendor's words.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from switchhook.core.book import Book
from switchhook.core.call import Call
from switchhook.core.edge import Reply, Request


class Scope(StrEnum):
    """What a key may be used for."""

    READ = "read"  # calls, recordings, the address book, connections, deliveries
    WRITE = "write"  # change the address book, connections, presence; replay deliveries
    DIAL = "dial"
    LOOKUP = "lookup"  # ask who is calling


class HistoryKind(StrEnum):
    """Whose histories there are."""

    USER = "user"
    QUEUE = "queue"
    RING_GROUP = "ring_group"


class HistoryQuery(Struct, frozen=True, kw_only=True):
    """Which rows of a history, and which page of them. Empty and None mean all."""

    kind: HistoryKind
    since: datetime | None = None
    until: datetime | None = None  # not included
    names: tuple[str, ...] = ()  # of users or groups, without regard to case; or extensions
    call_id: str | None = None  # as `numeric_id` gives it
    is_newest_first: bool = True
    offset: int = 0
    limit: int = 100


class HistoryRow(Struct, frozen=True, kw_only=True):
    """One ended call as one user or one group had it."""

    call: Call
    call_id: str  # `numeric_id` of the call
    extension: str = ""  # the user; of a group: who answered, else who rang last; may be ""
    user_name: str = ""
    group: str = ""  # name of the queue or ring group; "" in users' rows that no group brought
    group_is_queue: bool = False


class HistoryPage(Struct, frozen=True, kw_only=True):
    rows: Sequence[HistoryRow]
    total: int  # of all pages


class ApiHub(Protocol):
    """What an API may do in the account of the key that was presented."""

    public_url: str  # of the hub, without a trailing slash
    zone: str  # time zone in which this key's days are cut, IANA name
    region: str  # country of numbers written without a country code

    async def history(self, wanted: HistoryQuery) -> HistoryPage:
        """Give a page of ended calls. Raises: StoreDown."""
        ...

    async def open_calls(self) -> Sequence[Call]:
        """Give the calls that go on, newest first, a bounded number. Raises: StoreDown."""
        ...

    async def dial(
        self, extension: str, number: str, *, did: str | None = None, idempotency_key: str | None = None
    ) -> str:
        """Click to call; give the id of the order, which the call then carries as `dial_id`.

        The same key within 24 hours gives the same id and rings no phone again.

        Raises: as `Hub.dial`; TooMany: the same click within two seconds.
        """
        ...

    def extensions(self) -> frozenset[str]:
        """Give the extensions that PBX connections say they have; some protocols name nobody."""
        ...

    @property
    def book(self) -> Book: ...


@dataclass(frozen=True, kw_only=True)
class Api:
    """An API at a vendor's own root paths, open to keys of the account."""

    root_paths: tuple[str, ...]
    presented_key: Callable[[Request], str | None]
    # What the key must allow, by the request: asked before the key is judged.
    scope: Callable[[Request], Scope]
    # Refused and TooMany of the gate, and what this raises, are worded by the connector's `sorry`.
    serve: Callable[[Request, ApiHub], Awaitable[Reply]]
    # A key without a list of addresses opens nothing here.
    needs_listed_address: bool = False
    # The default rate; a key may have its own.
    requests: int = 100
    per_seconds: int = 900
