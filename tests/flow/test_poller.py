"""Reading from peers that have to be asked: as often as they say, and soon again after a failure."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest

from switchhook.core.connector import Field, Hub, Link, Role, Side
from switchhook.core.errors import Misconfigured, PeerDown, TooMany
from switchhook.flow.configure import Configured, change_connection
from switchhook.flow.poller import Poller
from switchhook.store.connections import ConnectionStatus, set_status
from tests.fakes import FakeClock, eventually
from tests.flow.rig import Rig, open_rig, running


@dataclass
class Peer:
    """A PBX that has to be asked, every minute unless told otherwise."""

    clock: FakeClock
    says: Exception | None = None
    every: float | None = 60
    gate: asyncio.Event | None = None
    polled: list[tuple[datetime, str]] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0

    async def poll(self, link: Link, hub: Hub) -> float | None:
        self.polled.append((self.clock.now(), link.settings["url"]))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if self.gate is not None:
                await self.gate.wait()
            if self.says is not None:
                raise self.says
            await hub.pair(state={"count": len(self.polled)})
            return self.every
        finally:
            self.at_once -= 1

    def side(self) -> Side:
        fields = (Field(name="url", label="Address", default="first"),)
        return Side(role=Role.PBX, fields=fields, poll=self.poll)

    @property
    def waits(self) -> list[float]:
        times = [at for at, _ in self.polled]
        return [(b - a).total_seconds() for a, b in pairwise(times)]


@asynccontextmanager
async def open_poller(folder: Path, peer: Peer) -> AsyncIterator[tuple[Rig, Configured, Poller]]:
    async with open_rig(folder, {"pbx": [peer.side()]}, clock=peer.clock) as rig:
        made = await rig.connect("pbx", Role.PBX)
        yield rig, made, Poller(rig.store, rig.registry, rig.hubs.of, clock=peer.clock)


def reason_of(rig: Rig, made: Configured) -> str | None:
    return rig.registry.link(rig.account_id, made.id).row.status_reason


async def test_a_peer_is_read_at_once_and_then_as_often_as_it_says(tmp_path: Path) -> None:
    peer = Peer(FakeClock())
    async with open_poller(tmp_path, peer) as (rig, made, poller), running(poller.run()):
        await peer.clock.pass_until(lambda: len(peer.polled) == 4, step=5)

        assert all(60 <= wait <= 75 for wait in peer.waits)
        assert rig.registry.link(rig.account_id, made.id).link.state["count"] >= 3


async def test_one_that_wants_no_more_is_left_alone_until_its_settings_change(tmp_path: Path) -> None:
    peer = Peer(FakeClock(), every=None)
    async with open_poller(tmp_path, peer) as (rig, made, poller), running(poller.run()):
        for _ in range(40):
            peer.clock.pass_time(600)
            await asyncio.sleep(0.002)
        before = len(peer.polled)
        await change_connection(
            rig.store, rig.box, rig.connectors, rig.account_id, made.id, {"url": "second"}
        )
        await rig.registry.refresh()
        await peer.clock.pass_until(lambda: len(peer.polled) == 2)

        assert before == 1
        assert peer.polled[-1][1] == "second"


async def test_after_failures_it_is_read_again_within_minutes_and_the_reason_is_shown(tmp_path: Path) -> None:
    peer = Peer(FakeClock(), says=PeerDown("pbx.example refuses connections"))
    async with open_poller(tmp_path, peer) as (rig, made, poller), running(poller.run()):
        await peer.clock.pass_until(lambda: len(peer.polled) == 9, step=10)
        while_failing = reason_of(rig, made)
        peer.says = None
        await peer.clock.pass_until(lambda: reason_of(rig, made) is None, step=5)

        assert while_failing == "pbx.example refuses connections"
        assert peer.waits[0] >= 15
        assert max(peer.waits) <= 330
        assert rig.registry.link(rig.account_id, made.id).row.status is ConnectionStatus.ACTIVE


async def test_whoever_asks_for_a_longer_wait_gets_it(tmp_path: Path) -> None:
    peer = Peer(FakeClock(), says=TooMany("later", retry_after_seconds=900))
    async with open_poller(tmp_path, peer) as (_, _, poller), running(poller.run()):
        await peer.clock.pass_until(lambda: len(peer.polled) == 3, step=20)

        assert all(900 <= wait <= 1000 for wait in peer.waits)


async def test_a_reading_that_takes_long_is_not_begun_again(tmp_path: Path) -> None:
    peer = Peer(FakeClock(), gate=asyncio.Event())
    async with open_poller(tmp_path, peer) as (_, _, poller), running(poller.run()):
        await eventually(lambda: bool(peer.polled))
        for _ in range(20):
            peer.clock.pass_time(60)
            await asyncio.sleep(0.002)
        assert peer.gate is not None
        peer.gate.set()
        await peer.clock.pass_until(lambda: len(peer.polled) == 3, step=5)

        assert peer.most_at_once == 1


@pytest.mark.parametrize("says", [Misconfigured("no url"), ZeroDivisionError()])
async def test_a_connector_that_fails_stops_no_other(tmp_path: Path, says: Exception) -> None:
    clock = FakeClock()
    bad, good = Peer(clock, says=says), Peer(clock)
    async with open_rig(tmp_path, {"bad": [bad.side()], "good": [good.side()]}, clock=clock) as rig:
        await rig.connect("bad", Role.PBX)
        await rig.connect("good", Role.PBX)
        async with running(Poller(rig.store, rig.registry, rig.hubs.of, clock=clock).run()):
            await clock.pass_until(lambda: len(good.polled) > 2 and len(bad.polled) > 1, step=5)

    assert len(good.polled) > 2


async def test_a_paused_connection_is_not_read(tmp_path: Path) -> None:
    peer = Peer(FakeClock())
    async with open_poller(tmp_path, peer) as (rig, made, poller):
        await rig.store.write(set_status, rig.account_id, made.id, ConnectionStatus.PAUSED)
        await rig.registry.refresh()
        async with running(poller.run()):
            for _ in range(10):
                peer.clock.pass_time(100)
                await asyncio.sleep(0.002)
            while_paused = len(peer.polled)
            await rig.store.write(set_status, rig.account_id, made.id, ConnectionStatus.ACTIVE)
            await rig.registry.refresh()
            await peer.clock.pass_until(lambda: bool(peer.polled))

        assert while_paused == 0


async def test_what_is_under_way_ends_with_the_hub(tmp_path: Path) -> None:
    peer = Peer(FakeClock(), gate=asyncio.Event())
    async with open_poller(tmp_path, peer) as (_, _, poller):
        async with running(poller.run()):
            await eventually(lambda: bool(peer.polled))

        assert peer.at_once == 0
