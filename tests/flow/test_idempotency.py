"""One idempotency key rings one phone once, whoever asks again, wherever and whenever within a day."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from switchhook.core.connector import DialOrder, Hub, Link, Role, Side
from switchhook.core.errors import (
    BadMessage,
    HubError,
    Misconfigured,
    NotFound,
    PeerDown,
    StoreDown,
    TooMany,
)
from switchhook.flow.housekeeping import Housekeeping
from switchhook.flow.idempotency import Orders
from switchhook.store import Store, open_store
from switchhook.store.api_keys import ApiKey, add_api_key
from switchhook.store.dials import find_dial
from switchhook.store.idempotency import claim_order
from tests.fakes import START, FakeClock, eventually
from tests.flow.rig import Rig, open_rig

ENGINES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]
NUMBER = "79161234567"


@dataclass
class Exchange:
    """A PBX that notes what it is asked to dial, and answers as told."""

    says: Exception | None = None
    orders: list[str] = field(default_factory=list)
    gate: asyncio.Event | None = None

    async def dial(self, order: DialOrder, link: Link, hub: Hub) -> None:
        self.orders.append(order.id)
        if self.gate is not None:
            await self.gate.wait()
        if self.says is not None:
            raise self.says


@dataclass(kw_only=True)
class Desk:
    """A hub with one PBX, and a key that may dial."""

    rig: Rig
    pbx: Exchange
    clock: FakeClock
    orders: Orders
    key: ApiKey

    async def dial(
        self,
        idempotency_key: str | None,
        *,
        extension: str = "101",
        number: str = NUMBER,
        did: str | None = None,
        key: ApiKey | None = None,
    ) -> str:
        return await self.orders.dial(
            key or self.key, extension, number, did=did, idempotency_key=idempotency_key
        )

    async def new_key(self, name: str) -> ApiKey:
        made, _ = await self.rig.store.write(
            add_api_key, self.rig.account_id, self.rig.box, name=name, at=START
        )
        return made


@asynccontextmanager
async def open_desk(folder: Path, *, where: str | None = None) -> AsyncIterator[Desk]:
    pbx, clock = Exchange(), FakeClock()
    side = Side(role=Role.PBX, dial=pbx.dial)
    async with open_rig(folder, {"pbx": [side]}, where=where, clock=clock) as rig:
        await rig.connect("pbx", Role.PBX)
        key, _ = await rig.store.write(add_api_key, rig.account_id, rig.box, name="shop", at=START)
        orders = Orders(rig.store, rig.registry, rig.hubs.of, clock=clock)
        yield Desk(rig=rig, pbx=pbx, clock=clock, orders=orders, key=key)
        await orders.close()


async def test_the_same_key_gives_the_same_order_and_rings_no_phone_again(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        first = await desk.dial("k-1")
        again = await desk.dial("k-1", number="+7 (916) 123-45-67")
        desk.clock.pass_time(24 * 3600 - 1)
        much_later = await desk.dial("k-1")
        dial = await desk.rig.store.read(find_dial, desk.rig.account_id, first)

        assert (again, much_later) == (first, first)
        assert desk.pbx.orders == [first]
        assert dial is not None
        assert dial.asked_by == "key shop"


async def test_after_a_day_the_key_is_free(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        first = await desk.dial("k-1")
        desk.clock.pass_time(24 * 3600)
        second = await desk.dial("k-1")

        assert desk.pbx.orders == [first, second]
        assert first != second


async def test_without_a_key_each_request_is_an_order(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        first = await desk.dial(None)
        desk.clock.pass_time(2)
        second = await desk.dial(None)

        assert desk.pbx.orders == [first, second]


async def test_keys_of_others_are_others(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        first = await desk.dial("k-1")
        desk.clock.pass_time(2)
        second = await desk.dial("k-1", key=await desk.new_key("desk"))
        desk.clock.pass_time(2)
        third = await desk.dial("K-1")

        assert desk.pbx.orders == [first, second, third]


@pytest.mark.parametrize("engine", ENGINES)
async def test_of_two_requests_in_two_processes_one_dials(
    tmp_path: Path, engine: str, request: pytest.FixtureRequest
) -> None:
    where = request.getfixturevalue("fresh_postgres_url") if engine == "postgresql" else None
    async with open_desk(tmp_path, where=where) as desk:
        store = await open_store(where or tmp_path / "hub.db")
        second = Orders(store, desk.rig.registry, desk.rig.hubs.of, clock=desk.clock)
        desk.pbx.gate = asyncio.Event()
        asked = [
            asyncio.create_task(orders.dial(desk.key, "101", NUMBER, idempotency_key="k-1"))
            for _ in range(5)
            for orders in (desk.orders, second)
        ]
        await eventually(lambda: sum(task.done() for task in asked) == 9)
        desk.pbx.gate.set()
        results = await asyncio.gather(*asked, return_exceptions=True)
        later = [
            await orders.dial(desk.key, "101", NUMBER, idempotency_key="k-1")
            for orders in (desk.orders, second)
        ]
        await second.close()
        await store.close()

        told = [one for one in results if isinstance(one, str)]
        refused = [one for one in results if not isinstance(one, str)]
        assert told == desk.pbx.orders
        assert later == told * 2
        assert {type(one) for one in refused} == {TooMany}
        assert all(isinstance(one, TooMany) and one.retry_after_seconds for one in refused)


@pytest.mark.parametrize(
    "says", [Misconfigured("the key is wrong"), NotFound("no such user")], ids=lambda error: error.id
)
async def test_after_a_refused_order_the_key_is_free(tmp_path: Path, says: HubError) -> None:
    async with open_desk(tmp_path) as desk:
        desk.pbx.says = says
        with pytest.raises(type(says)):
            await desk.dial("k-1")
        desk.pbx.says = None
        second = await desk.dial("k-1")

        assert desk.pbx.orders[1:] == [second]


@pytest.mark.parametrize(
    ("extension", "number", "field"), [("one", NUMBER, "extension"), ("101", "anonymous", "number")]
)
async def test_an_order_that_cannot_be_dialled_leaves_the_key_free(
    tmp_path: Path, extension: str, number: str, field: str
) -> None:
    async with open_desk(tmp_path) as desk:
        with pytest.raises(BadMessage) as caught:
            await desk.dial("k-1", extension=extension, number=number)
        right = await desk.dial("k-1")

        assert caught.value.field == field
        assert desk.pbx.orders == [right]


async def test_a_double_click_with_another_key_is_a_double_click_and_leaves_that_key_free(
    tmp_path: Path,
) -> None:
    async with open_desk(tmp_path) as desk:
        first = await desk.dial("k-1")
        with pytest.raises(TooMany):
            await desk.dial("k-2")
        desk.clock.pass_time(2)
        second = await desk.dial("k-2")

        assert desk.pbx.orders == [first, second]


async def test_after_an_unclear_order_the_key_tells_again_what_happened(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        desk.pbx.says = PeerDown("no answer in time")
        with pytest.raises(PeerDown):
            await desk.dial("k-1")
        desk.pbx.says = None
        desk.clock.pass_time(3600)
        with pytest.raises(PeerDown, match="no answer in time"):
            await desk.dial("k-1")

        assert len(desk.pbx.orders) == 1


async def test_an_order_is_seen_to_its_end_though_whoever_asked_hung_up(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        desk.pbx.gate = asyncio.Event()
        asking = asyncio.create_task(desk.dial("k-1"))
        await eventually(lambda: bool(desk.pbx.orders))
        asking.cancel()
        with pytest.raises(TooMany):
            await desk.dial("k-1")
        desk.pbx.gate.set()
        await desk.orders.close()

        assert [await desk.dial("k-1")] == desk.pbx.orders


@pytest.mark.parametrize(
    ("extension", "number", "did"),
    [("102", NUMBER, None), ("101", "79160000000", None), ("101", NUMBER, "74950000000")],
)
async def test_a_key_is_not_used_for_two_different_orders(
    tmp_path: Path, extension: str, number: str, did: str | None
) -> None:
    async with open_desk(tmp_path) as desk:
        await desk.dial("k-1")
        with pytest.raises(BadMessage) as caught:
            await desk.dial("k-1", extension=extension, number=number, did=did)

        assert caught.value.field == "idempotency_key"
        assert len(desk.pbx.orders) == 1


@pytest.mark.parametrize("idempotency_key", ["", "k" * 256, "k\n1", "k\x001"], ids=repr)
async def test_a_key_that_is_none_is_refused(tmp_path: Path, idempotency_key: str) -> None:
    async with open_desk(tmp_path) as desk:
        with pytest.raises(BadMessage) as caught:
            await desk.dial(idempotency_key)

        assert caught.value.field == "idempotency_key"
        assert desk.pbx.orders == []


async def test_an_order_whose_hub_died_before_it_dialled_frees_its_key_after_a_while(
    tmp_path: Path,
) -> None:
    async with open_desk(tmp_path) as desk:
        account_id, key_id = desk.rig.account_id, desk.key.id
        await desk.rig.store.write(claim_order, account_id, key_id, "k-1", "lost", at=desk.clock.now())
        desk.clock.pass_time(59)
        with pytest.raises(TooMany):
            await desk.dial("k-1")
        desk.clock.pass_time(1)
        order_id = await desk.dial("k-1")

        assert desk.pbx.orders == [order_id]


async def test_an_order_whose_hub_died_while_it_dialled_is_unclear(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        desk.pbx.gate = asyncio.Event()
        asking = asyncio.create_task(desk.dial("k-1"))
        await eventually(lambda: bool(desk.pbx.orders))
        desk.clock.pass_time(61)
        await Housekeeping(desk.rig.store, clock=desk.clock).tidy()
        with pytest.raises(PeerDown, match="the hub stopped"):
            await desk.dial("k-1")
        desk.pbx.gate.set()
        await asking

        assert len(desk.pbx.orders) == 1


class Failing:
    """A store that takes no writes of some verbs."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.dialect = store.dialect
        self.failing: set[str] = set()

    async def write(self, verb, *args, **kwargs):  # type: ignore[no-untyped-def]
        if verb.__name__ in self.failing:
            raise StoreDown("the disk is full")
        return await self.store.write(verb, *args, **kwargs)

    async def read(self, verb, *args, **kwargs):  # type: ignore[no-untyped-def]
        return await self.store.read(verb, *args, **kwargs)


async def test_with_the_disk_full_nothing_is_dialled_and_nothing_stays_taken_for_long(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        full = Failing(desk.rig.store)
        orders = Orders(full, desk.rig.registry, desk.rig.hubs.of, clock=desk.clock)  # type: ignore[arg-type]
        full.failing = {"add_dial", "release_order"}
        with pytest.raises(StoreDown):
            await orders.dial(desk.key, "101", NUMBER, idempotency_key="k-1")
        full.failing = set()
        with pytest.raises(TooMany):
            await orders.dial(desk.key, "101", NUMBER, idempotency_key="k-1")
        desk.clock.pass_time(60)
        order_id = await orders.dial(desk.key, "101", NUMBER, idempotency_key="k-1")

        assert desk.pbx.orders == [order_id]


@pytest.mark.parametrize("engine", ENGINES)
async def test_only_what_is_a_day_old_is_swept(
    tmp_path: Path, engine: str, request: pytest.FixtureRequest
) -> None:
    where = request.getfixturevalue("fresh_postgres_url") if engine == "postgresql" else None
    async with open_desk(tmp_path, where=where) as desk:
        write, place = desk.rig.store.write, (desk.rig.account_id, desk.key.id)
        now = START + timedelta(hours=24, seconds=1)

        async def claim(name: str, order_id: str, at: datetime) -> object:
            return await write(claim_order, *place, name, order_id, at=at)

        await claim("old", "1", START)
        await claim("young", "2", now - timedelta(seconds=10))
        desk.clock.pass_time((now - START).total_seconds())
        await Housekeeping(desk.rig.store, clock=desk.clock).tidy()

        # A minute is not over yet, so the young one is held; the old one is gone.
        assert await claim("old", "3", START) is None
        held = await claim("young", "4", now)
        assert getattr(held, "order_id", None) == "2"
