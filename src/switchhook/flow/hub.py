"""The six conversations as one connection has them: the only thing of the hub that connectors see."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from switchhook.connectors import COMMON_FIELDS
from switchhook.core.call import Call, News
from switchhook.core.connector import Book, Link, Side
from switchhook.core.directory import Availability, Caller
from switchhook.core.errors import Misconfigured, NotFound
from switchhook.flow.book import AccountBook
from switchhook.flow.clock import Clock
from switchhook.flow.configure import check_settings, secret_names
from switchhook.flow.destinations import Outlet
from switchhook.flow.dial import Dialler
from switchhook.flow.link_orders import LinkOrders
from switchhook.flow.lookup import Lookup
from switchhook.flow.presence import PresenceDesk
from switchhook.flow.registry import Attached, Registry, Snapshot
from switchhook.store import Store
from switchhook.store.connections import set_settings, set_state
from switchhook.store.newest_calls import newest_by_call_ids
from switchhook.store.secrets import SecretBox


class Taker(Protocol):
    """The part of intake that is needed here."""

    async def accept(
        self, account_id: int, connection_id: str, news: Sequence[News], *, fence: int | None = None
    ) -> object: ...


class Hubs:
    """Makes a hub for each connection. One for the process; a command line makes a short-lived one."""

    def __init__(
        self,
        store: Store,
        box: SecretBox,
        registry: Registry,
        intake: Taker,
        lookup: Lookup,
        presence: PresenceDesk,
        *,
        clock: Clock | None = None,
        region: str = "RU",
        orders: LinkOrders | None = None,
    ) -> None:
        self.store = store
        self.box = box
        self.registry = registry
        self.intake = intake
        self.lookup = lookup
        self.presence = presence
        self.region = region
        self.orders = orders or LinkOrders(store, clock=clock)
        # Connectors that dial are given a hub too.
        self.dialler = Dialler(store, registry, self.of, clock=clock, region=region)
        self._made: dict[str, BoundHub] = {}
        self._outlets: tuple[Snapshot, Mapping[str, Outlet]] = (Snapshot(), {})

    def of(self, connection_id: str) -> "BoundHub":
        """Give the hub as this connection sees it.

        Raises: NotFound: no such connection.
        """
        attached = self.registry.get(connection_id)
        if attached is None:
            raise NotFound(f"no such connection: {connection_id}")
        return self._of(attached)

    def outlets(self) -> Mapping[str, Outlet]:
        """Give every connection that may have something waiting for it, as the lanes need it."""
        snapshot = self.registry.snapshot
        if self._outlets[0] is not snapshot:
            self._outlets = (
                snapshot,
                {
                    one.id: Outlet(
                        account_id=one.row.account_id,
                        connection_id=one.id,
                        side=one.side,
                        link=one.link,
                        hub=self._of(one),
                        is_paused=one.is_paused,
                    )
                    for one in snapshot.by_id.values()
                    if one.side.deliver is not None or one.side.set_presence is not None
                },
            )
        return self._outlets[1]

    def _of(self, attached: Attached) -> "BoundHub":
        hub = self._made.get(attached.id)
        if hub is None:
            hub = self._made[attached.id] = BoundHub(self, attached.row.account_id, attached.id)
        return hub


class BoundHub:
    """A `Hub` for one connection; its promises are the contract's."""

    def __init__(self, hubs: Hubs, account_id: int, connection_id: str) -> None:
        self._hubs = hubs
        self._account_id = account_id
        self._connection_id = connection_id
        self._book = AccountBook(hubs.store, account_id, region=hubs.region)

    async def accept(self, news: Sequence[News]) -> None:
        if news:
            await self._hubs.intake.accept(self._account_id, self._connection_id, news)

    async def history(self, call_ids: Sequence[str]) -> Mapping[str, Call]:
        return await self._hubs.store.read(
            newest_by_call_ids, self._account_id, self._connection_id, call_ids
        )

    async def who_is(self, number: str, *, call_id: str | None = None, did: str | None = None) -> Caller:
        return await self._hubs.lookup.who_is(
            self._account_id, number, asker=self._connection_id, call_id=call_id
        )

    async def dial(self, extension: str, number: str, *, did: str | None = None) -> str:
        return await self._hubs.dialler.dial(
            self._account_id, extension, number, did=did, asked_by=self._connection_id
        )

    async def set_presence(self, extension: str, availability: Availability) -> None:
        await self._hubs.presence.set_presence(
            self._account_id, extension, availability, teller=self._connection_id
        )

    async def ask_link(self, verb: str, body: Mapping[str, Any], *, seconds: float = 10) -> None:
        await self._hubs.orders.ask(self._account_id, self._connection_id, verb, body, seconds=seconds)

    async def pair(
        self, *, settings: Mapping[str, str] | None = None, state: Mapping[str, Any] | None = None
    ) -> Link:
        store, box, registry = self._hubs.store, self._hubs.box, self._hubs.registry
        attached = registry.link(self._account_id, self._connection_id)
        row = attached.row
        if settings:
            row = await store.write(
                set_settings,
                self._account_id,
                box,
                self._connection_id,
                _checked_of_peer(attached.side, settings),
                secret_names=secret_names(attached.side),
            )
        if state:
            row = await store.write(set_state, self._account_id, box, self._connection_id, state)
        if settings or state:
            await registry.refresh()
        return registry.attach(row).link

    @property
    def book(self) -> Book:
        return self._book


def _checked_of_peer(side: Side, settings: Mapping[str, str]) -> dict[str, str]:
    """Hold what a peer says of itself to the manifest, like a form.

    Raises: Misconfigured: not in the manifest, wrong, or only an administrator's to say.
    """
    # A grant of private addresses is never given by the peer's own words.
    for name in settings.keys() & ({one.name for one in COMMON_FIELDS} | {one.name for one in side.keys}):
        raise Misconfigured(f"expected an administrator to set {name}, got it from the peer", field=name)
    checked, _ = check_settings(side, settings)
    return checked
