"""Many rows by one statement, without paying for each row what SQLAlchemy does to parameters.

The statement is SQLAlchemy's and compiled by it, once per engine; only whole numbers, text and
bytes may be given, which both drivers take as they are.
"""

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter

import sqlalchemy as sa

Value = int | str | bytes | None


class Many:
    """A statement for many rows; each row names every parameter."""

    def __init__(self, for_dialect: Callable[[str], sa.Executable], names: Sequence[str]) -> None:
        """`names` are those that an INSERT without values of its own takes."""
        self._for_dialect = for_dialect
        self._names = list(names)
        self._compiled: dict[str, tuple[str, Callable[[Mapping[str, Value]], tuple[Value, ...]]]] = {}

    def run(self, tx: sa.Connection, rows: Sequence[Mapping[str, Value]]) -> None:
        if rows:
            sql, in_order = self._compiled.get(tx.dialect.name) or self._compile(tx)
            tx.exec_driver_sql(sql, [in_order(row) for row in rows])

    def _compile(self, tx: sa.Connection) -> tuple[str, Callable[[Mapping[str, Value]], tuple[Value, ...]]]:
        statement = self._for_dialect(tx.dialect.name)
        compiled = statement.compile(dialect=tx.dialect, column_keys=self._names)  # type: ignore[attr-defined]
        made = str(compiled), itemgetter(*compiled.positiontup)
        self._compiled[tx.dialect.name] = made
        return made
