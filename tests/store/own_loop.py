"""One store and one loop for all examples of a property, which is no coroutine itself."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from switchhook.store import Store, open_store


@contextmanager
def own_loop(where: str | Path) -> Iterator[tuple[asyncio.Runner, Store]]:
    """Open a store in a loop that runs only while the runner is given something to do."""
    with asyncio.Runner() as runner:
        store = runner.run(open_store(where))
        try:
            yield runner, store
        finally:
            runner.run(store.close())
