"""What holds a link: how its failures are told and tried again, and what it has of the hub."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from switchhook.core.connector import Field, Role
from switchhook.core.directory import Caller
from switchhook.core.errors import HubError, LinkLost, PeerDown, Unsupported
from switchhook.core.ring_plan import RingPlan
from switchhook.store import Store
from switchhook.store.connections import remove_connection
from tests.fakes import eventually
from tests.flow.linking import KIND, Scene, open_scene, reason_of, taken
from tests.flow.rig import rings, running


@pytest_asyncio.fixture(loop_scope="session")
async def scene(store: Store, tmp_path: Path) -> AsyncIterator[Scene]:
    async with open_scene(tmp_path, store, fields=(Field(name="host", label="Host"),)) as opened:
        yield opened


# Failing.


async def test_a_failure_is_shown_and_the_run_begun_again_after_a_while(scene: Scene) -> None:
    scene.peer.failures = [PeerDown("tcp://pbx:5038 refuses connections")]
    async with running(scene.process().links.run()):
        await eventually(lambda: scene.peer.ended == 1)
        await eventually(lambda: reason_of(scene) is not None)
        shown, lease = reason_of(scene), await scene.lease()
        with pytest.raises(PeerDown, match="refuses connections"):
            await asyncio.wait_for(scene.processes[0].hub(scene.connection).ask_link("dial", {}), 5)
        await scene.clock.pass_until(lambda: len(scene.peer.runs) == 2)
        await eventually(lambda: reason_of(scene) is None)
        after = await scene.lease()

    assert shown == "tcp://pbx:5038 refuses connections"
    assert lease is not None
    assert after is not None
    assert (lease.what, lease.reason) == (None, shown)
    assert (after.what, after.reason) == ("Exchange 1.0", None)


async def test_what_a_run_keeps_is_there_for_the_next_and_for_no_other_holder(scene: Scene) -> None:
    scene.peer.failures = [PeerDown("no")]
    async with running(scene.process().links.run()):
        await eventually(lambda: scene.peer.ended == 1)
        scene.peer.runs[0][1].memory["seen"] = 1
        await scene.clock.pass_until(lambda: len(scene.peer.runs) == 2)
        assert scene.peer.hub.memory == {"seen": 1}
    async with running(scene.process().links.run()):
        await scene.clock.pass_until(lambda: len(scene.peer.runs) == 3)
        assert scene.peer.hub.memory == {}


async def test_before_the_end_each_run_that_goes_on_says_farewell(scene: Scene) -> None:
    said: list[str] = []

    async def first() -> None:
        said.append("first")

    async def lost() -> None:
        raise PeerDown("the socket is closed")

    async def endless() -> None:
        said.append("endless")
        await asyncio.Event().wait()

    scene.peer.failures = [PeerDown("no")]
    links = scene.process().links
    async with running(links.run()):
        await eventually(lambda: len(scene.peer.runs) == 1)
        scene.peer.runs[0][1].before_end(first)
        await scene.clock.pass_until(lambda: len(scene.peer.runs) == 2)
        for farewell in (endless, lost):
            scene.peer.hub.before_end(farewell)
        await asyncio.wait_for(links.farewell(), 5)

    assert said == ["endless"]


async def test_waits_grow_and_begin_anew_once_it_was_up(scene: Scene) -> None:
    scene.peer.is_up = False
    scene.peer.failures = [PeerDown("no")] * 7
    waits = []
    async with running(scene.process().links.run()):
        for number in range(1, 8):
            await eventually(lambda number=number: len(scene.peer.runs) == number)  # type: ignore[misc]
            await asyncio.sleep(0.03)
            began = scene.clock.now()
            await scene.clock.pass_until(
                lambda number=number: len(scene.peer.runs) == number + 1,  # type: ignore[misc]
                step=0.25,
            )
            waits.append((scene.clock.now() - began).total_seconds())

    assert waits == pytest.approx([1, 2, 5, 10, 30, 30, 30], abs=1)


@pytest.mark.parametrize(("chance", "seconds"), [(0.0, 0.75), (0.999, 1.25)])
async def test_waits_differ_by_chance(scene: Scene, chance: float, seconds: float) -> None:
    scene.peer.failures = [PeerDown("no")]
    async with running(scene.process(chance=lambda: chance).links.run()):
        await eventually(lambda: reason_of(scene) is not None)
        await asyncio.sleep(0.03)
        began = scene.clock.now()
        await scene.clock.pass_until(lambda: len(scene.peer.runs) == 2, step=0.05)

    assert (scene.clock.now() - began).total_seconds() == pytest.approx(seconds, abs=0.2)


@pytest.mark.parametrize("error", [ValueError("secret"), KeyError("x")])
async def test_a_connector_that_fails_is_begun_again_and_says_little(scene: Scene, error: Exception) -> None:
    scene.peer.failures = [error]
    async with running(scene.process().links.run()):
        await eventually(lambda: reason_of(scene) is not None)
        shown = reason_of(scene)
        await scene.clock.pass_until(lambda: len(scene.peer.runs) == 2)

    assert shown == f"the connector failed: {type(error).__name__}"


async def test_without_links_to_hold_nothing_is_written_or_read(tmp_path: Path) -> None:
    async with open_scene(tmp_path) as scene:
        rig = scene.rig
        await rig.store.write(remove_connection, rig.account_id, scene.connection.id)
        await rig.registry.refresh()
        idle = scene.process()
        asked: list[str] = []
        store = rig.store

        class Counting:
            dialect = store.dialect

            def __getattr__(self, name: str) -> object:
                asked.append(name)
                return getattr(store, name)

        idle.links._store = Counting()  # type: ignore[assignment]
        async with running(idle.links.run()):
            for _ in range(40):
                scene.clock.pass_time(0.25)
                await asyncio.sleep(0.001)

    assert asked == []


# The rest of the hub.


async def test_calls_that_are_open_are_told_oldest_first(scene: Scene) -> None:
    hub = await taken(scene)
    other = await scene.rig.connect(KIND, Role.PBX)
    await hub.accept([rings("1")])
    scene.clock.pass_time(0.1)
    await hub.accept([rings("2")])
    await scene.rig.hub(other).accept([rings("3")])

    assert [call.call_id for call in await hub.open_calls()] == ["1", "2"]


async def test_a_ring_plan_is_asked_for_with_the_asker(scene: Scene) -> None:
    asked: list[tuple[object, ...]] = []

    class Plans:
        async def plan(
            self,
            account_id: int,
            number: str,
            *,
            did: str | None = None,
            call_id: str | None = None,
            asker: str | None = None,
        ) -> RingPlan:
            asked.append((account_id, number, did, call_id, asker))
            return RingPlan(caller=Caller(number=number), steps=())

    hub = await taken(scene, planner=Plans())
    plan = await hub.ring_plan("79101234567", did="74951234567", call_id="1")

    assert plan.caller.number == "79101234567"
    assert asked == [(scene.rig.account_id, "79101234567", "74951234567", "1", scene.connection.id)]


async def test_without_a_planner_there_is_no_plan(scene: Scene) -> None:
    hub = await taken(scene)

    with pytest.raises(Unsupported):
        await hub.ring_plan("79101234567")


async def test_history_and_book_are_those_of_the_connection(scene: Scene) -> None:
    hub = await taken(scene)
    await hub.accept([])
    await hub.accept([rings("1")])

    assert list(await hub.history(["1", "2"])) == ["1"]
    assert list(await hub.book.employees()) == []


def test_link_lost_is_an_error_of_the_hub() -> None:
    assert issubclass(LinkLost, HubError)
    assert LinkLost.id == "link_lost"
