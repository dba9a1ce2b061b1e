"""The connections in memory: what peers' requests, lanes and clicks look up on every call.

A snapshot of all accounts, made anew when the store's revision has moved, whoever moved it.
"""

import asyncio
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

import structlog

from switchhook.connectors import fields_of
from switchhook.core.connector import Connector, Link, Role, Side
from switchhook.core.errors import HubError, NotFound
from switchhook.core.sockets import NoSockets
from switchhook.flow.clock import Clock, SystemClock
from switchhook.flow.destinations import Destination
from switchhook.net.granted import Client, GrantedHttp
from switchhook.net.sockets import Client as Sockets
from switchhook.store import Store
from switchhook.store.connections import ConnectionRow, ConnectionStatus
from switchhook.store.hub_settings import revision
from switchhook.store.secrets import SecretBox
from switchhook.store.snapshot import read_snapshot
from switchhook.store.times import to_millis

log = structlog.get_logger(__name__)

# "A running hub takes changes up within a second", with as much to spare.
LOOK_EVERY_SECONDS = 0.5


@dataclass(frozen=True, kw_only=True)
class Attached:
    """A connection with the code of its protocol."""

    row: ConnectionRow
    connector: Connector
    side: Side
    link: Link
    takes_from: frozenset[str]

    @property
    def id(self) -> str:
        return self.row.id

    @property
    def is_paused(self) -> bool:
        return self.row.status is ConnectionStatus.PAUSED


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """The connections at one revision, by all that they are looked up by."""

    revision: int = -1
    public_url: str = ""
    by_id: Mapping[str, Attached] = field(default_factory=dict)
    by_url_key: Mapping[bytes, Attached] = field(default_factory=dict)
    by_presented_key: Mapping[tuple[str, bytes], Attached] = field(default_factory=dict)
    by_account: Mapping[int, Sequence[Attached]] = field(default_factory=dict)
    destinations: Mapping[int, Sequence[Destination]] = field(default_factory=dict)
    changes_at_ms: int | None = None  # when the first old key ends to hold
    # Keys that were right once, so that they are digested once: no more than there are.
    found: dict[tuple[str | None, str], Attached] = field(default_factory=dict, init=False, repr=False)

    def find(self, kind: str | None, key: str) -> Attached | None:
        """Find a connection by the key that its peer presents, or without a kind by that of its address."""
        known = self.found.get((kind, key))
        if known is None:
            digest = _digest(key)
            known = self.by_url_key.get(digest) if kind is None else self.by_presented_key.get((kind, digest))
            if known is not None:
                self.found[kind, key] = known
        return known


class Registry:
    """One for the process. `run` keeps it fresh; short-lived processes call `refresh` once."""

    def __init__(
        self,
        store: Store,
        box: SecretBox,
        connectors: Mapping[str, Connector],
        http: Client,
        *,
        sockets: Sockets | None = None,
        public_url: str = "",
        clock: Clock | None = None,
    ) -> None:
        """`public_url` is used until the store has one. Without `sockets` no line can be opened."""
        self._store = store
        self._box = box
        self._connectors = connectors
        self._http = http
        self._sockets = sockets
        self._public_url = public_url
        self._clock = clock or SystemClock()
        self._refreshing = asyncio.Lock()
        self._left_out: frozenset[str] = frozenset()
        self._rows: Sequence[ConnectionRow] = ()
        self._listeners: list[Callable[[], None]] = []
        self.snapshot = Snapshot()

    async def run(self) -> None:
        """Look for changes until cancelled."""
        while True:
            with suppress(HubError):  # the store is down, and says so itself
                await self.refresh()
            await self._clock.sleep(LOOK_EVERY_SECONDS)

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call this after each new snapshot; it must be quick and not raise."""
        self._listeners.append(listener)

    async def refresh(self) -> Snapshot:
        """Make a new snapshot if the store has moved on or an old key holds no more.

        Afterwards our own changes are seen. Old keys end whether or not the store answers.
        """
        async with self._refreshing:
            known = self.snapshot
            if known.changes_at_ms is not None and to_millis(self._clock.now()) >= known.changes_at_ms:
                self._take(self._assemble(known.revision, known.public_url))
            now = await self._store.read(revision)
            if now != self.snapshot.revision:
                moved, url, self._rows = await self._store.read(read_snapshot, self._box)
                self._take(self._assemble(moved, url or self._public_url))
        return self.snapshot

    def _take(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        for listener in self._listeners:
            listener()

    def get(self, connection_id: str) -> Attached | None:
        return self.snapshot.by_id.get(connection_id)

    def link(self, account_id: int, connection_id: str) -> Attached:
        """Raises: NotFound: no such connection in this account."""
        found = self.get(connection_id)
        if found is None or found.row.account_id != account_id:
            raise NotFound(f"no such connection: {connection_id}")
        return found

    def by_url_key(self, url_key: str) -> Attached | None:
        """Find the connection whose addresses carry this key."""
        return self.snapshot.find(None, url_key)

    def by_presented_key(self, kind: str, key: str) -> Attached | None:
        """Find the connection of this kind that gave its peer this key; paused ones too."""
        return self.snapshot.find(kind, key)

    def active(self, account_id: int, role: Role | None = None) -> Sequence[Attached]:
        """Give the account's connections that are not paused, in the order they were made."""
        of_account = self.snapshot.by_account.get(account_id, ())
        return [
            attached
            for attached in of_account
            if not attached.is_paused and (role is None or attached.side.role is role)
        ]

    def destinations(self, account_id: int) -> Sequence[Destination]:
        """Give everyone of the account who is told of calls; ready-made, for any thread."""
        return self.snapshot.destinations.get(account_id, ())

    def attach(self, row: ConnectionRow) -> Attached:
        """Give a stored connection as its connector sees it.

        Raises: NotFound: its protocol, or this role of it, is not installed here.
        """
        return self._attach(row, self.snapshot.public_url or self._public_url)

    def _assemble(self, moved: int, public_url: str) -> Snapshot:
        attached: list[Attached] = []
        left_out: set[str] = set()
        for row in self._rows:
            try:
                attached.append(self._attach(row, public_url))
            except NotFound as error:
                left_out.add(row.id)
                if row.id not in self._left_out:
                    log.error("connection left out", connection=row.id, kind=row.kind, reason=error.reason)
        self._left_out = frozenset(left_out)
        by_account: dict[int, list[Attached]] = {}
        for one in attached:
            by_account.setdefault(one.row.account_id, []).append(one)
        return Snapshot(
            revision=moved,
            public_url=public_url,
            by_id={one.id: one for one in attached},
            by_url_key={_digest(one.row.url_key): one for one in attached},
            by_presented_key={
                **_by_key((one, one.link.old_keys) for one in attached),
                # What one has now is stronger than what another had.
                **_by_key((one, one.link.keys) for one in attached),
            },
            by_account=by_account,
            destinations={
                account_id: tuple(
                    Destination(connection_id=one.id, side=_told(one), takes_from=one.takes_from)
                    for one in members
                    if one.side.deliver is not None
                )
                for account_id, members in by_account.items()
            },
            changes_at_ms=min(
                (
                    old.until_ms
                    for one in attached
                    for name, old in one.row.old_keys.items()
                    if name in one.link.old_keys
                ),
                default=None,
            ),
        )

    def _attach(self, row: ConnectionRow, public_url: str) -> Attached:
        connector = self._connectors.get(row.kind)
        side = connector.sides.get(row.role) if connector else None
        if connector is None or side is None:
            raise NotFound(f"no connector for {row.kind} with a {row.role} as peer is installed")
        settings = {one.name: one.default for one in fields_of(side)} | row.settings
        now_ms = to_millis(self._clock.now())
        is_granted = _is_on(settings, "allow_private")
        link = Link(
            id=row.id,
            account_id=row.account_id,
            kind=row.kind,
            role=row.role,
            name=row.name,
            settings=settings,
            keys=row.keys,
            urls=urls_of(side, public_url, row.url_key),
            public_url=public_url,
            state=row.state,
            http=GrantedHttp(self._http, allow_private=is_granted),
            sockets=NoSockets() if self._sockets is None else self._sockets.granted(allow_private=is_granted),
            old_keys={name: old.key for name, old in row.old_keys.items() if old.until_ms > now_ms},
        )
        takes_from = frozenset(filter(None, map(str.strip, settings["calls_from"].split(","))))
        return Attached(row=row, connector=connector, side=side, link=link, takes_from=takes_from)


def urls_of(side: Side, public_url: str, url_key: str) -> dict[str, str]:
    """Give the addresses where the peer of a connection reaches us."""
    return {name: f"{public_url}/x/{url_key}{path}" for name, path in side.urls.items()}


def _by_key(held: Iterable[tuple[Attached, Mapping[str, str]]]) -> dict[tuple[str, bytes], Attached]:
    return {(one.row.kind, _digest(key)): one for one, keys in held for key in keys.values() if key}


def _told(attached: Attached) -> Side:
    """Give the side with the question that this connection's own settings ask of changes."""
    side = attached.side
    return side if side.hears_for is None else replace(side, hears=side.hears_for(attached.link))


def _digest(key: str) -> bytes:
    """Look keys up by this: how long a search takes then says nothing about the key."""
    return hashlib.sha256(key.encode()).digest()


def _is_on(settings: Mapping[str, str], name: str) -> bool:
    return settings.get(name, "").lower() in ("true", "1", "yes", "on")
