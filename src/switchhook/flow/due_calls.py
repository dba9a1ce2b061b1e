"""Which calls the clock soon has something to say about, as far as this process has heard."""

import heapq

from switchhook.store.calls import DueCall

# More than these are left to the store.
MOST = 50_000


class DueCalls:
    """The nearest times first; of each call the newest one counts."""

    def __init__(self, *, most: int = MOST) -> None:
        self._most = most
        self._by_row: dict[str, DueCall] = {}
        self._heap: list[tuple[int, str]] = []

    def note(self, due: DueCall, *, before_ms: int) -> None:
        """A call is due then, and not when it was before; what is due later than `before_ms` is not kept."""
        if due.due_ms > before_ms or len(self._heap) >= self._most:
            self.forget(due.call_row)
            return
        self._by_row[due.call_row] = due
        heapq.heappush(self._heap, (due.due_ms, due.call_row))

    def forget(self, call_row: str) -> None:
        """The clock has nothing to say about this call for the time being."""
        self._by_row.pop(call_row, None)

    def first_ms(self) -> int | None:
        """Say when the first is due."""
        while self._heap and not self._is_current(*self._heap[0]):
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def take(self, now_ms: int, limit: int) -> list[DueCall]:
        """Give what is due by now, the earliest first, each once."""
        taken: list[DueCall] = []
        while len(taken) < limit and self._heap and self._heap[0][0] <= now_ms:
            due_ms, call_row = heapq.heappop(self._heap)
            if self._is_current(due_ms, call_row):
                taken.append(self._by_row.pop(call_row))
        return taken

    def _is_current(self, due_ms: int, call_row: str) -> bool:
        due = self._by_row.get(call_row)
        return due is not None and due.due_ms == due_ms
