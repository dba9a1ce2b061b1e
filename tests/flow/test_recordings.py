"""Each recording is fetched once, kept, and its call told; and a PBX that cannot deliver is asked again."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from switchhook.core.call import News
from switchhook.core.connector import Role
from switchhook.core.errors import StoreDown
from switchhook.flow.media.fetch import Failed, Failure, Policy, next_attempt
from switchhook.flow.media.shelf import Shelf
from switchhook.flow.recordings import RecordingFetcher, Teller
from switchhook.store import Store
from switchhook.store.connections import remove_connection
from switchhook.store.recordings import FetchState, next_due, of_call
from tests.fakes import START
from tests.flow.archive import HOUR, hub_and_pbx, is_over, serves
from tests.flow.rig import running
from tests.flow.sounds import claiming, encoded, wav
from tests.net.peers import Exchange, listening


@pytest.mark.parametrize(("name", "kind"), [("wav", "audio/wav"), ("mp3", "audio/mpeg")])
async def test_a_recording_is_fetched_kept_and_told(tmp_path: Path, name: str, kind: str) -> None:
    sound = wav() if name == "wav" else encoded(name)
    async with hub_and_pbx(tmp_path, serves(sound)) as (archive, peer):
        await archive.hear(f"{peer.url}/1?sig=a%2Fb")
        noted = await archive.work(until=is_over)
        told = await archive.told()

        assert (noted.state, noted.reason) == (FetchState.KEPT, None)
        assert (told.is_ready, told.is_kept, told.content_type) == (True, True, kind)
        assert told.size_bytes == len(sound)
        assert told.seconds == pytest.approx(2, abs=0.2)
        assert noted.file is not None
        assert (tmp_path / "recordings" / noted.file.key).read_bytes() == sound
        assert [head.split()[:2] for head in peer.heads] == [["GET", "/1?sig=a%2Fb"]]


async def test_the_pbx_is_given_some_seconds_to_finish_the_file(tmp_path: Path) -> None:
    async with hub_and_pbx(tmp_path, serves(wav())) as (archive, peer):
        begun = archive.clock.now()
        await archive.hear(f"{peer.url}/1")
        async with running(archive.fetcher.run()):
            await archive.watch(until=lambda noted: noted.state is FetchState.WAITING)
            while (archive.clock.now() - begun).total_seconds() < 2.5:
                archive.clock.pass_time(0.1)
                await asyncio.sleep(0.002)
            early = len(peer.heads)
            await archive.watch(until=is_over)

        assert (early, len(peer.heads)) == (0, 1)


async def test_a_file_that_is_not_there_yet_is_asked_for_again(tmp_path: Path) -> None:
    behave = serves("404 Not Found", b"<html>please wait</html>", b"", wav())
    async with hub_and_pbx(tmp_path, behave) as (archive, peer):
        await archive.hear(f"{peer.url}/1")
        noted = await archive.work(until=is_over, step=1)

        assert (noted.state, noted.attempts, len(peer.heads)) == (FetchState.KEPT, 4, 4)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"<html>log in</html>", "expected a recording, got a web page"),
        (b"PK\x03\x04" + bytes(100), "expected a recording, got a zip archive"),
        (b"#EXTM3U\nfile:///etc/passwd", "expected a recording, got a playlist"),
        (b"%PDF-1.7", "expected a recording, got a PDF"),
        (b"", "expected a recording, got an empty file"),
        ("403 Forbidden", "expected a recording, got status 403"),
    ],
)
async def test_what_is_no_recording_is_never_kept_and_the_peers_link_stays(
    tmp_path: Path, body: bytes | str, reason: str
) -> None:
    async with hub_and_pbx(tmp_path, serves(body)) as (archive, peer):
        await archive.hear(f"{peer.url}/1")
        noted = await archive.work(until=is_over, step=5)
        told = await archive.told()

        assert (noted.state, noted.reason, len(peer.heads)) == (FetchState.LINKED, reason, 4)
        assert (told.is_ready, told.is_kept, told.is_lost) == (True, False, False)
        assert not [path for path in (tmp_path / "recordings").rglob("*") if path.is_file()]


async def test_a_pbx_that_was_down_for_hours_is_asked_each_hour_until_it_is_back(tmp_path: Path) -> None:
    behave = serves(*["500 Internal Server Error"] * 6, wav())
    async with hub_and_pbx(tmp_path, behave) as (archive, peer):
        begun = archive.clock.now()
        await archive.hear(f"{peer.url}/1")
        noted = await archive.work(until=is_over, step=60)

        assert (noted.state, noted.attempts, len(peer.heads)) == (FetchState.KEPT, 7, 7)
        assert archive.clock.now() - begun > timedelta(hours=3)


async def test_after_a_while_a_pbx_that_is_down_keeps_its_recording(tmp_path: Path) -> None:
    policy = Policy(window_seconds=3 * HOUR)
    async with hub_and_pbx(tmp_path, serves("503 Service Unavailable"), policy=policy) as (archive, peer):
        await archive.hear(f"{peer.url}/1")
        noted = await archive.work(until=is_over, step=60)
        told = await archive.told()

        assert (noted.state, told.is_ready, told.is_kept) == (FetchState.LINKED, True, False)
        assert len(peer.heads) > 4


@pytest.mark.parametrize(
    ("kind", "attempts", "heard_ago", "is_temp", "waits"),
    [
        (Failure.EARLY, 1, 3, False, 10),
        (Failure.EARLY, 2, 13, False, 30),
        (Failure.EARLY, 3, 43, False, 120),
        (Failure.EARLY, 4, 163, False, None),
        (Failure.PASSING, 3, 43, False, 120),
        (Failure.PASSING, 4, 163, False, HOUR),
        (Failure.PASSING, 26, 22 * HOUR, False, HOUR),
        (Failure.PASSING, 27, 23 * HOUR + 1, False, None),
        (Failure.FINAL, 1, 3, False, None),
        (Failure.PASSING, 1, 1, True, 10),
        (Failure.PASSING, 2, 11, True, None),
        (Failure.EARLY, 2, 11, True, None),
    ],
)
def test_the_gaps_grow_and_only_a_pbx_that_is_down_is_waited_for(
    kind: Failure, attempts: int, heard_ago: float, is_temp: bool, waits: float | None
) -> None:
    heard_at = START - timedelta(seconds=heard_ago)
    again = next_attempt(
        Failed(kind, "why"), Policy(), attempts=attempts, is_temp=is_temp, heard_at=heard_at, now=START
    )

    assert again == (None if waits is None else START + timedelta(seconds=waits))


async def test_a_short_wav_is_fetched_again_until_it_is_whole(tmp_path: Path) -> None:
    async with hub_and_pbx(tmp_path, serves(wav()[:5000], wav())) as (archive, peer):
        await archive.hear(f"{peer.url}/1")
        noted = await archive.work(until=is_over, step=1)

        assert noted.file is not None
        assert (noted.file.size_bytes, len(peer.heads)) == (len(wav()), 2)


async def test_a_wav_that_stays_short_is_kept_in_the_end(tmp_path: Path) -> None:
    async with hub_and_pbx(tmp_path, serves(wav()[:16_044])) as (archive, peer):
        await archive.hear(f"{peer.url}/1")
        noted = await archive.work(until=is_over, step=5)

        assert noted.file is not None
        assert (noted.file.size_bytes, noted.file.seconds, len(peer.heads)) == (16_044, 1.0, 4)


async def test_a_header_that_claims_4_gb_is_not_believed(tmp_path: Path) -> None:
    async with hub_and_pbx(tmp_path, serves(claiming(0xFFFFFFF0))) as (archive, peer):
        await archive.hear(f"{peer.url}/1")
        noted = await archive.work(until=is_over)

        assert noted.file is not None
        assert (noted.file.seconds, noted.file.size_bytes) == (2.0, len(wav()))


async def test_what_is_over_the_cap_is_given_up_at_once(tmp_path: Path) -> None:
    policy = Policy(max_bytes=1000)
    async with hub_and_pbx(tmp_path, serves(wav()), policy=policy) as (archive, peer):
        await archive.hear(f"{peer.url}/1")
        noted = await archive.work(until=is_over)

        assert (noted.state, len(peer.heads)) == (FetchState.LINKED, 1)
        assert noted.reason is not None
        assert "1000 bytes" in noted.reason


async def test_a_forbidden_address_is_never_connected_to_and_the_reason_is_shown(tmp_path: Path) -> None:
    forbids = {"allow_private": "false"}
    async with hub_and_pbx(tmp_path, serves(wav()), settings=forbids) as (archive, peer):
        await archive.hear(f"{peer.url}/1")
        noted = await archive.work(until=is_over)

        assert (noted.state, peer.connections) == (FetchState.LINKED, 0)
        assert noted.reason is not None
        assert "expected port" in noted.reason


async def test_a_link_good_for_once_is_fetched_soon_and_once(tmp_path: Path) -> None:
    async with hub_and_pbx(tmp_path, serves(wav())) as (archive, peer):
        begun = archive.clock.now()
        await archive.hear(f"{peer.url}/1", is_temp=True)
        noted = await archive.work(until=is_over, step=0.1)

        assert (noted.state, [head.split()[0] for head in peer.heads]) == (FetchState.KEPT, ["GET"])
        assert noted.heard_at == begun


async def test_a_link_good_for_once_is_tried_again_when_no_byte_came(tmp_path: Path) -> None:
    async with hub_and_pbx(tmp_path, serves("502 Bad Gateway", wav())) as (archive, peer):
        await archive.hear(f"{peer.url}/1", is_temp=True)
        noted = await archive.work(until=is_over)

        assert (noted.state, len(peer.heads)) == (FetchState.KEPT, 2)


async def test_a_link_good_for_once_is_used_up_when_it_breaks_off(tmp_path: Path) -> None:
    async def breaks_off(exchange: Exchange) -> None:
        await exchange.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n" + wav()[:5000])
        exchange.writer.close()

    async with hub_and_pbx(tmp_path, breaks_off) as (archive, peer):
        await archive.hear(f"{peer.url}/1", is_temp=True)
        noted = await archive.work(until=is_over)
        told = await archive.told()

        assert (noted.state, len(peer.heads)) == (FetchState.LOST, 1)
        assert (told.is_kept, told.is_lost) == (False, True)


async def test_a_connection_set_to_links_fetches_nothing(tmp_path: Path) -> None:
    async with hub_and_pbx(tmp_path, serves(wav()), settings={"recordings": "link"}) as (archive, peer):
        await archive.hear(f"{peer.url}/1")
        noted = await archive.work(until=is_over, step=0)
        told = await archive.told()

        assert (noted.state, peer.connections) == (FetchState.LINKED, 0)
        assert (told.is_ready, told.is_kept) == (True, False)


async def test_the_recordings_of_a_removed_connection_stay_where_they_are(tmp_path: Path) -> None:
    async with hub_and_pbx(tmp_path, serves(wav())) as (archive, peer):
        await archive.hear(f"{peer.url}/1")
        (call,) = (await archive.rig.hub(archive.pbx).history(["1"])).values()
        await archive.rig.store.write(remove_connection, archive.rig.account_id, archive.pbx.id)
        await archive.rig.registry.refresh()
        async with running(archive.fetcher.run()), asyncio.timeout(20):
            while True:
                (noted,) = await archive.rig.store.read(of_call, archive.rig.account_id, call)
                if noted.is_told:
                    break
                await asyncio.sleep(0.01)

        assert (noted.state, noted.reason) == (FetchState.LINKED, "its connection was removed")
        assert peer.connections == 0


async def test_a_call_learns_of_its_recording_though_the_hub_died_in_between(tmp_path: Path) -> None:
    async with hub_and_pbx(tmp_path, serves(wav())) as (archive, peer):
        await archive.hear(f"{peer.url}/1")
        rig, shelf = archive.rig, Shelf(tmp_path / "recordings")
        dying = RecordingFetcher(rig.store, rig.registry, Forgetful(rig.intake), shelf, clock=archive.clock)
        async with running(dying.run()):
            await archive.watch(until=lambda noted: noted.state is FetchState.KEPT)
        before = await archive.told()
        noted = await archive.work(until=is_over, step=5)
        after = await archive.told()

        assert (before.is_ready, after.is_ready) == (False, True)
        assert (noted.state, len(peer.heads)) == (FetchState.KEPT, 1)


async def test_a_fetch_broken_off_by_a_stop_goes_on_with_the_next_start(tmp_path: Path) -> None:
    hangs = asyncio.Event()

    async def hangs_once(exchange: Exchange) -> None:
        if not hangs.is_set():
            hangs.set()
            await asyncio.sleep(60)
        await exchange.answer(wav())

    async with hub_and_pbx(tmp_path, hangs_once) as (archive, peer):
        await archive.hear(f"{peer.url}/1")
        async with running(archive.fetcher.run()):
            await archive.watch(until=lambda noted: hangs.is_set())
        stopped_at = archive.clock.now()
        noted = await archive.work(until=is_over)

        assert noted.state is FetchState.KEPT
        assert (archive.clock.now() - stopped_at).total_seconds() < 60


async def test_a_slow_pbx_does_not_hold_up_the_recordings_of_another(tmp_path: Path) -> None:
    at_once = 0
    most_at_once = 0
    gate = asyncio.Event()

    async def slow(exchange: Exchange) -> None:
        nonlocal at_once, most_at_once
        at_once += 1
        most_at_once = max(most_at_once, at_once)
        await gate.wait()
        at_once -= 1
        await exchange.answer(wav())

    policy = Policy(at_once=4, at_once_per_connection=2)
    async with (
        listening(slow) as tired,
        hub_and_pbx(tmp_path, serves(wav()), policy=policy) as (archive, peer),
    ):
        quick = archive.pbx
        archive.pbx = await archive.rig.connect("pbx", Role.PBX)
        for number in range(6):
            await archive.hear(f"{tired.url}/{number}", call_id=f"slow {number}")
        archive.pbx = quick
        await archive.hear(f"{peer.url}/1")
        async with running(archive.fetcher.run()):
            noted = await archive.watch(until=is_over)
            gate.set()

        assert noted.state is FetchState.KEPT
        assert most_at_once <= 2


class SlowToSay:
    """A store in which something may happen before it has said what is due."""

    def __init__(self, store: Store, meanwhile: Callable[[], Awaitable[None]]) -> None:
        self._store, self._meanwhile = store, meanwhile

    async def read(self, job: Callable[..., Any], *words: Any) -> Any:
        said = await self._store.read(job, *words)
        if job is next_due:
            await self._meanwhile()
        return said

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


async def test_one_that_ends_makes_room_for_one(tmp_path: Path) -> None:
    asked: list[asyncio.Event] = []
    at_once = most_at_once = 0

    async def slow(exchange: Exchange) -> None:
        nonlocal at_once, most_at_once
        asked.append(asyncio.Event())
        at_once += 1
        most_at_once = max(most_at_once, at_once)
        await asked[-1].wait()
        at_once -= 1
        await exchange.answer(wav())

    policy = Policy(at_once=4, at_once_per_connection=2)
    async with hub_and_pbx(tmp_path, slow, policy=policy) as (archive, peer):

        async def one_ends() -> None:
            if len(asked) == 2 and not asked[0].is_set():
                asked[0].set()
                number = peer.heads[0].split()[1].removeprefix("/")
                is_kept = False
                while not is_kept:
                    await asyncio.sleep(0.05)
                    is_kept = (await archive.told(number)).is_kept

        for number in range(1, 7):
            await archive.hear(f"{peer.url}/{number}", call_id=str(number))
        rig, shelf = archive.rig, Shelf(tmp_path / "recordings")
        store = cast("Store", SlowToSay(rig.store, one_ends))
        fetcher = RecordingFetcher(store, rig.registry, rig.intake, shelf, policy=policy, clock=archive.clock)
        async with running(fetcher.run()), asyncio.timeout(20):
            while len(asked) < 3:
                archive.clock.pass_time(0.5)
                await asyncio.sleep(0.004)
            await asyncio.sleep(0.1)

    assert most_at_once == 2


class Forgetful:
    """An intake that is down when it should be told of recordings."""

    def __init__(self, intake: Teller) -> None:
        self._intake = intake

    async def tell(self, account_id: int, call_row: str, news: Sequence[News]) -> object:
        raise StoreDown("the disk is full")
