"""The calls that one transaction of intake has in hand: found, begun, put back when news fail."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TypeGuard

from msgspec import Struct

from switchhook.core.call import Call, CallEvent, CallReport, News
from switchhook.flow.matching import STARTS_WITHIN, call_of_event, call_of_report
from switchhook.store import call_rows
from switchhook.store.call_rows import CallRow, Tx, peer_key, reversed_number
from switchhook.store.times import to_millis


class Arrival(Struct, frozen=True, kw_only=True, gc=False):
    """News of one connection that are taken together or not at all."""

    account_id: int
    connection_id: str
    news: tuple[News, ...]
    at: datetime
    call_row: str | None = None  # our id of the call they are about; else the news say it themselves
    fence: int | None = None  # the epoch of the link by which they came: lost meanwhile, they are not taken


class _Before(Struct):
    """A row as it was before the arrival in hand."""

    row: CallRow
    call: Call
    events: int
    peer_key: str
    report_key: str | None
    is_rekeyed: bool


class Desk:
    """Calls by every name they go by. What is changed here is written by `rows_to_write`."""

    def __init__(self, tx: Tx, arrivals: Sequence[Arrival]) -> None:
        self._tx = tx
        self._by_key: dict[str, CallRow] = {}
        self._by_report: dict[str, CallRow] = {}
        self._by_id: dict[str, CallRow] = {}
        self._company_of: dict[tuple[str, str], dict[str, CallRow]] = defaultdict(dict)
        self._taken: set[tuple[int, str]] = set()  # shared ids that are another call's
        self._changed: dict[str, CallRow] = {}
        self._before: dict[str, _Before] = {}
        self._born: list[CallRow] = []
        # Only then are calls looked for by number.
        self._is_loose = any(_is_loose(news) for arrival in arrivals for news in arrival.news)
        self._load(arrivals)

    def find(self, arrival: Arrival, news: News) -> CallRow | None:
        """Give the call that is meant, or None for a new one."""
        if arrival.call_row is not None:
            row = self._by_id.get(arrival.call_row)
            return row if row is not None and row.account_id == arrival.account_id else None
        if news.call_id:
            key = peer_key(arrival.connection_id, news.call_id)
            row = self._by_key.get(key) or self._by_report.get(key)
            if row is not None:
                return row
        match news:
            case CallEvent(call_id=""):
                call = call_of_event(news, self._company(arrival, news, news.number))
            case CallReport(may_match_loosely=True):
                call = call_of_report(news, self._company(arrival, news, news.number))
            case _:
                return None
        return None if call is None else self._by_id[call.id]

    def is_free(self, account_id: int, shared_id: str) -> bool:
        return (account_id, shared_id) not in self._taken

    def begin(self, account_id: int, call: Call) -> CallRow:
        row = CallRow(account_id=account_id, peer_key=peer_key(call.connection_id, call.call_id), call=call)
        self._taken.add((account_id, call.shared_id))
        self._born.append(row)
        self._put(row)
        self._changed[call.id] = row
        return row

    def change(self, row: CallRow, call: Call) -> None:
        """Put the call as it now is; one more entry of its ledger is used up."""
        self._remember(row)
        row.call = call
        row.events += 1
        self._changed[call.id] = row

    def retire(self, row: CallRow) -> None:
        """The peer uses the id of this call again: let it go by a key that nobody asks for."""
        self._remember(row)
        del self._by_key[row.peer_key]
        row.peer_key = f"{row.peer_key}\n{row.call.id}"
        row.is_rekeyed = True
        self._changed[row.call.id] = row

    def also_known_as(self, row: CallRow, call_id: str) -> None:
        """Its report came under another id: the same report again must find it."""
        self._remember(row)
        key = peer_key(row.call.connection_id, call_id)
        if row.report_key is None and key != row.peer_key:
            row.report_key = key
            row.is_rekeyed = True
            self._by_report[key] = row

    def keep(self) -> None:
        """The arrival in hand is good: what it changed stays."""
        self._before.clear()
        self._born.clear()

    def put_back(self) -> None:
        """Undo what the arrival in hand changed."""
        for row in self._born:
            self._forget(row)
            self._before.pop(row.call.id, None)
        for before in self._before.values():
            row = before.row
            if row.report_key is not None and row.report_key != before.report_key:
                self._by_report.pop(row.report_key, None)
            row.call, row.events, row.is_rekeyed = before.call, before.events, before.is_rekeyed
            row.peer_key, row.report_key = before.peer_key, before.report_key
            self._by_key[row.peer_key] = row
        self.keep()

    def rows_to_write(self) -> list[CallRow]:
        return list(self._changed.values())

    def _load(self, arrivals: Sequence[Arrival]) -> None:
        ids = [arrival.call_row for arrival in arrivals if arrival.call_row is not None]
        keys: dict[str, int] = {}  # to the account
        loose: list[tuple[Arrival, CallEvent | CallReport]] = []
        for arrival in arrivals:
            if arrival.call_row is not None:
                continue
            for news in arrival.news:
                if news.call_id:
                    keys[peer_key(arrival.connection_id, news.call_id)] = arrival.account_id
                if _is_loose(news):
                    loose.append((arrival, news))
        if ids:
            self._put_all(call_rows.by_ids(self._tx, ids))
        if keys:
            self._put_all(call_rows.by_peer_keys(self._tx, keys))
        if loose:
            self._load_loose(loose)
        self._load_taken({key: account for key, account in keys.items() if key not in self._by_key})

    def _load_loose(self, loose: Iterable[tuple[Arrival, CallEvent | CallReport]]) -> None:
        keys = {peer_key(a.connection_id, news.call_id) for a, news in loose if news.call_id}
        self._put_all(call_rows.by_report_keys(self._tx, keys - self._by_key.keys()))
        for arrival, news in loose:
            key = peer_key(arrival.connection_id, news.call_id)
            if news.call_id and (key in self._by_key or key in self._by_report):
                continue
            began = news.started_at if isinstance(news, CallReport) else arrival.at
            self._put_all(
                call_rows.alike(
                    self._tx,
                    arrival.account_id,
                    arrival.connection_id,
                    reversed_number(news.number),
                    since_ms=to_millis(began - STARTS_WITHIN),
                    until_ms=to_millis(began + STARTS_WITHIN),
                )
            )

    def _load_taken(self, unknown: dict[str, int]) -> None:
        by_account: dict[int, list[str]] = defaultdict(list)
        for key, account_id in unknown.items():
            by_account[account_id].append(key.partition("/")[2])
        for account_id, shared_ids in by_account.items():
            taken = call_rows.taken_shared_ids(self._tx, account_id, shared_ids)
            self._taken.update((account_id, shared_id) for shared_id in taken)

    def _company(self, arrival: Arrival, news: News, number: str) -> list[Call]:
        rows = self._company_of[arrival.connection_id, reversed_number(number)].values()
        return [row.call for row in rows if row.account_id == arrival.account_id]

    def _put_all(self, rows: Iterable[CallRow]) -> None:
        for row in rows:
            if row.call.id not in self._by_id:
                self._put(row)

    def _put(self, row: CallRow) -> None:
        self._by_id[row.call.id] = row
        self._by_key[row.peer_key] = row
        if row.report_key is not None:
            self._by_report[row.report_key] = row
        self._taken.add((row.account_id, row.call.shared_id))
        if self._is_loose:
            self._company_of[row.call.connection_id, reversed_number(row.call.number)][row.call.id] = row

    def _forget(self, row: CallRow) -> None:
        del self._by_id[row.call.id]
        self._by_key.pop(row.peer_key, None)
        self._changed.pop(row.call.id, None)
        self._taken.discard((row.account_id, row.call.shared_id))
        if self._is_loose:
            # A number that was told later does not move it: then nothing is found here, and nothing lost.
            self._company_of[row.call.connection_id, reversed_number(row.call.number)].pop(row.call.id, None)

    def _remember(self, row: CallRow) -> None:
        if row.call.id not in self._before:
            self._before[row.call.id] = _Before(
                row, row.call, row.events, row.peer_key, row.report_key, row.is_rekeyed
            )


def _is_loose(news: News) -> TypeGuard[CallEvent | CallReport]:
    if isinstance(news, CallReport):
        return news.may_match_loosely
    return isinstance(news, CallEvent) and not news.call_id
