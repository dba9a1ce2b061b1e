"""Links held by one process at a time: taken, kept, lost, given back, and fenced."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from switchhook.core.connector import Field
from switchhook.core.directory import Availability
from switchhook.core.errors import LinkLost, PeerDown, StoreDown
from switchhook.core.link_hub import LinkHub
from switchhook.flow.configure import change_connection
from switchhook.store import Store
from switchhook.store.connections import ConnectionStatus, remove_connection, set_status
from tests.fakes import eventually
from tests.flow.linking import Scene, open_scene, reason_of, taken
from tests.flow.rig import rings, running


@pytest_asyncio.fixture(loop_scope="session")
async def scene(store: Store, tmp_path: Path) -> AsyncIterator[Scene]:
    async with open_scene(tmp_path, store, fields=(Field(name="host", label="Host"),)) as opened:
        yield opened


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


def all_that_is_fenced(hub: LinkHub) -> list[Awaitable[object]]:
    return [
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
    ]


async def test_whoever_wakes_up_too_late_is_told_so(scene: Scene) -> None:
    hub = await taken(scene)
    scene.clock.pass_time(3)
    await scene.process().tend()
    await eventually(lambda: len(scene.peer.runs) == 2)

    assert not hub.is_held()
    for refused in all_that_is_fenced(hub):
        with pytest.raises(LinkLost):
            await refused
    assert not await hub.still_held()
    assert await scene.call_ids() == []


async def test_while_the_store_is_down_nobody_is_sure_after_the_time_is_over(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = await taken(scene)

    async def down(*_: object, **__: object) -> None:
        raise StoreDown("the disk is full")

    monkeypatch.setattr(scene.processes[0].links._store, "write", down)
    assert await hub.still_held()
    scene.clock.pass_time(3)

    for refused in all_that_is_fenced(hub):
        with pytest.raises(LinkLost):
            await refused


async def test_whoever_was_starved_and_lost_nothing_goes_on(scene: Scene) -> None:
    """The time ran out and nobody took the link: to begin anew would tell calls that go on as ended."""
    hub = await taken(scene)
    scene.clock.pass_time(20)
    assert not hub.is_held()
    await hub.accept([rings("1")])
    lease = await scene.lease()

    assert hub.is_held()
    assert lease is not None
    assert (lease.epoch, len(scene.peer.runs)) == (1, 1)
    assert await scene.call_ids() == ["1"]

    await scene.process().tend()
    assert len(scene.peer.runs) == 1


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
        await eventually(lambda: bool(scene.peer.begun))
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
