"""A hub that was stopped in mid-write holds the SQLite file for good: another that needs it ends it.

Nobody can take a lock from a process, and one that is stopped (SIGSTOP) gives none back. So whoever works on
the same file looks who holds it, and ends a hub that stood still with it for as long as a lease lasts. What
the dead one was writing is undone by SQLite; a hub that is stopped without the file in hand is left alone.
"""

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import structlog

log = structlog.get_logger(__name__)

LOOK_EVERY_SECONDS = 1.0
# In a row: as long as a lease of a link lasts.
LOOKS = 3
# Who holds what, as proc_locks(5) has it: `1: POSIX  ADVISORY  WRITE 4242 fe:00:1311 120 120`.
LOCKS = Path("/proc/locks")
# The byte of `<file>-shm` that a writer locks: https://www.sqlite.org/walformat.html#locks
WRITER = "120"


async def fence(store: Path) -> None:
    """Look until cancelled; does nothing on a system that does not tell who holds what."""
    stood_still: dict[int, int] = {}
    while True:
        await asyncio.sleep(LOOK_EVERY_SECONDS)
        stood_still = {pid: stood_still.get(pid, 0) + 1 for pid in in_the_way(store)}
        for pid, looks in stood_still.items():
            if looks >= LOOKS:
                log.error("a hub that stands still holds the database and is killed", pid=pid)
                end(pid)


def in_the_way(store: Path) -> set[int]:
    """Give the hubs of this file that are stopped (state T, not traced) while they hold its writer's lock."""
    writers = holders(store.with_name(f"{store.name}-shm"), "POSIX", first=WRITER)
    hubs = holders(store.with_name(f"{store.name}.hubs"), "FLOCK") if writers else set()
    return {pid for pid in writers & hubs if pid != os.getpid() and is_stopped(pid)}


def holders(file: Path, kind: str, *, first: str | None = None) -> set[int]:
    """Give the processes that hold a lock on this file, or on this byte of it."""
    try:
        inode = file.stat().st_ino
        lines = LOCKS.read_text().splitlines()
    except OSError:
        return set()
    return {pid for pid, number in read_locks(lines, kind, first) if number == inode}


def read_locks(lines: list[str], kind: str, first: str | None) -> Iterator[tuple[int, int]]:
    """Read who holds (pid) which file (inode); a line with an arrow waits for a lock and holds none."""
    for line in lines:
        words = line.split()
        if len(words) < 8 or words[1] != kind or (first is not None and words[6] != first):
            continue
        pid, inode = words[4], words[5].rpartition(":")[2]
        if pid.isdecimal() and inode.isdecimal():
            yield int(pid), int(inode)


def is_stopped(pid: int) -> bool:
    try:
        # `PID (NAME) STATE …`, and a name may have anything in it.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
    except (OSError, IndexError):
        return False


def end(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except OSError as error:  # of another user, or gone by now
        log.warning("it cannot be killed", pid=pid, reason=str(error))
