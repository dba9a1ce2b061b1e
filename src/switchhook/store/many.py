"""SQL for the paths that every event takes, without what SQLAlchemy does for each statement and row.

The statements are SQLAlchemy's and compiled by it, once per engine; only whole numbers, text and
bytes may be given and come back, which both drivers take as they are.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

Value = int | str | bytes | None
Row = tuple[Value, ...]
_Reorder = Callable[[Row], Row]

# Both engines take some 32,000 parameters in a statement.
MOST_KEYS = 4096


class Many:
    """A statement for many rows; each row gives every parameter, in the order of `names`."""

    def __init__(self, for_dialect: Callable[[str], sa.Insert | sa.Update], names: Sequence[str]) -> None:
        self._for_dialect = for_dialect
        self._names = list(names)
        self._compiled: dict[str, tuple[str, _Reorder]] = {}

    def run(self, tx: sa.Connection, rows: Sequence[Row]) -> None:
        if rows:
            sql, reorder = self._compiled.get(tx.dialect.name) or self._compile(tx)
            tx.exec_driver_sql(sql, list(map(reorder, rows)))

    def _compile(self, tx: sa.Connection) -> tuple[str, _Reorder]:
        statement = self._for_dialect(tx.dialect.name)
        # An INSERT has no values of its own; an UPDATE names its parameters itself.
        columns = self._names if isinstance(statement, sa.Insert) else []
        compiled: Any = statement.compile(dialect=tx.dialect, column_keys=columns)
        reorder: _Reorder = itemgetter(*map(self._names.index, compiled.positiontup))
        self._compiled[tx.dialect.name] = str(compiled), reorder
        return str(compiled), reorder


class ByKeys:
    """A SELECT of what has one of many keys.

    Its parameters are those named first, then a list `keys`.
    """

    def __init__(self, statement: sa.Select[Any], *first: str) -> None:
        self._statement = statement
        self._first = first
        self._compiled: dict[tuple[str, int], str] = {}

    def run(self, tx: sa.Connection, keys: Iterable[str], *first: Value) -> Iterator[sa.Row[Any]]:
        """Give the rows; of many keys in several statements."""
        rest = iter(sorted(set(keys)))
        while chunk := list(islice(rest, MOST_KEYS)):
            # A few lengths only, so that each text is prepared once: the last key fills up.
            length = 1 << (len(chunk) - 1).bit_length()
            chunk += chunk[-1:] * (length - len(chunk))
            sql = self._compiled.get((tx.dialect.name, length)) or self._compile(tx, length)
            yield from tx.exec_driver_sql(sql, (*first, *chunk))

    def _compile(self, tx: sa.Connection, length: int) -> str:
        bound = self._statement.params(dict.fromkeys(self._first, 0), keys=[""] * length)
        compiled: Any = bound.compile(dialect=tx.dialect, compile_kwargs={"render_postcompile": True})
        assert tuple(compiled.positiontup[: len(self._first)]) == self._first
        self._compiled[tx.dialect.name, length] = str(compiled)
        return str(compiled)
