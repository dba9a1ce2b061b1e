"""A hub that fetches recordings from one PBX, for tests."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from switchhook.core.call import Call, CallEvent, Direction, Disposition, Happening, Recording
from switchhook.core.connector import Role, Side
from switchhook.flow.configure import Configured
from switchhook.flow.media.fetch import Policy
from switchhook.flow.media.shelf import Shelf
from switchhook.flow.recordings import RecordingFetcher
from switchhook.store.recordings import KeptRecording, of_call
from tests.fakes import FakeClock
from tests.flow.rig import Rig, open_rig, running
from tests.net.peers import Behaviour, Exchange, Peer, listening

HOUR = 3600.0
PBX = {"pbx": [Side(role=Role.PBX)]}


@dataclass(kw_only=True)
class Archive:
    """A hub that fetches recordings from one PBX, in time turned by hand."""

    rig: Rig
    clock: FakeClock
    pbx: Configured
    fetcher: RecordingFetcher
    _call: Call | None = None

    async def hear(self, url: str, *, call_id: str = "1", is_temp: bool = False) -> None:
        ended = CallEvent(
            call_id=call_id,
            happening=Happening.ENDED,
            direction=Direction.INBOUND,
            extension="101",
            number="79161234567",
            talk_seconds=2,
            disposition=Disposition.ANSWERED,
        )
        recorded = CallEvent(
            call_id=call_id,
            happening=Happening.RECORDED,
            recording_url=url,
            recording_is_temp=is_temp,
        )
        await self.rig.hub(self.pbx).accept([ended, recorded])

    async def noted(self) -> KeptRecording:
        """Tell how far the hub is with the recording of call 1."""
        # Its recordings are found by what of a call never changes.
        self._call = self._call or (await self.rig.hub(self.pbx).history(["1"]))["1"]
        (noted,) = await self.rig.store.read(of_call, self.rig.account_id, self._call)
        return noted

    async def told(self, call_id: str = "1") -> Recording:
        return (await self.rig.hub(self.pbx).history([call_id]))[call_id].recordings[0]

    async def work(self, *, until: Callable[[KeptRecording], bool], step: float = 0.5) -> KeptRecording:
        """Let the hub work, and time pass, until the recording of call 1 is so."""
        async with running(self.fetcher.run()):
            return await self.watch(until=until, step=step)

    async def watch(self, *, until: Callable[[KeptRecording], bool], step: float = 0.5) -> KeptRecording:
        async with asyncio.timeout(30):
            while not until(noted := await self.noted()):
                self.clock.pass_time(step)
                await asyncio.sleep(0.004)
        return noted


def is_over(noted: KeptRecording) -> bool:
    return noted.is_told


@asynccontextmanager
async def open_archive(
    folder: Path, *, policy: Policy | None = None, settings: Mapping[str, str] | None = None
) -> AsyncIterator[Archive]:
    clock = FakeClock()
    async with open_rig(folder, PBX, clock=clock) as rig:
        pbx = await rig.connect("pbx", Role.PBX, settings=settings)
        shelf = Shelf(folder / "recordings")
        fetcher = RecordingFetcher(
            rig.store, rig.registry, rig.intake, shelf, policy=policy or Policy(), clock=clock
        )
        yield Archive(rig=rig, clock=clock, pbx=pbx, fetcher=fetcher)


def serves(*bodies: bytes | str) -> Behaviour:
    """Answer with these one after another, the last for ever; a text is a status."""
    waiting = list(bodies)

    async def behave(exchange: Exchange) -> None:
        said = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        if isinstance(said, str):
            await exchange.answer(status=said)
        else:
            await exchange.answer(said, headers=["Content-Type: text/html"])

    return behave


@asynccontextmanager
async def hub_and_pbx(
    folder: Path,
    behave: Behaviour,
    *,
    policy: Policy | None = None,
    settings: Mapping[str, str] | None = None,
) -> AsyncIterator[tuple[Archive, Peer]]:
    async with listening(behave) as peer, open_archive(folder, policy=policy, settings=settings) as archive:
        yield archive, peer
