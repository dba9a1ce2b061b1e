"""How often this disk can make a small write durable."""

import os
import time
from pathlib import Path


def syncs_per_second(folder: Path, *, seconds: float = 2.0) -> float:
    """Append 4 KiB and fdatasync, again and again, as a store that commits each event would."""
    path = folder / "sync.bin"
    block = os.urandom(4096)
    handle = os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)
    try:
        count, begun = 0, time.perf_counter()
        while (spent := time.perf_counter() - begun) < seconds:
            os.write(handle, block)
            os.fdatasync(handle)
            count += 1
        return count / spent
    finally:
        os.close(handle)
        path.unlink()
