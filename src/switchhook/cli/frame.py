"""What every command shares: where the data is, whose it is, and how results are shown."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from switchhook.app.desk import Desk, open_desk
from switchhook.app.logs import setup_logs
from switchhook.core.errors import BadMessage
from switchhook.settings import read_place
from switchhook.store.accounts import DEFAULT_ACCOUNT

Switch = Annotated[bool, Parameter(negative=())]
Many = Annotated[list[str], Parameter(consume_multiple=True, negative=())]

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
# Wide enough for a table where there is no terminal to ask.
PLAIN_WIDTH = 160


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Common:
    """Options of every command."""

    data: Annotated[Path | None, Parameter(help="The data folder.")] = None
    account: Annotated[str, Parameter(help="Whose.")] = DEFAULT_ACCOUNT
    json: Annotated[bool, Parameter(negative=(), help="Print one JSON document and nothing else.")] = False


COMMON = Common()


@asynccontextmanager
async def desk(common: Common) -> AsyncIterator[Desk]:
    """Open the store of a command, whether or not a hub runs on it.

    Raises:
        Misconfigured: a setting is wrong, or the key file is not the one of this database.
        NotFound: there is no such account.
        StoreDown: the database does not answer.
    """
    place = read_place(common.data)
    setup_logs(level="error")  # a command says one line of its own when something is wrong
    async with open_desk(place, common.account) as opened:
        yield opened


def read_pairs(texts: Iterable[str]) -> dict[str, str]:
    """Read `field=value` words.

    Raises:
        BadMessage: one has no `=`.
    """
    pairs: dict[str, str] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or not name:
            raise BadMessage(f"expected field=value, got {text[:40]!r}", field="set")
        pairs[name.strip().replace("-", "_")] = value
    return pairs


def read_since(text: str | None) -> datetime | None:
    """Read a moment: ISO 8601 (local time unless it says), or an age such as 30m, 12h, 7d.

    Raises:
        BadMessage: it is neither.
    """
    if text is None:
        return None
    if text[:-1].isdigit() and text[-1:] in UNITS and len(text) < 10:
        return datetime.now(UTC) - timedelta(seconds=int(text[:-1]) * UNITS[text[-1]])
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError as error:
        raise BadMessage(f"expected a time such as 2026-01-31T09:00 or 12h, got {text[:40]!r}") from error


def show(common: Common, value: object, human: RenderableType | None = None) -> None:
    """Print a result: as JSON when asked for, else for people. One document, at the end, or nothing."""
    if common.json:
        print(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
    elif human is not None:
        console().print(human)


def console() -> Console:
    made = Console(highlight=False, soft_wrap=False)
    return made if made.is_terminal else Console(highlight=False, width=PLAIN_WIDTH)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> Table | Text:
    """Lay rows out; a word when there are none. Texts are shown as they are, never as markup."""
    laid = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        laid.add_column(column, overflow="fold")
    for row in rows:
        laid.add_row(*(Text(shown(cell)) for cell in row))
    return laid if laid.row_count else Text(empty, style="dim")


def facts(pairs: Mapping[str, object]) -> Table:
    """Lay names and values out, leaving out what is not known."""
    laid = Table(box=None, pad_edge=False, show_header=False)
    laid.add_column(style="dim")
    laid.add_column(overflow="fold")
    for name, value in pairs.items():
        if value not in (None, "", (), [], {}):
            laid.add_row(name, Text(shown(value)))
    return laid


def shown(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case datetime():
            return value.astimezone().strftime("%Y-%m-%d %H:%M:%S")
        case tuple() | list():
            return ", ".join(shown(one) for one in value)
        case _:
            return str(value)
