"""What came over the socket and waits to be folded: bounded, taken out in batches."""

import asyncio
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")

MOST_ITEMS = 10_000
MOST_BYTES = 16 * 1024 * 1024
LARGEST_BATCH = 500


class Inbox(Generic[T]):
    """One task puts, one takes. When it is full the putter waits, and so the peer's socket does."""

    def __init__(self, *, most_items: int = MOST_ITEMS, most_bytes: int = MOST_BYTES) -> None:
        self._most_items = most_items
        self._most_bytes = most_bytes
        self._items: deque[tuple[T, int]] = deque()
        self._bytes = 0
        self._has_items = asyncio.Event()
        self._has_room = asyncio.Event()

    async def put(self, item: T, size_bytes: int) -> None:
        """Put something in, as soon as there is room; one that is larger than all room goes in alone."""
        while self._items and self._is_full(size_bytes):
            self._has_room.clear()
            await self._has_room.wait()
        self._items.append((item, size_bytes))
        self._bytes += size_bytes
        self._has_items.set()

    async def take(self) -> list[T]:
        """Wait for something; give what is there, oldest first, at most `LARGEST_BATCH`."""
        await self._has_items.wait()
        batch: list[T] = []
        while self._items and len(batch) < LARGEST_BATCH:
            item, size_bytes = self._items.popleft()
            self._bytes -= size_bytes
            batch.append(item)
        if not self._items:
            self._has_items.clear()
        self._has_room.set()
        return batch

    def _is_full(self, size_bytes: int) -> bool:
        return len(self._items) >= self._most_items or self._bytes + size_bytes > self._most_bytes
