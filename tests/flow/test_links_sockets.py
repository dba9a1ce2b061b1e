"""Sockets that the peer opens to us: the newest counts, and brings its process the link."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from switchhook.core.errors import LinkLost, PeerDown, Unsupported
from switchhook.store import Store
from switchhook.store.connections import ConnectionStatus, set_status
from tests.fakes import eventually
from tests.flow.linking import Process, Scene, open_scene
from tests.flow.rig import rings


class PlayedSocket:
    """A socket that only knows whether it was closed."""

    is_closed = False

    async def send(self, text: str) -> None:
        raise AssertionError("nothing is sent here")

    async def receive(self) -> str:
        assert self.is_closed, "nothing is said here"
        raise PeerDown("closed")

    async def close(self) -> None:
        self.is_closed = True


@pytest_asyncio.fixture(loop_scope="session")
async def scene(store: Store, tmp_path: Path) -> AsyncIterator[Scene]:
    async with open_scene(tmp_path, store) as opened:
        opened.peer.is_deaf = True
        yield opened


async def bring(scene: Scene, process: Process) -> PlayedSocket:
    socket = PlayedSocket()
    await process.links.hand_over(scene.rig.account_id, scene.connection.id, socket)
    return socket


async def test_a_socket_goes_to_the_holder(scene: Scene) -> None:
    first = scene.process()
    await first.tend()
    await eventually(lambda: bool(scene.peer.runs))
    waiting = asyncio.create_task(scene.peer.hub.next_socket())
    await asyncio.sleep(0)
    brought = await bring(scene, first)

    assert await asyncio.wait_for(waiting, 5) is brought
    assert not brought.is_closed


async def test_a_newer_socket_closes_the_older_and_each_is_given_once(scene: Scene) -> None:
    first = scene.process()
    await first.tend()
    await eventually(lambda: bool(scene.peer.runs))
    hub = scene.peer.hub
    one = await bring(scene, first)
    given = await hub.next_socket()
    two = await bring(scene, first)
    three = await bring(scene, first)
    last = await hub.next_socket()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(hub.next_socket(), 0.05)

    assert (given, last) == (one, three)
    assert (one.is_closed, two.is_closed, three.is_closed) == (True, True, False)


async def test_a_socket_brings_the_link_along(scene: Scene) -> None:
    """Another process holds the link, and its lease is not over."""
    first, second = scene.process(), scene.process()
    await first.tend()
    await eventually(lambda: bool(scene.peer.runs))
    old = scene.peer.hub
    brought = await bring(scene, second)
    await eventually(lambda: len(scene.peer.runs) == 2)
    new, lease = scene.peer.hub, await scene.lease()
    given = await new.next_socket()
    with pytest.raises(LinkLost):
        await old.accept([rings("old")])
    await new.accept([rings("new")])

    assert given is brought
    assert lease is not None
    assert (lease.epoch, lease.owner) == (2, second.links.owner)
    assert await scene.call_ids() == ["new"]


async def test_the_holder_before_lets_go_and_takes_nothing_back(scene: Scene) -> None:
    first, second = scene.process(), scene.process()
    await first.tend()
    await eventually(lambda: bool(scene.peer.runs))
    theirs = await bring(scene, first)
    ours = await bring(scene, second)
    await eventually(lambda: len(scene.peer.runs) == 2)
    scene.clock.pass_time(1)
    await first.tend()
    await eventually(lambda: scene.peer.ended == 1)
    for _ in range(5):
        scene.clock.pass_time(1)
        await second.tend()
        await first.tend()
    lease = await scene.lease()

    assert (theirs.is_closed, ours.is_closed) == (True, False)
    assert lease is not None
    assert (lease.epoch, len(scene.peer.runs)) == (2, 2)


async def test_sockets_that_come_together_end_with_one_run(scene: Scene) -> None:
    first = scene.process()
    brought = await asyncio.gather(*(bring(scene, first) for _ in range(5)))
    await eventually(lambda: bool(scene.peer.runs))
    given = await scene.peer.hub.next_socket()
    lease = await scene.lease()

    assert lease is not None
    assert lease.epoch == 1
    assert [one.is_closed for one in brought] == [True] * 4 + [False]
    assert given is brought[-1]


async def test_a_socket_ends_the_wait_after_a_failure(scene: Scene) -> None:
    scene.peer.failures = [PeerDown("no")]
    first = scene.process()
    await first.tend()
    await eventually(lambda: scene.peer.ended == 1)
    await asyncio.sleep(0.05)
    await bring(scene, first)
    await eventually(lambda: len(scene.peer.runs) == 2)  # and the clock stands still


async def test_what_was_given_out_is_closed_with_its_run(scene: Scene) -> None:
    first = scene.process()
    await first.tend()
    await eventually(lambda: bool(scene.peer.runs))
    await bring(scene, first)
    given = await scene.peer.hub.next_socket()
    waiting = await bring(scene, first)
    await first.links.end()

    assert isinstance(given, PlayedSocket)
    assert given.is_closed
    assert waiting.is_closed


async def test_a_paused_connection_takes_no_socket(scene: Scene) -> None:
    rig = scene.rig
    await rig.store.write(set_status, rig.account_id, scene.connection.id, ConnectionStatus.PAUSED)
    await rig.registry.refresh()
    with pytest.raises(Unsupported):
        await bring(scene, scene.process())

    assert await scene.lease() is None


async def test_a_hub_that_ends_takes_no_socket(scene: Scene) -> None:
    first = scene.process()
    await first.links.end()
    with pytest.raises(PeerDown, match="about to end"):
        await bring(scene, first)
