"""What callers ask of the store, and how all that waits is done in one transaction.

Nothing here knows the engine: a group runs over any SQLAlchemy connection.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Concatenate, ParamSpec, TypeVar, cast

import sqlalchemy as sa
from msgspec import Struct

from switchhook.core.errors import StoreDown

P = ParamSpec("P")
T = TypeVar("T")
A = TypeVar("A")
R = TypeVar("R")

# Bounds how long a transaction grows, and with it how long the first in it waits.
LARGEST_GROUP = 1000
# Callers beyond this are told at once: by then they would wait longer than any peer does.
LONGEST_QUEUE = 20_000

BatchVerb = Callable[[sa.Connection, list[object]], Sequence[object]]


class Job(Struct, eq=False):
    """One caller's request: a verb of its own, or an item for a batch verb."""

    future: "asyncio.Future[object]"
    verb: Callable[[sa.Connection], object] | None = None
    batch: BatchVerb | None = None
    item: object = None
    is_last: bool = False
    value: object = None
    error: Exception | None = None


def job_of(
    future: "asyncio.Future[object]",
    verb: Callable[Concatenate[sa.Connection, P], object],
    *args: P.args,
    **kwargs: P.kwargs,
) -> Job:
    return Job(future, verb=lambda tx: verb(tx, *args, **kwargs))


def item_job(
    future: "asyncio.Future[object]",
    verb: Callable[[sa.Connection, list[A]], Sequence[R]],
    item: A,
    *,
    is_last: bool,
) -> Job:
    # Only items that were given for this verb ever reach it: see `run_together`.
    return Job(future, batch=cast(BatchVerb, verb), item=item, is_last=is_last)


def run_together(tx: sa.Connection, jobs: Sequence[Job]) -> None:
    """Do all the jobs in the transaction that is open, items of one batch verb in one call.

    Values are kept in the jobs, to be told once the transaction is committed. Raises what the
    first failing verb raised; then nothing of the group may be committed.
    """
    run_verbs(tx, jobs)
    run_items(tx, items_among(jobs))


def run_verbs(tx: sa.Connection, jobs: Iterable[Job]) -> None:
    """The part of `run_together` that is verbs of their own."""
    for job in jobs:
        if job.verb is not None:
            job.value, job.error = job.verb(tx), None


def items_among(jobs: Iterable[Job]) -> list[Job]:
    """Give those that are items of batch verbs, in the order they are to be done in."""
    items = [job for job in jobs if job.batch is not None]
    items.sort(key=lambda job: job.is_last)
    return items


def run_items(tx: sa.Connection, items: Iterable[Job]) -> None:
    """The part of `run_together` that is items of batch verbs."""
    batches: dict[BatchVerb, list[Job]] = {}
    for job in items:
        if job.batch is not None:
            batches.setdefault(job.batch, []).append(job)
    for batch, members in batches.items():
        values = batch(tx, [job.item for job in members])
        for job, value in zip(members, values, strict=True):
            job.value, job.error = (None, value) if isinstance(value, Exception) else (value, None)


def fail(jobs: Iterable[Job], down: StoreDown) -> None:
    """Note for every job that the store is down; each caller gets an error of their own to raise."""
    for job in jobs:
        job.error = StoreDown(down.reason)


def tell(jobs: Iterable[Job]) -> None:
    """Hand results to the callers that still wait; runs in the event loop."""
    for job in jobs:
        if job.future.done():  # the caller was cancelled
            continue
        if job.error is not None:
            job.future.set_exception(job.error)
        else:
            job.future.set_result(job.value)
