"""Links held by one process at a time: taken, kept, lost, given back, and fenced."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from switchhook.core.connector import Field, Role
from switchhook.core.directory import Availability, Caller
from switchhook.core.errors import HubError, LinkLost, PeerDown, Unsupported
from switchhook.core.link_hub import LinkHub
from switchhook.core.ring_plan import RingPlan
from switchhook.flow.configure import change_connection
from switchhook.store.connections import ConnectionStatus, remove_connection, set_status
from tests.fakes import eventually
from tests.flow.linking import KIND, Scene, open_scene
from tests.flow.rig import rings, running


@pytest_asyncio.fixture
async def scene(where: str, tmp_path: Path) -> AsyncIterator[Scene]:
    async with open_scene(tmp_path, where, fields=(Field(name="host", label="Host"),)) as opened:
        yield opened


async def taken(scene: Scene, **options: object) -> LinkHub:
    """Have a process take the link; give the hub of its run."""
    await scene.process(**options).tend()
    await eventually(lambda: bool(scene.peer.runs))
    return scene.peer.hub


# Taking and keeping.


async def test_a_free_link_is_taken_and_its_run_begun(scene: Scene) -> None:
    hub = await taken(scene)
    lease = await scene.lease()

    assert hub.is_held()
    assert lease is not None
    assert (lease.epoch, lease.what, lease.reason) == (1, "Exchange 1.0", None)
    assert lease.owner == scene.processes[0].links.owner


async def test_one_process_at_a_time_has_it(scene: Scene) -> None:
    await taken(scene)
    second = scene.process()
    for _ in range(20):
        scene.clock.pass_time(0.5)
        await scene.processes[0].tend()
        await second.tend()
    lease = await scene.lease()

    assert len(scene.peer.runs) == 1
    assert lease is not None
    assert lease.epoch == 1
    assert scene.peer.hub.is_held()


async def test_two_that_take_at_once_are_one_after_all(scene: Scene) -> None:
    both = [scene.process(), scene.process()]
    await asyncio.gather(*(one.links.take_free() for one in both))
    await eventually(lambda: bool(scene.peer.runs))
    await asyncio.sleep(0.05)

    assert len(scene.peer.runs) == 1


async def test_a_renewed_lease_costs_one_write_a_second(scene: Scene) -> None:
    await taken(scene)
    first = scene.processes[0]
    untils = []
    for _ in range(8):
        scene.clock.pass_time(0.5)
        await first.links.keep()
        lease = await scene.lease()
        assert lease is not None
        untils.append(lease.until_ms)

    assert len(set(untils)) == 4


# Losing.


async def test_another_takes_over_when_the_lease_is_over(scene: Scene) -> None:
    old = await taken(scene)
    second = scene.process()
    scene.clock.pass_time(2.9)
    await second.tend()
    too_early = len(scene.peer.runs)
    scene.clock.pass_time(0.2)
    await second.tend()
    await eventually(lambda: len(scene.peer.runs) == 2)
    new = scene.peer.hub

    assert too_early == 1
    assert (old.is_held(), new.is_held()) == (False, True)


async def test_whoever_wakes_up_too_late_is_told_by_its_own_clock(scene: Scene) -> None:
    """Before anybody has taken the link over, and without asking the store."""
    hub = await taken(scene)
    scene.clock.pass_time(3)

    assert not hub.is_held()
    for refused in (
        hub.accept([rings("1")]),
        hub.up("up"),
        hub.next_order(),
        hub.next_socket(),
        hub.set_presence("101", Availability.BUSY),
        hub.dial("101", "79101234567"),
        hub.pair(state={"a": 1}),
        hub.who_is("79101234567"),
        hub.ring_plan("79101234567"),
        hub.ask_link("dial", {}),
    ):
        with pytest.raises(LinkLost):
            await refused
    assert await scene.call_ids() == []


async def test_what_an_old_holder_hears_is_refused_by_the_store(scene: Scene) -> None:
    """Even if its own clock stood still: nothing is stored, and what the new one hears is."""
    old = await taken(scene, passed=lambda: 0.0)
    await old.accept([rings("before")])
    second = scene.process()
    scene.clock.pass_time(3.1)
    await second.tend()
    await eventually(lambda: len(scene.peer.runs) == 2)
    new = scene.peer.hub

    assert old.is_held()  # as far as it knows
    with pytest.raises(LinkLost):
        await old.accept([rings("late"), rings("later")])
    await new.accept([rings("after")])

    assert await scene.call_ids() == ["after", "before"]
    assert not old.is_held()


async def test_both_at_once_in_one_transaction_are_told_apart(scene: Scene) -> None:
    old = await taken(scene, passed=lambda: 0.0)
    scene.clock.pass_time(3.1)
    await scene.process().tend()
    await eventually(lambda: len(scene.peer.runs) == 2)

    news = [(hub, f"{name}-{n}") for n in range(20) for hub, name in ((old, "old"), (scene.peer.hub, "new"))]
    results = await asyncio.gather(
        *(hub.accept([rings(call_id)]) for hub, call_id in news), return_exceptions=True
    )

    assert [type(one) for one in results] == [LinkLost, type(None)] * 20
    assert await scene.call_ids() == sorted(f"new-{n}" for n in range(20))


@pytest.mark.parametrize("method", ["up", "set_presence", "dial", "pair"])
async def test_what_else_an_old_holder_writes_is_refused(scene: Scene, method: str) -> None:
    old = await taken(scene, passed=lambda: 0.0)
    scene.clock.pass_time(3.1)
    await scene.process().tend()
    await eventually(lambda: len(scene.peer.runs) == 2)
    refused: dict[str, Callable[[], Awaitable[object]]] = {
        "up": lambda: old.up("Exchange 0.1"),
        "set_presence": lambda: old.set_presence("101", Availability.BUSY),
        "dial": lambda: old.dial("101", "79101234567"),
        "pair": lambda: old.pair(state={"a": 1}),
    }

    with pytest.raises(LinkLost):
        await refused[method]()
    lease = await scene.lease()
    assert lease is not None
    assert lease.what == "Exchange 1.0"
    assert scene.rig.registry.link(scene.rig.account_id, scene.connection.id).link.state == {}


async def test_a_run_whose_lease_was_lost_is_cancelled(scene: Scene) -> None:
    await taken(scene, passed=lambda: 0.0)
    scene.clock.pass_time(3.1)
    second = scene.process()
    await second.tend()
    scene.processes[0].links._renewed_at = float("-inf")  # its clock stands still
    await scene.processes[0].links.keep()
    await eventually(lambda: scene.peer.ended == 1)
    lease = await scene.lease()

    assert lease is not None
    assert (lease.epoch, lease.owner) == (2, second.links.owner)


async def test_a_stall_that_nobody_noticed_costs_nothing(scene: Scene) -> None:
    hub = await taken(scene)
    scene.clock.pass_time(4)
    assert not hub.is_held()
    await scene.processes[0].tend()

    assert hub.is_held()
    assert len(scene.peer.runs) == 1


async def test_a_link_that_was_lost_in_a_stall_is_taken_anew(scene: Scene) -> None:
    """A connector that was told LinkLost ends, and begins again with the next epoch."""
    scene.peer.failures = [LinkLost("the time is over")]
    async with running(scene.process().links.run()):
        await scene.clock.pass_until(lambda: len(scene.peer.runs) == 2)
        lease = await scene.lease()

    assert lease is not None
    assert lease.epoch == 2
    assert reason_of(scene) is None


# Giving back.


async def test_a_clean_end_gives_the_link_back_at_once(scene: Scene) -> None:
    await taken(scene)
    await scene.processes[0].links.end()
    ended = scene.peer.ended
    await scene.process().tend()
    await eventually(lambda: len(scene.peer.runs) == 2)

    assert ended == 1
    assert scene.peer.hub.is_held()


async def test_a_cancelled_run_of_all_gives_everything_back(scene: Scene) -> None:
    first = scene.process()
    async with running(first.links.run()):
        await eventually(lambda: bool(scene.peer.runs))
    lease = await scene.lease()

    assert scene.peer.ended == 1
    assert lease is not None
    assert (lease.owner, lease.until_ms, lease.what) == ("", 0, None)


async def test_pausing_ends_the_run_and_resuming_begins_it(scene: Scene) -> None:
    await taken(scene)
    first, rig = scene.processes[0], scene.rig
    await rig.store.write(set_status, rig.account_id, scene.connection.id, ConnectionStatus.PAUSED)
    await rig.registry.refresh()
    await first.tend()
    await eventually(lambda: scene.peer.ended == 1)
    with pytest.raises(PeerDown, match="no running hub holds the link"):
        await asyncio.wait_for(first.hub(scene.connection).ask_link("dial", {}), 5)
    await rig.store.write(set_status, rig.account_id, scene.connection.id, ConnectionStatus.ACTIVE)
    await rig.registry.refresh()
    await first.tend()
    await eventually(lambda: len(scene.peer.runs) == 2)

    assert scene.peer.hub.is_held()


async def test_a_connection_that_is_removed_ends_its_run(scene: Scene) -> None:
    await taken(scene)
    first, rig = scene.processes[0], scene.rig
    await rig.store.write(remove_connection, rig.account_id, scene.connection.id)
    await rig.registry.refresh()
    await first.tend()
    await eventually(lambda: scene.peer.ended == 1)
    await first.tend()

    assert await scene.lease() is None
    assert len(scene.peer.runs) == 1


async def test_changed_settings_begin_the_run_anew(scene: Scene) -> None:
    await taken(scene)
    first, rig = scene.processes[0], scene.rig
    await change_connection(
        rig.store,
        rig.box,
        rig.connectors,
        rig.account_id,
        scene.connection.id,
        settings={"host": "pbx.example"},
    )
    await rig.registry.refresh()
    await first.tend()
    await eventually(lambda: len(scene.peer.runs) == 2)
    lease = await scene.lease()

    assert scene.peer.ended == 1
    assert scene.peer.runs[-1][0].settings["host"] == "pbx.example"
    assert lease is not None
    assert lease.epoch == 1


async def test_what_it_remembers_itself_does_not_begin_it_anew(scene: Scene) -> None:
    hub = await taken(scene)
    await hub.pair(state={"cursor": 7})
    await scene.processes[0].tend()

    assert len(scene.peer.runs) == 1
    assert scene.rig.registry.link(scene.rig.account_id, scene.connection.id).link.state == {"cursor": 7}


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
    assert await hub.book.employees() == []


def reason_of(scene: Scene) -> str | None:
    found = scene.rig.registry.get(scene.connection.id)
    return None if found is None else found.row.status_reason


def test_link_lost_is_an_error_of_the_hub() -> None:
    assert issubclass(LinkLost, HubError)
    assert LinkLost.id == "link_lost"
