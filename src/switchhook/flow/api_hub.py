"""What an API may do in the account of the key that was presented."""

from collections.abc import Sequence

from switchhook.core.api import HistoryPage, HistoryQuery
from switchhook.core.book import Book
from switchhook.core.call import Call
from switchhook.core.connector import Role
from switchhook.flow.book import AccountBook
from switchhook.flow.dial import extensions_of
from switchhook.flow.idempotency import Orders
from switchhook.flow.registry import Registry
from switchhook.store import Store
from switchhook.store.api_keys import ApiKey
from switchhook.store.calls import open_calls
from switchhook.store.history import history


class ApiHubs:
    """Makes a hub for whoever presents a key. One for the process."""

    def __init__(self, store: Store, registry: Registry, orders: Orders, *, region: str = "RU") -> None:
        self.store = store
        self.registry = registry
        self.orders = orders
        self.region = region

    def of(self, key: ApiKey) -> "AccountApiHub":
        """Give the hub as the holder of this key sees it."""
        return AccountApiHub(self, key)


class AccountApiHub:
    """A `core.api.ApiHub` for one key; its promises are the contract's. Made for each request."""

    def __init__(self, hubs: ApiHubs, key: ApiKey) -> None:
        self._hubs = hubs
        self._key = key
        self.public_url = hubs.registry.snapshot.public_url
        self.zone = key.zone
        self.region = hubs.region

    async def history(self, wanted: HistoryQuery) -> HistoryPage:
        return await self._hubs.store.read(history, self._key.account_id, wanted)

    async def open_calls(self) -> Sequence[Call]:
        return await self._hubs.store.read(open_calls, self._key.account_id)

    async def dial(
        self, extension: str, number: str, *, did: str | None = None, idempotency_key: str | None = None
    ) -> str:
        return await self._hubs.orders.dial(
            self._key, extension, number, did=did, idempotency_key=idempotency_key
        )

    def extensions(self) -> frozenset[str]:
        pbxs = self._hubs.registry.active(self._key.account_id, Role.PBX)
        return frozenset(extension for pbx in pbxs for extension in extensions_of(pbx))

    @property
    def book(self) -> Book:
        return AccountBook(self._hubs.store, self._key.account_id, region=self._hubs.region)
