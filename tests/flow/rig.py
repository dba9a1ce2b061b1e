"""A small hub around a real store: scripted peers in the test or on loopback."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from switchhook.core.call import CallEvent, Direction, Happening
from switchhook.core.connector import Connector, Role, Side
from switchhook.flow.clock import Clock, SystemClock
from switchhook.flow.configure import Configured, create_connection
from switchhook.flow.hub import BoundHub, Hubs
from switchhook.flow.ids import RandomIds
from switchhook.flow.intake import Intake
from switchhook.flow.lookup import Listener, Lookup
from switchhook.flow.presence import PresenceDesk
from switchhook.flow.registry import Registry
from switchhook.net.http import HttpClient
from switchhook.store import Store, open_store
from switchhook.store.accounts import ensure_account
from switchhook.store.hub_settings import PUBLIC_URL, set_setting
from switchhook.store.secrets import SecretBox
from tests.fakes import START
from tests.store.new_files import make_file

PUBLIC = "https://hub.example"


@dataclass(kw_only=True)
class Rig:
    store: Store
    box: SecretBox
    account_id: int
    clock: Clock
    http: HttpClient
    connectors: Mapping[str, Connector]
    registry: Registry
    intake: Intake
    lookup: Lookup
    hubs: Hubs

    async def connect(
        self,
        kind: str,
        role: Role,
        *,
        account_id: int | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> Configured:
        """Add a connection that may reach loopback, and let the hub take it up."""
        made = await create_connection(
            self.store,
            self.box,
            self.connectors,
            account_id or self.account_id,
            kind=kind,
            role=role.value,
            name=f"{kind} {role}",
            settings={"allow_private": "true", **(settings or {})},
            at=START,
        )
        await self.registry.refresh()
        return made

    def hub(self, connection: Configured) -> BoundHub:
        return self.hubs.of(connection.id)


@asynccontextmanager
async def open_rig(
    folder: Path,
    sides: Mapping[str, Sequence[Side]],
    *,
    where: str | None = None,
    kept: Store | None = None,
    clock: Clock | None = None,
    on_named: Listener | None = None,
    deadline_seconds: float = 3,
) -> AsyncIterator[Rig]:
    """Open a hub whose protocols are `sides` by kind; on a SQLite file of its own, unless `where` says
    otherwise or it is to use a store that is `kept` open.
    """
    clock = clock or SystemClock()
    if kept is None and where is None:
        await asyncio.to_thread(make_file, folder / "hub.db")
    store = kept or await open_store(where or folder / "hub.db")
    box = SecretBox.load(folder)
    http = HttpClient()
    connectors = {
        kind: Connector(key=kind, title=kind, sides={side.role: side for side in of_kind})
        for kind, of_kind in sides.items()
    }
    registry = Registry(store, box, connectors, http, clock=clock)
    intake = Intake(store, clock=clock, ids=RandomIds(), destinations=registry.destinations)
    lookup = Lookup(store, registry, deadline_seconds=deadline_seconds, on_named=on_named, clock=clock)
    presence = PresenceDesk(store, registry, clock=clock)
    try:
        account = await store.write(ensure_account, at=START)
        await store.write(set_setting, PUBLIC_URL, PUBLIC)
        await registry.refresh()
        yield Rig(
            store=store,
            box=box,
            account_id=account.id,
            clock=clock,
            http=http,
            connectors=connectors,
            registry=registry,
            intake=intake,
            lookup=lookup,
            hubs=Hubs(store, box, registry, intake, lookup, presence, clock=clock),
        )
    finally:
        await lookup.close()
        await http.close()
        if kept is None:
            await store.close()


@asynccontextmanager
async def running(work: Coroutine[object, object, None]) -> AsyncIterator[None]:
    """Run something endless beside a block."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def rings(call_id: str, extension: str = "101", number: str = "79101234567") -> CallEvent:
    return CallEvent(
        call_id=call_id,
        happening=Happening.RINGING,
        direction=Direction.OUTBOUND,
        extension=extension,
        number=number,
    )
