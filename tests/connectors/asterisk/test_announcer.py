"""Files of recordings on a real server: each is told of as soon as there is sound in it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from aiohttp import web

from switchhook.connectors.asterisk.link.clock import SystemClock
from switchhook.connectors.asterisk.link.follower import Follower
from switchhook.connectors.asterisk.link.recordings import LOOKS_AFTER_SECONDS, Announcer, Waiting
from switchhook.connectors.asterisk.listen.listener import Listener
from switchhook.connectors.asterisk.listen.plan import Plan
from switchhook.connectors.asterisk.listen.recording import Recording
from switchhook.connectors.asterisk.listen.sight import Monitored
from switchhook.connectors.asterisk.settings import read_settings
from switchhook.core.call import News
from switchhook.core.errors import LinkLost
from tests.core.story import START

from .channels import CALL, TALK, glimpse, gone
from .holding import MemoryHub, link_to, until

HEADER, SOUND = b"R" * 44, b"R" * 1644


@dataclass
class TurnedClock:
    """Time passes when nobody has anything else to do: whoever waits shortest goes on first."""

    seconds: float = 0.0
    waiting: list[tuple[float, asyncio.Event]] = field(default_factory=list)

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.Event()
        self.waiting.append((self.seconds + seconds, woken))
        await woken.wait()

    def turn(self) -> None:
        self.waiting.sort(key=lambda one: one[0])
        if self.waiting:
            self.seconds, woken = self.waiting.pop(0)
            woken.set()


@dataclass
class Files:
    """What the server has; `asked` are the looks at each file."""

    clock: TurnedClock
    there: dict[str, tuple[float, bytes]] = field(default_factory=dict)  # since when it is whole
    asked: list[tuple[str, float]] = field(default_factory=list)
    told: list[tuple[str, float]] = field(default_factory=list)  # url and when
    away_until: float = 0.0

    async def serve(self, request: web.Request) -> web.Response:
        self.asked.append((request.path, self.clock.seconds))
        if self.clock.seconds < self.away_until:
            return web.Response(status=503)
        since, content = self.there.get(request.path, (0.0, b""))
        if not content:
            return web.Response(status=404)
        return web.Response(body=content if self.clock.seconds >= since else HEADER)

    async def tell(self, news: Sequence[News]) -> None:
        for one in news:
            self.told.append((str(getattr(one, "recording_url", "")).rpartition("/")[2], self.clock.seconds))


@asynccontextmanager
async def announcing(
    files: Files, waiting: Waiting | None = None
) -> AsyncIterator[tuple[Announcer, "asyncio.Task[None]"]]:
    app = web.Application()
    app.router.add_get("/{name}", files.serve)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    offered = {
        "mode": "ami",
        "host": "pbx",
        "user": "hub",
        "password": "secret",
        "recordings_url": f"http://127.0.0.1:{runner.addresses[0][1]}",
        "recordings_folder": "/rec",
    }
    async with link_to(**offered) as link:
        announcer = Announcer(link.http, read_settings(link.settings), files.clock, waiting=waiting)
        task = asyncio.create_task(announcer.run(files.tell))
        try:
            yield announcer, task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await runner.cleanup()


def recording(name: str) -> Recording:
    return Recording(call_id=f"call of {name}", name=f"/rec/{name}", is_stored=False)


async def look(files: Files, looks: int) -> None:
    """Turn the clock until so many looks were made, and what follows from them has followed."""
    for count in range(len(files.asked) + 1, len(files.asked) + looks + 1):
        await until(lambda: bool(files.clock.waiting))
        files.clock.turn()
        await until(lambda count=count: len(files.asked) >= count)


async def test_a_file_is_told_of_when_there_is_sound_in_it() -> None:
    files = Files(TurnedClock())
    files.there["/short.wav"] = 3.0, SOUND
    async with announcing(files) as (announcer, _):
        announcer.found(recording("short.wav"))
        announcer.found(recording("short.wav"))
        await look(files, 4)
        await until(lambda: bool(files.told))

    assert files.told == [("short.wav", 4.0)]
    assert [seconds for _, seconds in files.asked] == [0.5, 1.0, 2.0, 4.0]


async def test_files_that_are_not_there_hold_up_no_other() -> None:
    """Only so many are looked at at once; those that wait for their next look are none of them."""
    files = Files(TurnedClock())
    files.there["/whole.wav"] = 0.0, SOUND
    async with announcing(files) as (announcer, _):
        for number in range(10):
            announcer.found(recording(f"missing-{number}.wav"))
        announcer.found(recording("whole.wav"))
        await look(files, 11)
        await until(lambda: bool(files.told))

    assert files.told == [("whole.wav", LOOKS_AFTER_SECONDS[0])]


async def test_a_file_that_a_busy_pbx_closes_late_is_told_of_while_its_call_waits_for_it() -> None:
    files = Files(TurnedClock())
    files.there["/late.wav"] = 13.0, SOUND
    async with announcing(files) as (announcer, _):
        announcer.found(recording("late.wav"))
        await look(files, 6)
        await until(lambda: bool(files.told))

    ((_, seconds),) = files.told
    assert 13.0 <= seconds < 15.0


async def test_a_file_of_a_header_is_given_up_in_the_end() -> None:
    files = Files(TurnedClock())
    files.there["/empty.wav"] = 1e9, SOUND
    async with announcing(files) as (announcer, _):
        announcer.found(recording("empty.wav"))
        await look(files, len(LOOKS_AFTER_SECONDS))
        announcer.found(recording("next.wav"))
        await look(files, 1)

    assert files.told == []
    assert [name for name, _ in files.asked] == ["/empty.wav"] * len(LOOKS_AFTER_SECONDS) + ["/next.wav"]


async def test_while_the_server_is_away_it_is_asked_for_a_day() -> None:
    files = Files(TurnedClock(), away_until=20 * 3600.0)
    files.there["/whole.wav"] = 0.0, SOUND
    async with announcing(files) as (announcer, _):
        announcer.found(recording("whole.wav"))
        await look(files, len(LOOKS_AFTER_SECONDS) + 21)
        await until(lambda: bool(files.told))

    ((_, seconds),) = files.told
    assert 20 * 3600 <= seconds < 21 * 3600


async def test_a_link_that_is_lost_ends_it() -> None:
    files = Files(TurnedClock())
    files.there["/whole.wav"] = 0.0, SOUND

    async def lost(news: Sequence[News]) -> None:
        raise LinkLost("another process holds the link")

    files.tell = lost  # type: ignore[method-assign]
    async with announcing(files) as (announcer, task):
        announcer.found(recording("whole.wav"))
        await look(files, 1)
        with pytest.raises(LinkLost):
            await asyncio.wait_for(task, 5)


async def test_what_was_not_told_when_the_link_was_lost_is_told_when_it_is_held_again() -> None:
    """The hub had no processor: it lost its link for a moment, and is told of no file twice."""
    files, waiting = Files(TurnedClock()), Waiting()
    files.there["/whole.wav"] = 0.0, SOUND
    files.there["/later.wav"] = 0.6, SOUND
    async with announcing(files, waiting) as (announcer, _):
        announcer.found(recording("whole.wav"))
        await look(files, 1)
        await until(lambda: bool(files.told))
        announcer.found(recording("later.wav"))
    files.clock.waiting.clear()
    async with announcing(files, waiting) as (announcer, _):
        announcer.found(recording("later.wav"))
        await look(files, 1)
        await until(lambda: len(files.told) == 2)

    assert [name for name, _ in files.told] == ["whole.wav", "later.wav"]
    assert waiting == {}


async def test_what_could_not_be_stored_stays_to_be_told() -> None:
    files, waiting = Files(TurnedClock()), Waiting()
    files.there["/whole.wav"] = 0.0, SOUND

    async def lost(news: Sequence[News]) -> None:
        raise LinkLost("another process holds the link")

    files.tell = lost  # type: ignore[method-assign]
    async with announcing(files, waiting) as (announcer, task):
        announcer.found(recording("whole.wav"))
        await look(files, 1)
        await asyncio.wait([task], timeout=5)

    assert list(waiting.values()) == [recording("whole.wav")]


async def test_a_file_is_known_even_if_the_end_of_its_call_cannot_be_stored() -> None:
    """The call is closed when the link is held again; its recording must not be lost with the end."""
    clock, hub, found = SystemClock(), MemoryHub(held=False), list[Recording]()
    follower = Follower(Listener(Plan()), hub, clock, found=found.append)
    monitored = Monitored(channel=glimpse("trunk"), file="/rec/1.wav")

    with pytest.raises(LinkLost):
        await follower.hear([(one, START) for one in (*TALK, monitored, gone("101"), gone("trunk"))])

    assert found == [Recording(call_id=CALL, name="/rec/1.wav", is_stored=False)]
