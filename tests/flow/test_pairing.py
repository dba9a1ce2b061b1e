"""Handshakes: at start, after a change, again after a failure; and none stops the hub."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest

from switchhook.core.connector import Field, Hub, Link, Role, Side
from switchhook.core.errors import Misconfigured, PeerDown
from switchhook.flow.configure import Configured, change_connection
from switchhook.flow.pairing import Pairing
from switchhook.store.connections import ConnectionStatus, set_status
from tests.fakes import FakeClock
from tests.flow.rig import Rig, open_rig, running


@dataclass
class Peer:
    """A PBX that registers itself when it is paired."""

    clock: FakeClock
    says: Exception | None = None
    every: int | None = None
    paired: list[tuple[datetime, str]] = field(default_factory=list)

    async def pair(self, link: Link, hub: Hub) -> None:
        self.paired.append((self.clock.now(), link.settings["url"]))
        if self.says is not None:
            raise self.says
        await hub.pair(state={"count": len(self.paired)})

    def side(self) -> Side:
        fields = (Field(name="url", label="Address", default="first"), Field(name="code", label="Code"))
        return Side(role=Role.PBX, fields=fields, pair=self.pair, pair_every_seconds=self.every)

    @property
    def waits(self) -> list[float]:
        times = [at for at, _ in self.paired]
        return [(b - a).total_seconds() for a, b in pairwise(times)]


@asynccontextmanager
async def open_pair(folder: Path, peer: Peer) -> AsyncIterator[tuple[Rig, Configured, Pairing]]:
    async with open_rig(folder, {"pbx": [peer.side()]}, clock=peer.clock) as rig:
        made = await rig.connect("pbx", Role.PBX)
        yield rig, made, Pairing(rig.store, rig.registry, rig.hubs.of, clock=peer.clock)


async def test_each_connection_is_paired_once_after_start_and_may_remember(tmp_path: Path) -> None:
    peer = Peer(FakeClock())
    async with open_pair(tmp_path, peer) as (rig, made, pairing), running(pairing.run()):
        await peer.clock.pass_until(lambda: bool(state(rig, made)))
        for _ in range(20):
            await pass_some(rig, peer.clock)

        assert [url for _, url in peer.paired] == ["first"]
        assert state(rig, made) == {"count": 1}


async def test_a_change_of_settings_pairs_again_at_once(tmp_path: Path) -> None:
    peer = Peer(FakeClock())
    async with open_pair(tmp_path, peer) as (rig, made, pairing), running(pairing.run()):
        await peer.clock.pass_until(lambda: bool(state(rig, made)))
        await change_connection(
            rig.store, rig.box, rig.connectors, rig.account_id, made.id, {"url": "second"}
        )
        await rig.registry.refresh()
        await peer.clock.pass_until(lambda: len(peer.paired) == 2)

        assert [url for _, url in peer.paired] == ["first", "second"]


async def test_a_protocol_may_want_it_again_from_time_to_time(tmp_path: Path) -> None:
    peer = Peer(FakeClock(), every=3600)
    async with open_pair(tmp_path, peer) as (_, _, pairing), running(pairing.run()):
        await peer.clock.pass_until(lambda: len(peer.paired) == 3, step=60)

        assert all(3600 <= wait <= 4200 for wait in peer.waits)


async def test_after_failures_the_gaps_grow_and_the_reason_is_shown_until_it_works(tmp_path: Path) -> None:
    peer = Peer(FakeClock(), says=PeerDown("pbx.example refuses connections"))
    async with open_pair(tmp_path, peer) as (rig, made, pairing), running(pairing.run()):
        await peer.clock.pass_until(lambda: len(peer.paired) == 5, step=5)
        failing = rig.registry.link(rig.account_id, made.id).row
        peer.says = None
        await peer.clock.pass_until(lambda: bool(state(rig, made)), step=10)
        await peer.clock.pass_until(
            lambda: rig.registry.link(rig.account_id, made.id).row.status_reason is None, step=1
        )

        assert (failing.status, failing.status_reason) == (
            ConnectionStatus.ACTIVE,
            "pbx.example refuses connections",
        )
        # At least: on a busy machine time passes here while the hub still writes down how it went.
        assert all(wait >= gap for wait, gap in zip(peer.waits, (5, 15, 60, 300), strict=False))


@pytest.mark.parametrize("says", [Misconfigured("no url"), ZeroDivisionError()])
async def test_a_connector_that_fails_stops_no_other(tmp_path: Path, says: Exception) -> None:
    clock = FakeClock()
    bad, good = Peer(clock, says=says), Peer(clock)
    async with open_rig(tmp_path, {"bad": [bad.side()], "good": [good.side()]}, clock=clock) as rig:
        await rig.connect("bad", Role.PBX)
        made = await rig.connect("good", Role.PBX)
        async with running(Pairing(rig.store, rig.registry, rig.hubs.of, clock=clock).run()):
            await clock.pass_until(lambda: bool(state(rig, made)) and len(bad.paired) > 1)

        assert state(rig, made) == {"count": 1}


async def test_a_paused_connection_is_not_paired_until_it_goes_on(tmp_path: Path) -> None:
    peer = Peer(FakeClock())
    async with open_pair(tmp_path, peer) as (rig, made, pairing):
        await rig.store.write(set_status, rig.account_id, made.id, ConnectionStatus.PAUSED)
        await rig.registry.refresh()
        async with running(pairing.run()):
            for _ in range(10):
                await pass_some(rig, peer.clock)
            while_paused = len(peer.paired)
            await rig.store.write(set_status, rig.account_id, made.id, ConnectionStatus.ACTIVE)
            await rig.registry.refresh()
            await peer.clock.pass_until(lambda: bool(peer.paired))

        assert while_paused == 0


async def test_a_connection_added_to_a_running_hub_is_paired(tmp_path: Path) -> None:
    peer = Peer(FakeClock())
    async with open_pair(tmp_path, peer) as (rig, _, pairing), running(pairing.run()):
        added = await rig.connect("pbx", Role.PBX)
        await peer.clock.pass_until(lambda: bool(state(rig, added)))

        assert len(peer.paired) == 2


def state(rig: Rig, made: Configured) -> dict[str, object]:
    return dict(rig.registry.link(rig.account_id, made.id).link.state)


async def pass_some(rig: Rig, clock: FakeClock) -> None:
    clock.pass_time(100)
    await rig.registry.refresh()
