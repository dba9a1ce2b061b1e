"""Calls as the writing connection has just written them, so that the next event need not read them again.

Only for SQLite, where whoever writes holds the whole file: a connection that is told at the start of its
transaction that nobody else has written since knows what it wrote itself. It belongs to that connection
and goes with it.
"""

from collections.abc import Iterable

from msgspec import Struct

from switchhook.core.call import Call, Phase

# Calls that go on, of all accounts; some four kilobytes each. The one written longest ago goes first.
MOST = 4_000

# Asked at every event. See core/call.py on why these have names of their own.
_FINAL = Phase.FINAL


class KnownCall(Struct, frozen=True, gc=False):
    """A row of `calls` as intake needs it."""

    account_id: int
    peer_key: str
    call: Call
    report_key: str | None
    events: int


class KnownCalls:
    """What one connection knows. To be told of the beginning and the end of each of its transactions."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._version: int | None = None
        self._by_id: dict[str, KnownCall] = {}
        self._ids: dict[str, str] = {}  # by peer key
        self._written: dict[str, KnownCall] = {}  # in the transaction under way, by id
        self._written_ids: dict[str, str] = {}
        self._is_committed = False

    def begun(self, version: int) -> None:
        """A transaction holds the file; another version of it means that others have written meanwhile."""
        if version != self._version:
            self._version = version
            self._by_id.clear()
            self._ids.clear()
        elif self._is_committed:
            self._keep()
        self.undone()

    def committed(self) -> None:
        """The transaction has been committed."""
        self._is_committed = True

    def undone(self) -> None:
        """What was written in this transaction is not in the file, or is kept already."""
        self._is_committed = False
        self._written.clear()
        self._written_ids.clear()

    def wrote(self, calls: Iterable[KnownCall]) -> None:
        """Take what has been written in this transaction; of no call what it was before is used any more."""
        for known in calls:
            call_id = known.call.id
            self._drop(call_id)
            before = self._written.get(call_id)
            if before is not None:
                self._written_ids.pop(before.peer_key, None)
            self._written[call_id] = known
            self._written_ids[known.peer_key] = call_id

    def by_id(self, call_id: str) -> KnownCall | None:
        return self._written.get(call_id) or self._by_id.get(call_id)

    def by_peer_key(self, key: str) -> KnownCall | None:
        call_id = self._written_ids.get(key) or self._ids.get(key)
        return None if call_id is None else self.by_id(call_id)

    def _keep(self) -> None:
        for call_id, known in self._written.items():
            if known.call.phase is not _FINAL:
                self._by_id[call_id] = known
                self._ids[known.peer_key] = call_id
        while len(self._by_id) > self._most:
            self._drop(next(iter(self._by_id)))

    def _drop(self, call_id: str) -> None:
        known = self._by_id.pop(call_id, None)
        if known is not None:
            self._ids.pop(known.peer_key, None)
