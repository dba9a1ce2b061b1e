"""Our outside numbers, found however they are spelt."""

import sqlalchemy as sa

from switchhook.core.directory import Line
from switchhook.core.errors import BadMessage, NotFound
from switchhook.core.number import read_number
from switchhook.store.hub_settings import bump
from switchhook.store.inserts import insert_into
from switchhook.store.tables.book import lines


def add_line(
    tx: sa.Connection,
    account_id: int,
    *,
    number: str,
    name: str,
    site: str | None = None,
    group: str | None = None,
    region: str = "RU",
) -> Line:
    """Raises: BadMessage: the number is one of ours already, in this spelling or another."""
    insert = insert_into(tx, lines).values(
        account_id=account_id,
        number=number,
        canonical=_canonical(number, region),
        name=name,
        site=site,
        group_name=group,
    )
    unless_taken = insert.on_conflict_do_nothing(index_elements=["account_id", "canonical"])
    row = tx.execute(unless_taken.returning(lines)).first()
    if row is None:
        raise BadMessage(f"there is a line {number} already", field="number")
    bump(tx)
    return _shown(row)


def list_lines(tx: sa.Connection, account_id: int) -> list[Line]:
    """Give them by id: the order in which they came."""
    found = sa.select(lines).where(lines.c.account_id == account_id).order_by(lines.c.id)
    return [_shown(row) for row in tx.execute(found)]


def find_line(tx: sa.Connection, account_id: int, number: str, *, region: str = "RU") -> Line | None:
    row = tx.execute(sa.select(lines).where(_is_number(account_id, number, region))).first()
    return None if row is None else _shown(row)


def update_line(tx: sa.Connection, account_id: int, line: Line, *, region: str = "RU") -> None:
    """Store all of it over the one with its id.

    Raises:
        BadMessage: another line has this number.
        NotFound: there is no line with this id.
    """
    holder = find_line(tx, account_id, line.number, region=region)
    if holder is not None and holder.id != line.id:
        raise BadMessage(f"there is a line {line.number} already", field="number")
    mine = (lines.c.account_id == account_id) & (lines.c.id == line.id)
    values = {
        "number": line.number,
        "canonical": _canonical(line.number, region),
        "name": line.name,
        "site": line.site,
        "group_name": line.group,
    }
    if not tx.execute(sa.update(lines).where(mine).values(**values)).rowcount:
        raise NotFound(f"no such line: {line.id}")
    bump(tx)


def remove_line(tx: sa.Connection, account_id: int, number: str, *, region: str = "RU") -> None:
    """Raises: NotFound."""
    if not tx.execute(sa.delete(lines).where(_is_number(account_id, number, region))).rowcount:
        raise NotFound(f"no such line: {number}")
    bump(tx)


def _canonical(number: str, region: str) -> str:
    read = read_number(number, region)
    return read.e164 or read.digits or number


def _is_number(account_id: int, number: str, region: str) -> sa.ColumnElement[bool]:
    return (lines.c.account_id == account_id) & (lines.c.canonical == _canonical(number, region))


def _shown(row: sa.Row[tuple[object, ...]]) -> Line:
    stored = row._mapping
    return Line(
        id=stored["id"],
        number=stored["number"],
        name=stored["name"],
        site=stored["site"],
        group=stored["group_name"],
    )
