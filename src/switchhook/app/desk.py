"""An open store and one account in it: what every command needs, and all that most of them need."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from switchhook.core.errors import Misconfigured
from switchhook.settings import Place
from switchhook.store import Store, open_store
from switchhook.store.accounts import DEFAULT_ACCOUNT, ensure_account, get_account
from switchhook.store.hub_settings import check_key
from switchhook.store.secrets import SecretBox


@dataclass(frozen=True, kw_only=True)
class Desk:
    """An open store and one account in it."""

    place: Place
    store: Store
    box: SecretBox
    account_id: int

    @property
    def region(self) -> str:
        return self.place.settings.region


@asynccontextmanager
async def open_desk(place: Place, account: str = DEFAULT_ACCOUNT) -> AsyncIterator[Desk]:
    """Open store, key file and account of a place, whether or not a hub runs on it.

    Raises:
        Misconfigured: the folder cannot be used, or the key file is not the one of this database.
        NotFound: there is no such account; the first one is made by itself.
        StoreDown: the database does not answer.
    """
    try:
        place.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        box = SecretBox.load(place.folder)
    except OSError as error:
        raise Misconfigured(f"cannot use the data folder {place.folder}: {error.strerror}") from error
    store = await open_store(place.store)
    try:
        await store.write(check_key, box)
        if account == DEFAULT_ACCOUNT:
            found = await store.write(ensure_account, account, at=datetime.now(UTC))
        else:
            found = await store.read(get_account, account)
        yield Desk(place=place, store=store, box=box, account_id=found.id)
    finally:
        await store.close()
