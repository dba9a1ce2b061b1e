"""The measurements; each gives its figures as a dict of numbers."""

import asyncio
import csv
import random
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from bench import load
from bench.calls import contacts, events
from bench.disk import syncs_per_second
from bench.process import SWITCHHOOK, Served, command, serving

Figures = dict[str, float]
ROUNDS = 12
# After its end a call waits three seconds for what comes late.
FINAL_SECONDS = 5.0
LOOKUPS_PER_SECOND = 100.0
# A POST that takes longer has been lost.
POST_SECONDS = 20.0


@dataclass(frozen=True, kw_only=True)
class Hub:
    """A hub under test with one PBX connection that speaks Planfix."""

    served: Served
    folder: Path
    api: str
    token: str


@asynccontextmanager
async def hub(
    *, database_url: str = "", crm_url: str = "", contacts_file: Path | None = None
) -> AsyncIterator[Hub]:
    """A hub on a throw-away folder."""
    environment = {"SWITCHHOOK_DATABASE_URL": database_url} if database_url else {}
    with tempfile.TemporaryDirectory(prefix="switchhook-bench-") as name:
        data = ("--data", name)
        if contacts_file is not None:
            await command("contact", "import", str(contacts_file), *data, **environment)
        async with serving((*SWITCHHOOK, "serve", "--port", "0", *data), **environment) as served:
            added = await command(
                "connection", "add", "planfix", "--role", "pbx", "--name", "Bench PBX", *data, **environment
            )
            if crm_url:
                await command(
                    *("connection", "add", "planfix", "--role", "crm", "--name", "Bench CRM", *data),
                    *(
                        "--set",
                        f"planfix_url={crm_url}",
                        "--set",
                        "planfix_token=bench",
                        "--set",
                        "allow_private=true",
                    ),
                    **environment,
                )
            # A running hub takes changes up within a second, and loads its pages a little after that.
            await asyncio.sleep(5)
            yield Hub(
                served=served,
                folder=Path(name),
                api=added["urls"]["api"],
                token=added["keys"]["planfix_token"],
            )


async def durable_events(*, calls: int, database_url: str = "") -> Figures:
    """Events that are committed before they are answered, at 32 connections, beside a bare server.

    In rounds that take turns, and the middle one of each figure, since machines are shared: processor
    time of the same work varies by half from one second to the next. A hub's round has all that its calls
    cost: they become final some seconds after their end, and what it takes at rest meanwhile is left out.
    """
    rounds: list[Figures] = []
    async with (
        serving((SWITCHHOOK[0], "-m", "bench.bare")) as bare,
        hub(database_url=database_url) as tested,
    ):
        bare_url = bare.url + "/tel/api"
        await load.run(bare_url, events(bare_url, "0" * 32, calls=1000))
        await load.run(tested.api, events(tested.api, tested.token, calls=300, first=10_000_000))
        await asyncio.sleep(FINAL_SECONDS)
        rest = await _cpu_at_rest(tested.served)
        for number in range(ROUNDS):
            first = number * calls
            _, bare_cpu_us = await _cpu(bare, bare_url, events(bare_url, "0" * 32, calls=calls, first=first))
            syncs = syncs_per_second(tested.folder)
            requests = events(tested.api, tested.token, calls=calls // ROUNDS, first=first)
            result, event_cpu_us = await _cpu(tested.served, tested.api, requests, rest=rest)
            rounds.append(
                {
                    "bare_cpu_us": bare_cpu_us,
                    "event_cpu_us": event_cpu_us,
                    "cpu_ratio": event_cpu_us / bare_cpu_us,
                    "events_per_second": result.per_second,
                    "event_p99_ms": result.percentile(0.99) * 1000,
                    "syncs_per_second": syncs,
                    "sync_ratio": result.per_second / syncs,
                    "events_refused": float(result.refused),
                }
            )
    return {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}


async def _cpu(
    served: Served, url: str, requests: Sequence[bytes], *, rest: float | None = None
) -> tuple[load.Result, float]:
    """Send the requests; give what came back, and microseconds of processor time an answer.

    With `rest`, the seconds of processor time that a second at rest takes, what follows later counts too.
    """
    before = served.cpu_seconds()
    result = await load.run(url, requests)
    after_seconds = 0.0
    if rest is not None:
        await asyncio.sleep(FINAL_SECONDS)
        after_seconds = rest * FINAL_SECONDS
    return result, (served.cpu_seconds() - before - after_seconds) / result.answered * 1e6


async def _cpu_at_rest(served: Served) -> float:
    """Give the seconds of processor time that a second at rest takes."""
    before = served.cpu_seconds()
    await asyncio.sleep(FINAL_SECONDS)
    return (served.cpu_seconds() - before) / FINAL_SECONDS


async def lookup(*, people: int, seconds: float, events_per_second: float) -> Figures:
    """Who is calling, from a big directory, while events pour in; and the same of the bare server.

    The bare server has nothing to look up: its slowest answers are what the machine itself takes.
    """
    chance = random.Random(7)
    phones = [f"+7916{index:07d}" for index in range(people)]
    with tempfile.NamedTemporaryFile("w", suffix=".csv", newline="", encoding="utf-8") as book:
        writer = csv.writer(book)
        writer.writerow(["name", "phone", "responsible"])
        writer.writerows(
            (f"Contact {index}", phone, str(100 + index % 50)) for index, phone in enumerate(phones)
        )
        book.flush()
        begun = time.perf_counter()
        async with hub(contacts_file=Path(book.name)) as tested:
            import_seconds = time.perf_counter() - begun
            asked_for = [chance.choice(phones) for _ in range(int(LOOKUPS_PER_SECOND * seconds))]
            async with serving((SWITCHHOOK[0], "-m", "bench.bare")) as bare:
                bare_answers = await _asked(bare.url + "/tel/api", "0" * 32, asked_for, events_per_second)
            answers = await _asked(tested.api, tested.token, asked_for, events_per_second)
    return {
        "bare_lookup_p99_ms": bare_answers.percentile(0.99) * 1000,
        "lookup_p50_ms": answers.percentile(0.50) * 1000,
        "lookup_p99_ms": answers.percentile(0.99) * 1000,
        "lookup_refused": float(answers.refused),
        "import_seconds": import_seconds,
    }


async def _asked(url: str, token: str, phones: list[str], events_per_second: float) -> load.Result:
    """Ask for the phones one after another while events pour in; give what came of the questions."""
    seconds = len(phones) / LOOKUPS_PER_SECOND
    answers, _ = await asyncio.gather(
        load.paced(url, contacts(url, token, phones), per_second=LOOKUPS_PER_SECOND),
        load.paced(
            url,
            events(url, token, calls=int(events_per_second * seconds / 3)),
            per_second=events_per_second,
        ),
    )
    return answers


class _Arrivals(asyncio.Protocol):
    """A CRM that tells when the first POST of each call that is waited for reached it."""

    def __init__(self, awaited: dict[bytes, asyncio.Future[float]]) -> None:
        self.awaited = awaited

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast("asyncio.Transport", transport)  # uvloop's does not inherit from it
        self.transport = transport
        self.buffer = b""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        if not found or len(body) < load._content_length(head):
            return
        self.buffer = b""
        for pair in body.split(b"&"):
            arrived = self.awaited.get(pair[7:]) if pair.startswith(b"callid=") else None
            if arrived is not None and not arrived.done():
                arrived.set_result(time.perf_counter())
        self.transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")


async def event_to_post(*, calls: int) -> Figures:
    """From the PBX's event to the POST at the CRM, one call at a time."""
    awaited: dict[bytes, asyncio.Future[float]] = {}
    loop = asyncio.get_running_loop()
    crm = await loop.create_server(lambda: _Arrivals(awaited), "127.0.0.1", 0)
    port = crm.sockets[0].getsockname()[1]
    waits = load.Result()
    async with hub(crm_url=f"http://127.0.0.1:{port}/tel/api") as tested:
        for index, request in enumerate(events(tested.api, tested.token, calls=calls)[:calls]):
            callid = request.split(b"callid=")[1].split(b"&")[0]
            arrived = awaited[callid] = loop.create_future()
            sent_at = time.perf_counter()
            await load.run(tested.api, [request], connections=1)
            arrived_at = await asyncio.wait_for(arrived, POST_SECONDS)
            if index >= 5:  # the first ones open connections
                waits.waits.append(arrived_at - sent_at)
            await asyncio.sleep(0.1)  # idle, and well below the pace that a destination is kept to
    crm.close()
    return {
        "event_to_post_p50_ms": waits.percentile(0.50) * 1000,
        "event_to_post_p99_ms": waits.percentile(0.99) * 1000,
    }


async def start_and_rest() -> Figures:
    """Start to accepting events, and memory a while after."""
    starts = []
    memory = 0
    for _ in range(3):
        async with hub() as tested:
            starts.append(tested.served.start_seconds)
            await asyncio.sleep(2)
            memory = max(memory, tested.served.memory_bytes())
    with tempfile.TemporaryDirectory(prefix="switchhook-bench-") as name:
        for _ in range(3):  # on a folder that is set up already
            async with serving((*SWITCHHOOK, "serve", "--port", "0", "--data", name)) as served:
                starts.append(served.start_seconds)
    return {
        "first_start_seconds": max(starts[:3]),
        "start_seconds": sorted(starts[4:])[0],
        "rest_memory_mib": memory / 1024 / 1024,
    }
