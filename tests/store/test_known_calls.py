"""What the writing connection of SQLite knows of calls without asking is what stands in the file."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from switchhook.core.call import Call, Phase
from switchhook.store import call_rows, sqlite_file
from switchhook.store.call_rows import CallRow, by_ids, by_peer_keys, peer_key
from switchhook.store.known_calls import KnownCall, KnownCalls
from tests.store.kept_calls import ended
from tests.store.times import NOW


@dataclass(kw_only=True)
class File:
    """A file with one call in it, and two writers."""

    ours: sa.Connection
    theirs: sa.Connection
    reads: list[str]  # statements by which we looked for calls

    def change(self, writer: sa.Connection, changed: Callable[[CallRow], None]) -> None:
        with writer.begin():
            row = self.of(writer)
            changed(row)
            call_rows.write(writer, [row], now_ms=1)

    def of(self, writer: sa.Connection) -> CallRow:
        (row,) = by_ids(writer, ["a"])
        return row

    def known(self) -> CallRow:
        """Give the call as we see it, and say whether we had to look: then `reads` is not empty."""
        self.reads.clear()
        with self.ours.begin():
            return self.of(self.ours)


@pytest.fixture
def file(sqlite_template: Path, tmp_path: Path) -> Iterator[File]:
    path = Path(shutil.copy(sqlite_template, tmp_path / "hub.db"))
    engines = [sqlite_file.open_engine(path, is_writer=True) for _ in range(2)]
    with engines[0].connect() as ours, engines[1].connect() as theirs:
        reads: list[str] = []
        driver: Any = ours.connection.dbapi_connection
        driver.set_trace_callback(lambda sql: reads.append(sql) if "FROM calls" in sql else None)
        call = open_call("a")
        with ours.begin():
            row = CallRow(account_id=1, peer_key=peer_key(call.connection_id, call.call_id), call=call)
            call_rows.write(ours, [row], now_ms=1)
        yield File(ours=ours, theirs=theirs, reads=reads)


def open_call(call_row: str) -> Call:
    return msgspec.structs.replace(ended(call_row, "101"), phase=Phase.OPEN)


def named(name: str) -> Callable[[CallRow], None]:
    def change(row: CallRow) -> None:
        row.call = msgspec.structs.replace(row.call, contact_name=name)
        row.events += 1

    return change


def test_what_we_wrote_is_not_read_again(file: File) -> None:
    file.change(file.ours, named("Anna"))

    row = file.known()

    assert (row.call.contact_name, row.events, row.account_id) == ("Anna", 1, 1)
    assert file.reads == []


def test_it_is_known_by_the_peers_id_too(file: File) -> None:
    file.change(file.ours, named("Anna"))
    row = file.known()

    with file.ours.begin():
        assert [one.call for one in by_peer_keys(file.ours, [row.peer_key])] == [row.call]
    assert file.reads == []


def test_within_a_transaction_what_was_just_written_counts(file: File) -> None:
    with file.ours.begin():
        for name in ("Anna", "Boris"):
            row = file.of(file.ours)
            named(name)(row)
            call_rows.write(file.ours, [row], now_ms=1)
        assert file.of(file.ours).call.contact_name == "Boris"

    assert file.known().call.contact_name == "Boris"


def test_what_another_process_wrote_is_seen(file: File) -> None:
    file.change(file.ours, named("Anna"))
    file.change(file.theirs, named("Boris"))

    assert file.known().call.contact_name == "Boris"
    assert file.reads != []


def test_what_was_rolled_back_is_forgotten(file: File) -> None:
    file.change(file.ours, named("Anna"))

    with file.ours.begin() as transaction:
        row = file.of(file.ours)
        named("Boris")(row)
        call_rows.write(file.ours, [row], now_ms=1)
        transaction.rollback()

    assert file.known().call.contact_name == "Anna"


def test_a_commit_that_fails_is_forgotten(file: File) -> None:
    def change_that_fails(row: CallRow) -> None:
        named("Boris")(row)
        # A foreign key that is judged only at the commit.
        file.ours.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        file.ours.exec_driver_sql(
            "INSERT INTO employees (account_id, name, extension, availability, numbers)"
            " VALUES (999, 'a', '1', 'free', '[]')"
        )

    file.change(file.ours, named("Anna"))
    with pytest.raises(sa.exc.IntegrityError, match="FOREIGN KEY"):
        file.change(file.ours, change_that_fails)
    file.ours.connection.rollback()

    assert file.known().call.contact_name == "Anna"


def test_a_key_that_was_let_go_leads_nowhere(file: File) -> None:
    old = file.known().peer_key

    def rekey(row: CallRow) -> None:
        row.peer_key, row.is_rekeyed = f"{old}\na", True

    file.change(file.ours, rekey)

    with file.ours.begin():
        assert by_peer_keys(file.ours, [old]) == []
        assert [one.call.id for one in by_peer_keys(file.ours, [f"{old}\na"])] == ["a"]


def test_a_call_whose_record_is_final_is_read_when_it_is_asked_for(file: File) -> None:
    def end(row: CallRow) -> None:
        row.call = msgspec.structs.replace(row.call, phase=Phase.FINAL, ended_at=NOW)

    file.change(file.ours, end)

    assert file.known().call.phase is Phase.FINAL
    assert file.reads != []


def test_no_more_are_kept_than_there_is_room_for() -> None:
    known = KnownCalls(most=2)
    known.begun(1)
    for name in ("a", "b", "c"):
        known.wrote([KnownCall(1, f"c/{name}", open_call(name), None, 1)])
    known.committed()
    known.begun(1)

    assert [known.by_id(name) is not None for name in ("a", "b", "c")] == [False, True, True]
    assert known.by_peer_key("c/a") is None


def test_rows_given_out_are_nobodys_but_the_askers(file: File) -> None:
    file.change(file.ours, named("Anna"))
    mine = file.known()
    mine.events, mine.peer_key = 99, "other"

    assert file.known().events == 1
