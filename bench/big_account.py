"""An account with millions of calls, built in bulk past the store, on either engine."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from switchhook.core.call import Call, Direction, Disposition, Leg, LegState, Phase
from switchhook.store import Store, open_store, postgres, sqlite_file
from switchhook.store.accounts import ensure_account
from switchhook.store.call_parties import EVERYBODY
from switchhook.store.call_rows import encode
from switchhook.store.tables.calls import calls
from switchhook.store.tables.parties import call_parties, call_party_days
from switchhook.store.times import DAY, from_millis

Rows = list[tuple[Any, ...]]

BATCH = 20_000
CALLS_PER_DAY = 2_000
USERS = 50
FIRST_MS = 1_700_006_400_000  # a midnight
STEP_MS = DAY // CALLS_PER_DAY

CALL_COLUMNS = (
    "id", "account_id", "connection_id", "call_id", "peer_key", "shared_id", "recording_token", "phase",
    "direction", "disposition", "reversed_digits", "did", "started_ms", "changed_ms", "events", "snapshot",
)  # fmt: skip
PARTY_COLUMNS = (
    "call_row", "kind", "party", "account_id", "started_ms", "numeric_id", "group_name", "group_kind",
)  # fmt: skip
BUILT = {calls: CALL_COLUMNS, call_parties: PARTY_COLUMNS}


@dataclass(frozen=True, kw_only=True)
class Built:
    """An account with so many calls in it."""

    store: Store
    account_id: int
    calls: int


def start_of(number: int) -> int:
    """Give when the call with this number started, in milliseconds since 1970."""
    return FIRST_MS + number * STEP_MS


def call_row(number: int) -> str:
    """Give the id of the call with this number: 12 hex digits of time, and 14 that are chance elsewhere."""
    return f"{start_of(number):012x}{number:014x}"


def extensions(number: int) -> list[str]:
    return [str(100 + (number * 7 + leg * 13) % USERS) for leg in range(1 + number % 3)]


@cache
def form(phones: int) -> str:
    """Encode a call that so many phones rang for, answered by the first, with blanks to be filled in."""
    started = from_millis(FIRST_MS)
    legs = tuple(
        Leg(
            extension=f"%(extension{phone})s",
            state=LegState.ENDED,
            ringing_at=started,
            answered_at=None if phone else started,
            ended_at=started,
            disposition=Disposition.CANCELLED if phone else Disposition.ANSWERED,
            talk_seconds=None if phone else 37,
            is_told=True,
        )
        for phone in range(phones)
    )
    call = Call(
        id="%(id)s",
        connection_id="bench",
        call_id="%(shared_id)s",
        shared_id="%(shared_id)s",
        recording_token="%(token)s",
        started_at=started,
        direction=Direction.INBOUND,
        number="%(number)s",
        did="74951234567",
        legs=legs,
        phase=Phase.FINAL,
        disposition=Disposition.ANSWERED,
        extension="%(extension0)s",
        ring_seconds=5,
        talk_seconds=37,
        answered_at=started,
        ended_at=started,
        last_heard_at=started,
    )
    return encode(call).decode().replace(encode(started).decode(), '"%(started)s"')


def batches(account_id: int, count: int) -> Iterator[dict[sa.Table, Rows]]:
    """Give the rows of so many calls, some thousands at a time."""
    for start in range(0, count, BATCH):
        made: Rows = []
        parties: Rows = []
        for number in range(start, min(start + BATCH, count)):
            row, started_ms, shared_id = call_row(number), start_of(number), f"{number}.0"
            phone, token, rung = f"7916{number // 2:07d}", f"token-{number:026}", extensions(number)
            snapshot = form(len(rung)) % {
                "id": row,
                "shared_id": shared_id,
                "token": token,
                "number": phone,
                "started": from_millis(started_ms).isoformat(),
                **{f"extension{leg}": extension for leg, extension in enumerate(rung)},
            }
            made.append(
                (
                    row, account_id, "bench", shared_id, f"bench/{shared_id}", shared_id, token, "final",
                    "inbound", "answered", phone[::-1], "74951234567", started_ms, started_ms, 3,
                    snapshot.encode(),
                )
            )  # fmt: skip
            group = ("Reception", "queue") if number % 3 == 0 else (None, None)
            who = [("user", extension) for extension in dict.fromkeys(rung)]
            who += [("queue", "reception")] if group[0] else []
            parties += [(row, kind, party, account_id, started_ms, None, *group) for kind, party in who]
        yield {calls: made, call_parties: parties}


def count_days(tx: sa.Connection) -> None:
    """Count the rows of the histories, as intake does row by row."""
    c = call_parties.c
    day = sa.literal_column(f"started_ms / {DAY}", sa.Integer)
    everybody: sa.ColumnElement[str] = sa.literal_column(f"'{EVERYBODY}'")
    for party in (c.party, everybody):
        counted = sa.select(c.account_id, c.kind, party, day, sa.literal_column("0"), sa.func.count())
        by = [c.party] if party is c.party else []
        names = [column.name for column in call_party_days.c]
        tx.execute(
            call_party_days.insert().from_select(names, counted.group_by(c.account_id, c.kind, day, *by))
        )


def drop_indexes(tx: sa.Connection) -> None:
    for table in BUILT:
        for index in table.indexes:
            index.drop(tx)


def make_indexes(tx: sa.Connection) -> None:
    for table in BUILT:
        for index in table.indexes:
            index.create(tx)


def build_in_sqlite(path: Path, account_id: int, count: int) -> None:
    """Fill the file past the store, in seconds a million; what stops half-way is built anew."""
    engine = sqlite_file.open_engine(path, is_writer=True)
    with engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        driver.execute("PRAGMA synchronous = OFF")
        driver.execute("PRAGMA cache_size = -262144")  # KiB
        with connection.begin():
            drop_indexes(connection)
        for batch in batches(account_id, count):
            with connection.begin():
                for table, rows in batch.items():
                    names = BUILT[table]
                    values = ", ".join("?" * len(names))
                    connection.exec_driver_sql(
                        f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({values})", rows
                    )
        with connection.begin():
            count_days(connection)
            make_indexes(connection)
        driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()


async def build_in_postgres(url: str, account_id: int, count: int) -> None:
    """The same by COPY, and cleaned up as autovacuum does in time."""
    engine = postgres.open_engine(url, size=1, is_writer=True)
    async with engine.connect() as connection:
        await connection.exec_driver_sql("SET statement_timeout = 0")
        await connection.run_sync(drop_indexes)
        await connection.commit()
        driver: Any = (await connection.get_raw_connection()).driver_connection
        for batch in batches(account_id, count):
            for table, rows in batch.items():
                await driver.copy_records_to_table(
                    table.name, records=rows, columns=BUILT[table], timeout=600
                )
        for verb in (count_days, make_indexes):
            await connection.run_sync(verb)
            await connection.commit()
        await driver.execute("VACUUM ANALYZE", timeout=600)
    await engine.dispose()


@asynccontextmanager
async def built_in_sqlite(count: int) -> AsyncIterator[Built]:
    with tempfile.TemporaryDirectory(prefix="switchhook-bench-") as folder:
        path = Path(folder) / "hub.db"
        store = await open_store(path)
        try:
            account = await store.write(ensure_account, at=datetime.now(UTC))
            await asyncio.to_thread(build_in_sqlite, path, account.id, count)
            yield Built(store=store, account_id=account.id, calls=count)
        finally:
            await store.close()


@asynccontextmanager
async def built_in_postgres(url: str, count: int) -> AsyncIterator[Built]:
    """Build in a database of its own beside the given one, and drop it afterwards."""
    name = f"switchhook_bench_{uuid4().hex[:12]}"
    beside = sa.make_url(url).set(database=name).render_as_string(hide_password=False)
    await outside_transactions(url, f"CREATE DATABASE {name}")
    try:
        store = await open_store(beside)
        try:
            account = await store.write(ensure_account, at=datetime.now(UTC))
            await build_in_postgres(beside, account.id, count)
            yield Built(store=store, account_id=account.id, calls=count)
        finally:
            await store.close()
    finally:
        await outside_transactions(url, f"DROP DATABASE {name} WITH (FORCE)")


async def outside_transactions(url: str, statement: str) -> None:
    engine = postgres.open_engine(url, size=1, is_writer=True)
    async with engine.connect() as connection:
        alone = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await alone.exec_driver_sql(statement)
    await engine.dispose()
