"""How the child is bound before it reads a stranger's byte: nothing here can be undone by it."""

import ctypes
import os
import resource
import signal
import sys

# The hub that answers phones on the same cores goes first.
NICE = 10


# prctl(2), of Linux.
PR_SET_PDEATHSIG = 1


def die_with_the_hub() -> None:
    """Have the kernel end this process when the hub is killed, where the kernel can."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def bound(*, cpu_seconds: int, memory_bytes: int) -> None:
    """Bound work and memory: over the first the process is killed, over the second it errs."""
    os.nice(NICE)
    _set(resource.RLIMIT_CORE, 0)
    _set(resource.RLIMIT_CPU, cpu_seconds, most=cpu_seconds + 1)  # first with a signal that says why
    _set(resource.RLIMIT_AS, memory_bytes)


def shut_doors(*, output_bytes: int) -> None:
    """Bound what is written; give up the right to open anything more, the network too, and to start anything.

    Not before everything is loaded: Python 3.11 would keep compiled modules cut off at that length.
    """
    _set(resource.RLIMIT_FSIZE, output_bytes)
    _set(resource.RLIMIT_NPROC, 0)
    _set(resource.RLIMIT_NOFILE, 0)


def _set(limit: int, value: int, *, most: int | None = None) -> None:
    _, allowed = resource.getrlimit(limit)
    values = value, value if most is None else most
    if allowed != resource.RLIM_INFINITY:
        values = min(values[0], allowed), min(values[1], allowed)
    resource.setrlimit(limit, values)
