"""A hub in small: a store, a PBX connection, scripted CRMs, intake, and lanes when asked for."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import cast

import sqlalchemy as sa

from switchhook.core.call import Call, CallEvent, Direction, Disposition, Happening, News
from switchhook.core.connector import HttpPort, Hub, Link, Role, Side
from switchhook.flow.destinations import Destination, Outlet
from switchhook.flow.intake import Intake
from switchhook.flow.lanes import Lanes
from switchhook.store import Store, calls, delivery_log
from switchhook.store.connections import ConnectionStatus, add_connection, set_status
from switchhook.store.deliveries import State
from switchhook.store.delivery_log import Delivery
from switchhook.store.secrets import SecretBox
from switchhook.store.tables.lanes import IS_LEASED, lanes
from switchhook.store.times import to_millis
from tests.fakes import PATIENCE_SECONDS, FakeClock, NumberedIds, ScriptedPeer

NUMBER = "+79101234567"
# Longer than any step.
LONG_LEASE_MS = 12 * 3600 * 1000
UNPACED = {"rate_per_second": 1e6, "at_once": 64}


@dataclass
class Exchange:
    """One account's traffic, as one process sees it."""

    store: Store
    account_id: int
    box: SecretBox
    clock: FakeClock
    ids: NumberedIds = field(default_factory=NumberedIds)
    pbx: str = ""
    peers: dict[str, ScriptedPeer] = field(default_factory=dict)
    outlets: dict[str, Outlet] = field(default_factory=dict)
    told_only_of: dict[str, frozenset[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.intake = Intake(
            self.store, clock=self.clock, ids=self.ids, destinations=lambda account_id: self.destinations()
        )

    def destinations(self) -> Sequence[Destination]:
        return [
            Destination(
                connection_id=one.connection_id,
                side=one.side,
                takes_from=self.told_only_of.get(one.connection_id, frozenset()),
            )
            for one in self.outlets.values()
        ]

    async def connect_pbx(self) -> str:
        row = await self.store.write(
            add_connection,
            self.account_id,
            self.box,
            kind="played",
            role=Role.PBX,
            name="PBX",
            at=self.clock.now(),
        )
        self.pbx = self.pbx or row.id
        return row.id

    async def connect_crm(self, name: str = "CRM", **side: object) -> ScriptedPeer:
        """Connect a CRM without limits of pace, unless `side` sets them."""
        peer = ScriptedPeer(self.clock)
        row = await self.store.write(
            add_connection,
            self.account_id,
            self.box,
            kind="played",
            role=Role.CRM,
            name=name,
            at=self.clock.now(),
        )
        self.attach(row.id, peer, peer.side(**{**UNPACED, **side}))
        return peer

    def attach(self, connection_id: str, peer: ScriptedPeer, side: Side) -> None:
        self.peers[connection_id] = peer
        self.outlets[connection_id] = Outlet(
            account_id=self.account_id,
            connection_id=connection_id,
            side=side,
            link=Link(
                id=connection_id,
                account_id=self.account_id,
                kind="played",
                role=Role.CRM,
                name="CRM",
                settings={},
                keys={},
                urls={},
                public_url="http://hub.test",
                state={},
                http=cast(HttpPort, None),
            ),
            hub=cast(Hub, None),
        )

    def id_of(self, peer: ScriptedPeer) -> str:
        return next(one for one, known in self.peers.items() if known is peer)

    async def refresh(self, connection_id: str, status: ConnectionStatus) -> None:
        """Set the status of a connection, as the administrator does, and see it at once."""
        await self.store.write(set_status, self.account_id, connection_id, status)
        is_paused = status is ConnectionStatus.PAUSED
        self.outlets[connection_id] = replace(self.outlets[connection_id], is_paused=is_paused)

    async def accept(self, *news: News, connection_id: str | None = None) -> None:
        await self.intake.accept(self.account_id, connection_id or self.pbx, news)

    @asynccontextmanager
    async def delivering(self, *, lease_ms: int = LONG_LEASE_MS) -> AsyncIterator[Lanes]:
        """Run the lanes of one process; at the end they are stopped in order.

        The lease is long, since time passes here in great steps: an attempt that begins just before one of
        them would lose its lane, and its outcome would not be written down.
        """
        running = Lanes(
            self.store,
            lambda: self.outlets,
            clock=self.clock,
            chance=lambda: 0.5,
            grace_seconds=0.5,
            lease_ms=lease_ms,
        )
        self.intake.listen(running.note)
        self.intake.foretell(running.expect)
        task = asyncio.create_task(running.run())
        try:
            yield running
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def stop_listening(self) -> None:
        """From now on somebody else's process takes the news: the lanes here do not hear of it."""
        self.intake._listeners.clear()
        self.intake._herald = None

    async def settled(self) -> None:
        """Wait until what is under way was written down."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            await asyncio.sleep(0.02)
            while await self._is_under_way():  # noqa: ASYNC110 - the store cannot tell
                await asyncio.sleep(0.005)

    async def pass_time(self, seconds: float) -> None:
        """Let much time pass, once nothing is under way: else its lease would run out."""
        await self.settled()
        self.clock.pass_time(seconds)

    async def begin_due(self) -> None:
        """Give what is due a while to begin; a peer that is down keeps it waiting."""
        due = (
            sa.select(sa.func.count()).select_from(lanes).where(lanes.c.due_ms <= to_millis(self.clock.now()))
        )
        for _ in range(50):
            if not await self.store.read(lambda tx: int(tx.execute(due).scalar_one())):
                return
            await asyncio.sleep(0.005)

    async def _is_under_way(self) -> bool:
        """Tell whether something is in hand that no peer has heard, or heard and not written down."""
        leased = sa.select(sa.func.count()).select_from(lanes).where(IS_LEASED)

        def look(tx: sa.Connection) -> tuple[int, int]:
            found = delivery_log.newest(tx, self.account_id, state=None, limit=10_000)
            return int(tx.execute(leased).scalar_one()), sum(one.attempts for one in found)

        in_hand, written = await self.store.read(look)
        return in_hand > 0 or written < self.heard

    @property
    def heard(self) -> int:
        return sum(len(peer.heard) for peer in self.peers.values())

    async def deliveries(self, state: State | None = None) -> list[Delivery]:
        """Oldest first."""
        found = await self.store.read(delivery_log.newest, self.account_id, state=state, limit=10_000)
        return found[::-1]

    async def states(self) -> Mapping[str, int]:
        counted: dict[str, int] = {}
        for one in await self.deliveries():
            counted[one.state.value] = counted.get(one.state.value, 0) + 1
        return counted

    async def calls(self) -> list[Call]:
        """Oldest first."""
        return list((await self.store.read(calls.page, self.account_id, limit=1000)).calls)[::-1]


def ringing(
    call_id: str = "c-1", extension: str = "101", *, number: str = NUMBER, **facts: object
) -> CallEvent:
    return event(Happening.RINGING, call_id, extension, number=number, **facts)


def answered(call_id: str = "c-1", extension: str = "101", **facts: object) -> CallEvent:
    return event(Happening.ANSWERED, call_id, extension, **facts)


def ended(
    call_id: str = "c-1",
    extension: str | None = "101",
    *,
    disposition: Disposition = Disposition.ANSWERED,
    talk_seconds: int | None = 30,
    **facts: object,
) -> CallEvent:
    return event(
        Happening.ENDED,
        call_id,
        extension,
        disposition=disposition,
        talk_seconds=talk_seconds if disposition is Disposition.ANSWERED else None,
        **facts,
    )


def event(happening: Happening, call_id: str, extension: str | None, **facts: object) -> CallEvent:
    known = {"direction": Direction.INBOUND, "number": NUMBER, **facts}
    return CallEvent(call_id=call_id, happening=happening, extension=extension, **known)  # type: ignore[arg-type]
