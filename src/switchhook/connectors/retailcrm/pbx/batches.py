"""Uploads that wait for each other: one request for many calls, one outcome each."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from switchhook.connectors.retailcrm.wire.json_text import Json
from switchhook.connectors.retailcrm.wire.upload import MAX_CALLS
from switchhook.core.outcome import GiveUp, Outcome, TryAgain

Row = dict[str, Json]
# Gives one outcome for each row, in their order.
Upload = Callable[[Sequence[Row]], Awaitable[Sequence[Outcome]]]


@dataclass
class Batch:
    rows: list[tuple[Row, asyncio.Future[Outcome]]] = field(default_factory=list)
    is_full: asyncio.Event = field(default_factory=asyncio.Event)
    sent_together: int = 0


class Batches:
    """Open batches by connection. Rows live in their deliveries until these are done, so none is lost."""

    def __init__(self) -> None:
        self._open: dict[str, Batch] = {}

    async def send(self, connection_id: str, row: Row, *, after_seconds: float, upload: Upload) -> Outcome:
        """Put a row into the connection's open batch and give its own outcome.

        The first of a batch waits for the others and sends for all: after `after_seconds`, or at
        once when 50 are there.
        """
        batch = self._open.get(connection_id)
        is_first = batch is None
        if batch is None:
            batch = self._open[connection_id] = Batch()
        mine: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        batch.rows.append((row, mine))
        if len(batch.rows) >= MAX_CALLS:
            self._close(connection_id, batch)
            batch.is_full.set()
        if is_first:
            await self._lead(connection_id, batch, after_seconds, upload)
        try:
            outcome = await mine
        except asyncio.CancelledError:
            batch.rows = [each for each in batch.rows if each[1] is not mine]
            raise
        # Refused as a whole: alone, so that one bad call spoils no other. Each delivery sends its
        # own, since one that sent fifty in a row would run out of time.
        is_refused_batch = isinstance(outcome, GiveUp) and batch.sent_together > 1
        return (await upload([row]))[0] if is_refused_batch else outcome

    async def _lead(self, connection_id: str, batch: Batch, after_seconds: float, upload: Upload) -> None:
        try:
            try:
                async with asyncio.timeout(after_seconds):
                    await batch.is_full.wait()
            except TimeoutError:
                pass
            self._close(connection_id, batch)
            rows = sorted(batch.rows, key=lambda each: str(each[0].get("date")))  # oldest first
            batch.sent_together = len(rows)
            outcomes = await upload([row for row, _ in rows])
            for (_, waiting), outcome in zip(rows, outcomes, strict=True):
                if not waiting.done():
                    waiting.set_result(outcome)
        finally:
            # Stopped or failed on the way: whoever still waits tries again with another batch.
            self._close(connection_id, batch)
            for _, waiting in batch.rows:
                if not waiting.done():
                    waiting.set_result(TryAgain("the common upload was interrupted"))

    def _close(self, connection_id: str, batch: Batch) -> None:
        if self._open.get(connection_id) is batch:
            del self._open[connection_id]
