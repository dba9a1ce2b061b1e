"""Which rows were read lately, as they then were."""

from switchhook.connectors.voipcloud.wire.row import Row

# More than two hours of a busy PBX; each takes a few dozen bytes.
MOST = 20_000


class Seen:
    """Marks of the newest rows read; a row that says something else is another one."""

    def __init__(self) -> None:
        self._marks: dict[int, None] = {}

    def has(self, row: Row) -> bool:
        return _mark(row) in self._marks

    def add(self, row: Row) -> None:
        mark = _mark(row)
        self._marks.pop(mark, None)
        self._marks[mark] = None
        while len(self._marks) > MOST:
            del self._marks[next(iter(self._marks))]


def _mark(row: Row) -> int:
    return hash((row.kind, *row.as_sent.items()))
