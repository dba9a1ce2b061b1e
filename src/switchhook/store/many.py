"""SQL for what every event or ringing call needs, without what SQLAlchemy does for each statement and row.

The statements are SQLAlchemy's and compiled by it, once per engine; only numbers, text and bytes may be
given and come back, which both drivers take as they are. SQLite's driver is asked itself; what it raises
comes out as SQLAlchemy would raise it.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

Value = int | float | str | bytes | None
Row = tuple[Value, ...]

# Under this name a connection of SQLite carries its driver's connection.
DRIVER = "driver"
_Changing = sa.Insert | sa.Update | sa.Delete
_Reorder = Callable[[Row], Row]

# Both engines take some 32,000 parameters in a statement.
MOST_KEYS = 4096


class Many:
    """A statement for many rows; each row gives every parameter, in the order of `names`."""

    def __init__(self, for_dialect: Callable[[str], _Changing], names: Sequence[str]) -> None:
        self._for_dialect = for_dialect
        self._names = list(names)
        self._compiled: dict[str, tuple[str, _Reorder]] = {}

    def run(self, tx: sa.Connection, rows: Sequence[Row]) -> None:
        if rows:
            sql, reorder = self._compiled.get(tx.dialect.name) or self._compile(tx)
            driver = _driver_of(tx)
            if driver is None:
                tx.exec_driver_sql(sql, list(map(reorder, rows)))
                return
            try:
                driver.executemany(sql, map(reorder, rows))
            except sqlite3.Error as error:
                raise _as_told(tx, sql, error) from error

    def _compile(self, tx: sa.Connection) -> tuple[str, _Reorder]:
        statement = self._for_dialect(tx.dialect.name)
        # An INSERT has no values of its own; an UPDATE names its parameters itself.
        columns = self._names if isinstance(statement, sa.Insert) else []
        compiled: Any = statement.compile(dialect=tx.dialect, column_keys=columns)
        reorder: _Reorder = itemgetter(*map(self._names.index, compiled.positiontup))
        self._compiled[tx.dialect.name] = str(compiled), reorder
        return str(compiled), reorder


class Find:
    """A SELECT of a few rows; `run` gives its parameters in the order of `names`."""

    def __init__(self, statement: sa.Select[*tuple[Any, ...]], *names: str) -> None:
        self._statement = statement
        self._names = names
        self._columns = tuple(str(column.key) for column in statement.selected_columns)
        self._compiled: dict[str, tuple[str, Callable[..., Row]]] = {}

    def run(self, tx: sa.Connection, *values: Value) -> list[dict[str, Any]]:
        """Give the rows, each by the names of its columns."""
        return [dict(zip(self._columns, row, strict=True)) for row in self.rows(tx, *values)]

    def rows(self, tx: sa.Connection, *values: Value) -> Sequence[Sequence[Any]]:
        """Give the rows as they are."""
        sql, arranged = self._compiled.get(tx.dialect.name) or self._compile(tx)
        driver = _driver_of(tx)
        if driver is None:
            return tx.exec_driver_sql(sql, arranged(values)).all()
        try:
            found: list[Row] = driver.execute(sql, arranged(values)).fetchall()
        except sqlite3.Error as error:
            raise _as_told(tx, sql, error) from error
        return found

    def _compile(self, tx: sa.Connection) -> tuple[str, Callable[..., Row]]:
        compiled: Any = self._statement.compile(dialect=tx.dialect)
        # Limits and the like are parameters, too, and always the same.
        constant = {name: value for name, value in compiled.params.items() if name not in self._names}

        def arranged(values: Row) -> Row:
            given = dict(zip(self._names, values, strict=True))
            return tuple(given[name] if name in given else constant[name] for name in order)

        order = tuple(compiled.positiontup)
        self._compiled[tx.dialect.name] = str(compiled), arranged
        return str(compiled), arranged


class ByKeys:
    """A SELECT of what has one of many keys.

    Its parameters are those named first, then a list `keys`.
    """

    def __init__(self, statement: sa.Select[Any], *first: str) -> None:
        self._statement = statement
        self._first = first
        self._compiled: dict[tuple[str, int], str] = {}

    def run(
        self, tx: sa.Connection, keys: Iterable[int] | Iterable[str], *first: Value
    ) -> Iterator[tuple[Any, ...]]:
        """Give the rows; of many keys in several statements."""
        driver = _driver_of(tx)
        ordered: list[Any] = sorted(set(keys))
        for start in range(0, len(ordered), MOST_KEYS):
            chunk = ordered[start : start + MOST_KEYS]
            # A few lengths only, so that each text is prepared once: the last key fills up.
            length = 1 << (len(chunk) - 1).bit_length()
            chunk += chunk[-1:] * (length - len(chunk))
            sql = self._compiled.get((tx.dialect.name, length)) or self._compile(tx, length)
            if driver is None:
                yield from map(tuple, tx.exec_driver_sql(sql, (*first, *chunk)))
                continue
            try:
                found = driver.execute(sql, (*first, *chunk)).fetchall()
            except sqlite3.Error as error:
                raise _as_told(tx, sql, error) from error
            yield from found

    def _compile(self, tx: sa.Connection, length: int) -> str:
        bound = self._statement.params(dict.fromkeys(self._first, 0), keys=[""] * length)
        compiled: Any = bound.compile(dialect=tx.dialect, compile_kwargs={"render_postcompile": True})
        assert tuple(compiled.positiontup[: len(self._first)]) == self._first
        self._compiled[tx.dialect.name, length] = str(compiled)
        return str(compiled)


def _driver_of(tx: sa.Connection) -> sqlite3.Connection | None:
    """Give the driver's own connection, where it is one that can be asked without SQLAlchemy."""
    found: sqlite3.Connection | None = tx.info.get(DRIVER)
    return found


def _as_told(tx: sa.Connection, sql: str, error: sqlite3.Error) -> sa.exc.DBAPIError:
    """Wrap an error as SQLAlchemy does, without the parameters: they are people's numbers and names."""
    wrapped = sa.exc.DBAPIError.instance(
        sql, None, error, sqlite3.Error, hide_parameters=True, dialect=tx.dialect
    )
    assert isinstance(wrapped, sa.exc.DBAPIError)
    return wrapped
