"""A process that stops itself in the middle of a write, its rows held, and says what came of it.

python -m tests.store.stopper WHERE CONNECTION_ID
"""

import asyncio
import os
import signal
import sys

import sqlalchemy as sa

from switchhook.core.errors import StoreDown
from switchhook.store import open_store
from switchhook.store.hub_settings import set_setting
from switchhook.store.link_leases import link_epochs


def say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


async def stop_in_a_write(where: str, connection_id: str) -> None:
    store = await open_store(where)

    def write(tx: sa.Connection) -> None:
        link_epochs(tx, [connection_id])
        set_setting(tx, "before", "x")
        say("stops")
        os.kill(os.getpid(), signal.SIGSTOP)
        set_setting(tx, "after", "x")

    try:
        await store.write(write)
        say("stored")
    except StoreDown:
        say("down")
    await store.write(set_setting, "again", "x")
    say("goes on")
    await store.close()


if __name__ == "__main__":
    asyncio.run(stop_in_a_write(sys.argv[1], sys.argv[2]))
