"""What reads few of many rows is led to them by an index. SQLite has no statistics, so plans are certain."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from switchhook.core.api import HistoryKind, HistoryQuery
from switchhook.store import many, sqlite_file
from switchhook.store.call_parties import write_parties
from switchhook.store.calls import CallFilter, ChangeCursor, Cursor, changes_page, open_calls, page
from switchhook.store.dials import last_connection_of
from switchhook.store.history import history
from switchhook.store.link_orders import waiting_link_orders
from switchhook.store.open_calls import open_calls_of
from tests.store.kept_calls import ended, keep
from tests.store.times import NOW

BY_TIME = "ix_call_parties_account_id_kind_started_ms_call_row_party (account_id=? AND kind=? AND started_ms"
BY_NAME = "ix_call_parties_account_id_kind_party_started_ms_call_row (account_id=? AND kind=? AND party=?"
BY_NUMBER = "ix_call_parties_numeric_id (account_id=? AND numeric_id=? AND kind=?)"
OF_SECOND = "PRIMARY KEY (call_row>? AND call_row<?"
OF_CALL = "PRIMARY KEY (call_row=?"
DAYS = "PRIMARY KEY (account_id=? AND kind=? AND party=? AND day"
AFTER = Cursor(1, "a")
USERS = HistoryKind.USER

READS: dict[str, tuple[Callable[[sa.Connection], object], list[str]]] = {
    # With the page its total: of whole days, and of what is cut off at both ends of the time.
    "history": (lambda tx: history(tx, 1, HistoryQuery(kind=USERS)), [BY_TIME, DAYS, BY_TIME, BY_TIME]),
    "history of one": (
        lambda tx: history(tx, 1, HistoryQuery(kind=USERS, names=("101",))),
        [BY_NAME, DAYS, BY_NAME, BY_NAME],
    ),
    "history far down": (
        lambda tx: history(tx, 1, HistoryQuery(kind=USERS, offset=2_000)),
        [f"COVERING INDEX {BY_TIME}", OF_CALL, DAYS, BY_TIME, BY_TIME, DAYS],
    ),
    "history of two": (
        lambda tx: history(tx, 1, HistoryQuery(kind=USERS, names=("101", "102"))),
        [DAYS, BY_NAME],
    ),
    "history of hours": (
        lambda tx: history(
            tx, 1, HistoryQuery(kind=USERS, since=NOW - timedelta(hours=1), until=NOW + timedelta(hours=1))
        ),
        [BY_TIME, BY_TIME],
    ),
    "history of a call": (
        lambda tx: history(tx, 1, HistoryQuery(kind=USERS, call_id="1")),
        [BY_NUMBER, OF_SECOND],
    ),
    "last connection": (lambda tx: last_connection_of(tx, 1, "101", ["c-1"]), [BY_NAME]),
    "calls": (lambda tx: page(tx, 1, after=AFTER), ["ix_calls_account_id_started_ms_id"]),
    "of an employee": (lambda tx: page(tx, 1, CallFilter(employee="101"), after=AFTER), [BY_NAME]),
    "of a group": (lambda tx: page(tx, 1, CallFilter(group="a"), after=AFTER), [BY_NAME, BY_NAME]),
    "of both": (
        lambda tx: page(tx, 1, CallFilter(employee="101", group="a"), after=AFTER),
        [BY_NAME, OF_CALL],
    ),
    "of a line": (
        lambda tx: page(tx, 1, CallFilter(line="+74951234567"), after=AFTER),
        ["ix_calls_did (account_id=? AND did>?)"] * 2 + ["ix_calls_did (account_id=? AND did=?"],
    ),
    "recorded": (
        lambda tx: page(tx, 1, CallFilter(has_recording=True), after=AFTER),
        ["COVERING INDEX ix_calls_recorded"],
    ),
    "open": (lambda tx: open_calls(tx, 1), ["ix_calls_open"]),
    "open of a connection": (lambda tx: open_calls_of(tx, 1, "c-1"), ["ix_calls_open"]),
    "orders of links": (
        lambda tx: waiting_link_orders(tx, ["c-1"], now_ms=1),
        ["ix_link_orders_waiting (connection_id=?"],
    ),
    "of a number": (
        lambda tx: page(tx, 1, CallFilter(number="1234567", since=NOW, until=NOW), after=AFTER),
        ["ix_calls_account_id_reversed_digits_started_ms"],
    ),
    "changes": (
        lambda tx: changes_page(tx, 1, CallFilter(employee="101"), ChangeCursor(1)),
        ["ix_calls_account_id_changed_ms", OF_CALL],
    ),
    "parties": (lambda tx: write_parties(tx, 1, [ended("b", "101")]), [OF_CALL]),
}


@pytest.fixture
def tx(sqlite_template: Path, tmp_path: Path) -> Iterator[sa.Connection]:
    path = tmp_path / "hub.db"
    path.write_bytes(sqlite_template.read_bytes())
    with sqlite_file.open_engine(path, is_writer=True).begin() as connection:
        keep(connection, 1, [ended("a", "101", "102", group="a", did="74951234567")])
        yield connection


@pytest.mark.parametrize("what", READS)
def test_is_led_by_an_index(tx: sa.Connection, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(many, "_driver_of", lambda tx: None)  # past SQLAlchemy nothing is seen
    read, expected = READS[what]
    asked: list[tuple[str, Any]] = []
    sa.event.listen(tx, "before_cursor_execute", lambda *seen: asked.append((seen[2], seen[3])))
    read(tx)
    plans = [
        str(step[3])
        for statement, parameters in asked
        if statement.startswith(("SELECT", "WITH"))
        for step in tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
    ]
    # Each row of a page is looked up by its key, however it was found.
    looked_up = re.compile("calls USING INDEX sqlite_autoindex|employees|call_parties USING PRIMARY .*party=")
    led = [plan for plan in plans if "SEARCH" in plan and not looked_up.search(plan)]
    scanned = [plan for plan in plans if plan.startswith("SCAN") and "call" in plan]

    assert scanned == []
    assert len(led) == len(expected)
    assert [plan for plan, part in zip(led, expected, strict=True) if part not in plan] == []
