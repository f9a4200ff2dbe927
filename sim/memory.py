"""How much memory is left, so that what cannot be held is refused before the work."""

import math
import os
from pathlib import Path

from sim.errors import InputError

__all__ = ["SMALL", "free_memory", "refuse_beyond_memory"]

SMALL = 1e8
"""Bytes that are there: what needs no more is neither asked for nor told."""

LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current"))
"""Of a container (cgroup 2): the most it may take, and what it takes."""
CACHE = Path("/sys/fs/cgroup/memory.stat")
"""What that is made of: files that were read and are not in use are given up when memory is asked for."""


def free_memory() -> float:
    """Return bytes that this process may still take, as far as the system says; infinity where it does not.

    The least of what the machine has free (Linux: ``MemAvailable``; else all it has) and what a container may take.
    """
    return min(_of_machine(), _of_container())


def refuse_beyond_memory(needed: float, what: str, instead: str) -> None:
    """Refuse what does not fit into the memory that is free, with the number.

    Raises
    ------
    InputError
        Saying what, how many GB, how many are free, and what to do ``instead``.
    """
    if needed <= SMALL:
        return
    room = free_memory()
    if needed > room:
        raise InputError(f"{what} need about {needed / 1e9:,.1f} GB, and {room / 1e9:,.1f} GB are free; {instead}")


def _of_machine() -> float:
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return float(line.split()[1]) * 1024
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (OSError, ValueError, AttributeError):
        return math.inf


def _of_container() -> float:
    try:
        most, taken = (float(path.read_text(encoding="ascii")) for path in LIMITS)
    except (OSError, ValueError):  # none, or "max"
        return math.inf
    return most - taken + _of_files()


def _of_files() -> float:
    """Return bytes of what a container takes that hold files not lately in use."""
    try:
        known = dict(line.split() for line in CACHE.read_text(encoding="ascii").splitlines())
        return float(known["inactive_file"])
    except (OSError, ValueError, KeyError):
        return 0.0
