"""New SQLite stores, as copies: making their tables takes twice as long as all else that opening one does."""

import asyncio
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from switchhook.store import open_store


@cache
def empty_store() -> bytes:
    """Give a file with every table and no row. Not for a thread whose loop runs."""

    async def make(file: Path) -> None:
        await (await open_store(file)).close()

    with TemporaryDirectory() as folder:
        file = Path(folder) / "hub.db"
        asyncio.run(make(file))
        return file.read_bytes()


def make_file(path: Path) -> None:
    """Put such a file there, unless there is one. Not for a thread whose loop runs, either."""
    if not path.exists():
        path.write_bytes(empty_store())
