"""Orders for whoever holds the link: in the same process, and from another through the store."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import sqlalchemy as sa

from switchhook.core.errors import (
    BadMessage,
    LinkLost,
    Misconfigured,
    NotFound,
    PeerDown,
    Refused,
    StoreDown,
    TooMany,
    Unsupported,
)
from switchhook.core.link_hub import Ordered
from switchhook.flow.link_queue import LONGEST_QUEUE
from switchhook.flow.links import ORDERS_EVERY_SECONDS
from switchhook.store import Store
from switchhook.store.tables.links import link_orders
from tests.fakes import eventually
from tests.flow.linking import Process, Scene, open_scene
from tests.flow.rig import running

DIAL = {"extension": "101", "number": "+79101234567"}


@pytest_asyncio.fixture(loop_scope="session")
async def scene(store: Store, tmp_path: Path) -> AsyncIterator[Scene]:
    async with open_scene(tmp_path, store) as opened:
        yield opened


@pytest_asyncio.fixture(params=["here", "elsewhere"], loop_scope="session")
async def asker(request: pytest.FixtureRequest, scene: Scene) -> AsyncIterator[Process]:
    """Asks for what another process holds, or for what it holds itself; time goes on."""
    holder = scene.process()
    async with running(holder.links.run()), running(pass_time(scene)):
        await eventually(lambda: bool(scene.peer.runs))
        yield holder if request.param == "here" else scene.process()


async def pass_time(scene: Scene) -> None:
    while True:
        await asyncio.sleep(0.01)
        scene.clock.pass_time(0.02)


async def looked_for(scene: Scene) -> None:
    """Let the holder look for orders some times, and more often than time alone would let it."""
    for _ in range(5):
        scene.clock.pass_time(ORDERS_EVERY_SECONDS)
        await asyncio.sleep(0.02)


async def ask(scene: Scene, asker: Process, seconds: float = 10, **body: object) -> None:
    await asker.hub(scene.connection).ask_link("dial", {**DIAL, **body}, seconds=seconds)


async def stored(scene: Scene) -> list[str]:
    found = sa.select(link_orders.c.state)
    return await scene.rig.store.read(lambda tx: list(tx.execute(found).scalars()))


async def test_an_order_is_done(scene: Scene, asker: Process) -> None:
    await ask(scene, asker, devices=["a", "b"], nested={"x": [1, None, True]})

    assert [(one.verb, one.body) for one in scene.peer.orders] == [
        ("dial", {**DIAL, "devices": ["a", "b"], "nested": {"x": [1, None, True]}})
    ]
    assert await stored(scene) == []


async def test_orders_are_done_once_each_in_the_order_asked(scene: Scene, asker: Process) -> None:
    for number in range(5):
        await ask(scene, asker, number=number)
    await asyncio.gather(*(ask(scene, asker, number=number) for number in range(5, 15)))

    numbers = [one.body["number"] for one in scene.peer.orders]
    assert numbers[:5] == list(range(5))
    assert sorted(numbers) == list(range(15))
    assert len({one.id for one in scene.peer.orders}) == 15


ERRORS = (
    PeerDown("phone 101 is not registered"),
    NotFound("no such extension"),
    Refused("not allowed"),
    Unsupported("cannot"),
    BadMessage("not a number"),
    Misconfigured("no trunk is set"),
    TooMany("slower"),
    StoreDown("full"),
)


async def test_each_asker_gets_what_the_holder_said(scene: Scene, asker: Process) -> None:
    scene.peer.answers_of = dict(enumerate(ERRORS))
    asking = [ask(scene, asker, number=number) for number in range(len(ERRORS))]
    told = await asyncio.gather(*asking, return_exceptions=True)

    assert [(type(one), getattr(one, "reason", one)) for one in told] == [
        (type(error), error.reason) for error in ERRORS
    ]


@pytest.mark.parametrize("error", [ValueError("secret"), LinkLost("taken over")], ids=["ours", "lost"])
async def test_other_failures_are_told_as_a_peer_that_is_down(
    scene: Scene, asker: Process, error: Exception
) -> None:
    scene.peer.answers = [error]
    with pytest.raises(PeerDown, match="it may have been done") as told:
        await ask(scene, asker)

    assert "secret" not in told.value.reason


async def test_an_order_that_nobody_takes_in_time_is_never_done(scene: Scene, asker: Process) -> None:
    await restart(scene, is_deaf=True)
    with pytest.raises(PeerDown, match="nothing was done"):
        await ask(scene, asker, seconds=0.2)
    late = asyncio.create_task(scene.peer.hub.next_order())
    await looked_for(scene)

    assert not late.done()
    assert await stored(scene) == []
    late.cancel()


async def test_an_order_in_hand_that_is_not_answered_may_have_been_done(scene: Scene, asker: Process) -> None:
    await restart(scene, is_deaf=True)
    taking = asyncio.create_task(scene.peer.hub.next_order())
    with pytest.raises(PeerDown, match="may have been done"):
        await ask(scene, asker, seconds=0.6)
    ordered = await asyncio.wait_for(taking, 5)
    await ordered.done()  # too late, and no harm
    await ordered.fail(ValueError())

    assert ordered.order.body == DIAL
    assert await stored(scene) == []


async def test_whoever_hangs_up_withdraws(scene: Scene, asker: Process) -> None:
    await restart(scene, is_deaf=True)
    asking = asyncio.create_task(ask(scene, asker))
    await looked_for(scene)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    late = asyncio.create_task(scene.peer.hub.next_order())
    await looked_for(scene)

    assert not late.done()
    assert await stored(scene) == []
    late.cancel()


async def test_orders_in_hand_are_told_when_the_run_breaks_off(scene: Scene, asker: Process) -> None:
    await restart(scene, is_deaf=True)
    taking = asyncio.create_task(scene.peer.hub.next_order())
    asking = asyncio.create_task(ask(scene, asker))
    await asyncio.wait_for(taking, 5)
    scene.peer.is_deaf = False
    began = asyncio.get_running_loop().time()
    await restart(scene)
    with pytest.raises(PeerDown, match="it may have been done"):
        await asking

    assert asyncio.get_running_loop().time() - began < 5


async def test_only_so_many_wait(scene: Scene) -> None:
    holder = scene.process()
    scene.peer.is_deaf = True
    await holder.tend()
    await eventually(lambda: bool(scene.peer.runs))
    asking = [asyncio.create_task(ask(scene, holder, seconds=0.5)) for _ in range(LONGEST_QUEUE + 1)]
    results = await asyncio.gather(*asking, return_exceptions=True)

    refused = [str(one) for one in results if "wait for this peer already" in str(one)]
    assert len(refused) == 1


async def test_an_order_of_another_process_is_begun_by_one_holder(scene: Scene) -> None:
    """The link changes hands while orders wait: each is done once, whoever does it."""
    scene.peer.is_deaf = True
    first, second, third = scene.process(), scene.process(), scene.process()
    done: list[str] = []

    async def work(ordered_by: "asyncio.Queue[Ordered]") -> None:
        while True:
            ordered = await ordered_by.get()
            done.append(ordered.order.id)
            await ordered.done()

    async def fetch(run: int) -> None:
        while True:
            try:
                ordered = await scene.peer.runs[run][1].next_order()
            except LinkLost:
                return
            done.append(ordered.order.id)
            await ordered.done()

    async with running(first.links.run()), running(pass_time(scene)):
        await eventually(lambda: len(scene.peer.runs) == 1)
        async with running(fetch(0)):
            asking = [asyncio.create_task(ask(scene, third, number=number)) for number in range(20)]
            await eventually(lambda: len(done) >= 3)
            await second.links._take(scene.rig.registry.snapshot.by_id[scene.connection.id], is_forced=True)
            await eventually(lambda: len(scene.peer.runs) == 2)
            async with running(second.links.run()), running(fetch(1)):
                results = await asyncio.gather(*asking, return_exceptions=True)

    assert len(done) == len(set(done))
    assert sum(one is None for one in results) >= 10
    assert all(one is None or isinstance(one, PeerDown) for one in results)


async def test_nobody_holds_the_link(scene: Scene) -> None:
    began = asyncio.get_running_loop().time()
    with pytest.raises(PeerDown, match="no running hub holds the link to this peer"):
        await ask(scene, scene.process())

    assert asyncio.get_running_loop().time() - began < 2
    assert await stored(scene) == []


async def test_a_holder_that_died_is_nobody(scene: Scene) -> None:
    await scene.process().tend()
    await eventually(lambda: bool(scene.peer.runs))
    scene.clock.pass_time(3.1)
    with pytest.raises(PeerDown, match="no running hub"):
        await ask(scene, scene.process())


async def test_a_link_that_does_not_work_says_why_at_once(scene: Scene) -> None:
    scene.peer.failures = [PeerDown("tcp://pbx:5038 refuses connections")] * 3
    await scene.process().tend()
    await eventually(lambda: scene.peer.ended == 1)
    await asyncio.sleep(0.1)
    for process in (scene.processes[0], scene.process()):
        with pytest.raises(PeerDown, match="refuses connections"):
            await ask(scene, process)


async def restart(scene: Scene, *, is_deaf: bool = False) -> None:
    """Begin the run anew, as changed settings do."""
    scene.peer.is_deaf = is_deaf
    runs = len(scene.peer.runs)
    for process in scene.processes:
        for holding in process.links._held.values():
            holding.change(holding.attached)
    await eventually(lambda: len(scene.peer.runs) == runs + 1)
    await asyncio.sleep(0.02)
