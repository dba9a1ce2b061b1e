"""A process of its own that writes and says what was acknowledged, one name a line, until it is ended.

python -m tests.store.writer WHERE PREFIX [COUNT]
"""

import asyncio
import sys
from itertools import count

from switchhook.core.errors import StoreDown
from switchhook.store import open_store
from switchhook.store.hub_settings import set_setting

AT_ONCE = 8


async def write_all(where: str, prefix: str, limit: int) -> None:
    store = await open_store(where)
    numbers = iter(count() if limit < 0 else range(limit))

    async def write_some() -> None:
        for number in numbers:
            name = f"{prefix}-{number}"
            try:
                await store.write(set_setting, name, "x" * 100)
            except StoreDown:
                # The test has taken the server away; it ends us next.
                await asyncio.sleep(60)
            sys.stdout.write(f"{name}\n")
            sys.stdout.flush()

    await asyncio.gather(*(write_some() for _ in range(AT_ONCE)))
    await store.close()


if __name__ == "__main__":
    asyncio.run(write_all(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else -1))
