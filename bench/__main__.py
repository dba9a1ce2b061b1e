"""Measure, print a table, write JSON: python -m bench [--quick] [--json FILE] [--postgres URL].

Without a URL a PostgreSQL server of its own is started, where its programs are installed.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvloop
from rich.console import Console
from rich.table import Table

from bench import asterisk, history, measures
from bench.measures import Figures
from tests.asterisk.installed import AsteriskMissing
from tests.servers.postgres import PostgresMissing, PostgresServer


@dataclass(frozen=True, kw_only=True)
class Goal:
    """One row: the figure, what it must not exceed (or fall below), and what is aimed for."""

    name: str
    figure: str
    unit: str
    must: float
    aim: float
    is_floor: bool = False


# Figures of the database that is given, if one is.
ON_POSTGRES = "postgres_"
# And of a PBX, where one is unpacked.
ON_ASTERISK = "asterisk_"

GOALS = (
    Goal(name="CPU per durable event", figure="cpu_ratio", unit="× bare", must=8, aim=4),
    Goal(
        name="durable events/s, 32 connections",
        figure="sync_ratio",
        unit="× fdatasync/s",
        must=1,
        aim=1.8,
        is_floor=True,
    ),
    Goal(name="lookup p50, busy hub", figure="lookup_p50_ms", unit="ms", must=10, aim=2),
    Goal(name="lookup p99, busy hub", figure="lookup_p99_ms", unit="ms", must=10, aim=10),
    Goal(name="event in → POST out p99", figure="event_to_post_p99_ms", unit="ms", must=25, aim=25),
    Goal(name="first start, new folder", figure="first_start_seconds", unit="s", must=2, aim=2),
    Goal(name="start", figure="start_seconds", unit="s", must=2, aim=2),
    Goal(name="memory at rest", figure="rest_memory_mib", unit="MiB", must=150, aim=120),
    *(
        Goal(
            name=f"history{where}, {what}, p50",
            figure=f"{prefix}history_{figure}_p50_ms",
            unit="ms",
            must=must,
            aim=must,
        )
        for where, prefix in (("", ""), (" on PostgreSQL", ON_POSTGRES))
        for what, figure, must in (
            ("first page", "first", 5),
            ("page by cursor, half-way", "keyset", 5),
            ("page by offset 10,000", "offset", 10),
        )
    ),
    Goal(
        name="INVITE → phone rings, looked up, p50",
        figure=f"{ON_ASTERISK}ring_p50_ms",
        unit="ms",
        must=60,
        aim=40,
    ),
    Goal(
        name="INVITE → phone rings, looked up, p95",
        figure=f"{ON_ASTERISK}ring_p95_ms",
        unit="ms",
        must=120,
        aim=80,
    ),
    Goal(
        name="the same by INVITE → StasisStart",
        figure=f"{ON_ASTERISK}ring_ratio",
        unit="×",
        must=10,
        aim=6,
    ),
    Goal(
        name="calls that rang nobody, or without name",
        figure=f"{ON_ASTERISK}ring_silent_or_nameless",
        unit="",
        must=0,
        aim=0,
    ),
    Goal(
        name="event at Asterisk → card, p95", figure=f"{ON_ASTERISK}card_p95_ms", unit="ms", must=100, aim=50
    ),
    Goal(
        name="calls/s routed and recorded, no failure",
        figure=f"{ON_ASTERISK}drive_calls_per_second",
        unit="/s",
        must=20,
        aim=40,
        is_floor=True,
    ),
    Goal(
        name="lost, twice or disordered, 20 calls/s",
        figure=f"{ON_ASTERISK}minute_faults",
        unit="",
        must=0,
        aim=0,
    ),
)


async def measure(*, quick: bool, postgres: str) -> Figures:
    scale = 0.1 if quick else 1.0
    figures: Figures = {}
    figures |= await measures.durable_events(calls=int(24_000 * scale))
    figures |= await measures.event_to_post(calls=int(150 * scale) + 25)
    figures |= await measures.start_and_rest()
    figures |= await measures.lookup(
        people=int(500_000 * scale), seconds=max(5.0, 20 * scale), events_per_second=1000
    )
    figures |= await history.in_sqlite(calls=int(2_000_000 * scale))
    if postgres:
        on_postgres = await measures.durable_events(calls=int(12_000 * scale), database_url=postgres)
        on_postgres |= await history.in_postgres(calls=int(2_000_000 * scale), database_url=postgres)
        figures |= {ON_POSTGRES + name: value for name, value in on_postgres.items()}
    return figures | await on_a_pbx(quick=quick)


async def on_a_pbx(*, quick: bool) -> Figures:
    """Measure with a real Asterisk; say what to do where there is none."""
    try:
        figures = await asterisk.measure(quick=quick)
    except AsteriskMissing as missing:
        print(f"{missing}: not measured", file=sys.stderr)
        return {}
    return {ON_ASTERISK + name: value for name, value in figures.items()}


def show(figures: Figures) -> bool:
    """Print the table; say whether every must was reached."""
    table = Table(title="Switchhook: figures of one run")
    for heading in ("what", "measured", "must", "aim", ""):
        table.add_column(heading, justify="right" if heading in ("measured", "must", "aim") else "left")
    is_fine = True
    for goal in GOALS:
        if goal.figure.startswith((ON_POSTGRES, ON_ASTERISK)) and goal.figure not in figures:
            continue
        value = figures[goal.figure]
        reached = value >= goal.must if goal.is_floor else value <= goal.must
        aimed = value >= goal.aim if goal.is_floor else value <= goal.aim
        is_fine = is_fine and reached
        sign = "≥" if goal.is_floor else "≤"
        table.add_row(
            goal.name,
            f"{value:.2f} {goal.unit}",
            f"{sign} {goal.must:g}",
            f"{sign} {goal.aim:g}",
            "aim reached" if aimed else ("ok" if reached else "MISSED"),
        )
    Console(width=100).print(table)
    print(f"a lookup's p99 on the bare server, same load: {figures['bare_lookup_p99_ms']:.2f} ms")
    return is_fine


@contextmanager
def given_or_own_postgres(url: str) -> Iterator[str]:
    """Give the URL of a database, or "" where there is none; our own keeps its promises to the disk."""
    if url:
        yield url
        return
    try:
        server = PostgresServer(durable=True)
    except PostgresMissing:
        print("PostgreSQL is not installed: not measured", file=sys.stderr)
        yield ""
        return
    with server:
        yield server.create_database("bench")


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the work, to see that it runs")
    parser.add_argument("--json", type=Path, default=Path("bench-figures.json"), help="where the figures go")
    parser.add_argument("--postgres", default="", help="also measure events and histories there")
    options = parser.parse_args()
    with (
        given_or_own_postgres(options.postgres) as postgres,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        figures = runner.run(measure(quick=options.quick, postgres=postgres))
    is_fine = show(figures)
    options.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 0 if is_fine else 1


if __name__ == "__main__":
    sys.exit(main())
