"""A connection is tried and told in words; what the hub paused goes on by itself once it is right."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from switchhook.core.connector import Finding, Hub, Link, Role, Side
from switchhook.core.errors import NotFound, PeerDown
from switchhook.flow.probe import Prober
from switchhook.store.accounts import ensure_account
from switchhook.store.connections import ConnectionStatus, set_status
from tests.fakes import START, FakeClock, eventually
from tests.flow.rig import Rig, open_rig, running

FINE, WRONG = Finding("key", True), Finding("key", False, "the peer refuses our key (401)")


@dataclass
class Peer:
    says: Sequence[Finding] | Exception
    tried: int = 0

    async def probe(self, link: Link, hub: Hub) -> Sequence[Finding]:
        self.tried += 1
        if isinstance(self.says, Exception):
            raise self.says
        return self.says

    def side(self) -> Side:
        return Side(role=Role.CRM, probe=self.probe)


@pytest.mark.parametrize(
    ("says", "findings"),
    [
        ([FINE, WRONG], [FINE, WRONG]),
        (
            PeerDown("crm.example refuses connections"),
            [Finding("probe", False, "crm.example refuses connections")],
        ),
        (KeyError("secret"), [Finding("probe", False, "the connector failed: KeyError")]),
    ],
)
async def test_whatever_goes_wrong_is_a_finding(
    tmp_path: Path, says: Sequence[Finding] | Exception, findings: Sequence[Finding]
) -> None:
    peer = Peer(says)
    async with open_rig(tmp_path, {"crm": [peer.side()]}) as rig:
        made = await rig.connect("crm", Role.CRM)
        prober = Prober(rig.store, rig.registry, rig.hubs.of)

        assert list(await prober.try_connection(rig.account_id, made.id)) == findings


async def test_a_protocol_with_nothing_to_try_says_so(tmp_path: Path) -> None:
    async with open_rig(tmp_path, {"crm": [Side(role=Role.CRM)]}) as rig:
        made = await rig.connect("crm", Role.CRM)
        (finding,) = await Prober(rig.store, rig.registry, rig.hubs.of).try_connection(
            rig.account_id, made.id
        )

        assert finding == Finding("probe", True, "this protocol has nothing to try")


async def test_the_connection_of_another_account_is_not_tried(tmp_path: Path) -> None:
    peer = Peer([FINE])
    async with open_rig(tmp_path, {"crm": [peer.side()]}) as rig:
        other = await rig.store.write(ensure_account, "other", at=START)
        made = await rig.connect("crm", Role.CRM, account_id=other.id)
        with pytest.raises(NotFound):
            await Prober(rig.store, rig.registry, rig.hubs.of).try_connection(rig.account_id, made.id)

        assert peer.tried == 0


async def test_what_the_hub_paused_is_tried_each_minute_and_resumed_when_right(tmp_path: Path) -> None:
    peer, clock = Peer([WRONG]), FakeClock()
    async with open_rig(tmp_path, {"crm": [peer.side()]}, clock=clock) as rig:
        made = await rig.connect("crm", Role.CRM)
        await pause(rig, made.id, reason="the peer refuses our key (401)")
        prober = Prober(rig.store, rig.registry, rig.hubs.of, clock=clock)
        async with running(prober.run()):
            await clock.pass_until(lambda: peer.tried == 2, step=10)
            still = rig.registry.link(rig.account_id, made.id)
            peer.says = [FINE]
            await clock.pass_until(lambda: not rig.registry.link(rig.account_id, made.id).is_paused, step=10)
        resumed = rig.registry.link(rig.account_id, made.id)

        assert (still.is_paused, still.row.status_reason) == (True, "the peer refuses our key (401)")
        assert (resumed.is_paused, resumed.row.status_reason) == (False, None)


async def test_what_a_person_paused_stays_paused(tmp_path: Path) -> None:
    peer = Peer([FINE])
    async with open_rig(tmp_path, {"crm": [peer.side()]}) as rig:
        made = await rig.connect("crm", Role.CRM)
        await pause(rig, made.id, reason=None)
        await Prober(rig.store, rig.registry, rig.hubs.of).resume_paused()

        assert peer.tried == 0
        assert rig.registry.link(rig.account_id, made.id).is_paused


async def test_what_a_person_pauses_while_it_is_tried_stays_paused(tmp_path: Path) -> None:
    peer, gate = Peer([FINE]), asyncio.Event()

    async def slow(link: Link, hub: Hub) -> Sequence[Finding]:
        findings = await peer.probe(link, hub)
        await gate.wait()
        return findings

    async with open_rig(tmp_path, {"crm": [Side(role=Role.CRM, probe=slow)]}) as rig:
        made = await rig.connect("crm", Role.CRM)
        await pause(rig, made.id, reason="the peer refuses our key (401)")
        resuming = asyncio.create_task(Prober(rig.store, rig.registry, rig.hubs.of).resume_paused())
        await eventually(lambda: peer.tried == 1)
        await pause(rig, made.id, reason=None)
        gate.set()
        await resuming

        assert rig.registry.link(rig.account_id, made.id).is_paused


async def pause(rig: Rig, connection_id: str, *, reason: str | None) -> None:
    await rig.store.write(set_status, rig.account_id, connection_id, ConnectionStatus.PAUSED, reason=reason)
    await rig.registry.refresh()
