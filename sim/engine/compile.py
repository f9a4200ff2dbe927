"""One decorator for every compiled kernel: compiled once, cached by the content of all kernels, free of the GIL.

Numba rebuilds a cached kernel when its own file changes, but not when a function that it calls from another file
does. So the cache folder is named after a hash of every ``*_kernels.py``. Where no folder can be written, kernels
are compiled afresh in each process.
"""

import hashlib
import os
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba.extending import register_jitable

__all__ = ["inlined", "inner", "kernel"]

OPTIONS = {"no_cfunc_wrapper": True}
"""Nobody calls a kernel from C."""

Function = TypeVar("Function", bound=Callable[..., Any])


@cache
def _cache_folder() -> str | None:
    root = Path(__file__).resolve().parents[2]
    sources = [path for package in ("sim", "optimizer") for path in sorted((root / package).rglob("*_kernels.py"))]
    digest = hashlib.sha256(b"\0".join(path.read_bytes() for path in sources)).hexdigest()[:16]
    chosen = os.environ.get("NUMBA_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    try:
        folder = (Path(chosen) if chosen else Path.home() / ".cache") / "tenure" / f"kernels-{digest}"
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return str(folder)
    except (OSError, RuntimeError):  # nothing can be written there; who has no HOME and no name has no home at all
        return None


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``function`` compiled by Numba in nopython mode, without fast-math, releasing the GIL."""
    folder = _cache_folder()
    before = numba.config.CACHE_DIR
    try:
        if folder is not None:
            numba.config.CACHE_DIR = folder
        compiled: Callable[..., Any] = numba.njit(cache=folder is not None, nogil=True, **OPTIONS)(function)
    finally:
        numba.config.CACHE_DIR = before
    return compiled


def inner(function: Function) -> Function:
    """Return what kernels call: compiled with each of them, and plain Python for everybody else.

    What unpacks Python's arguments for a kernel takes longer to compile than many a kernel: arrays that travel together
    are tens of arrays. Only what Python calls needs it.
    """
    jitable: Callable[[Function], Function] = register_jitable(**OPTIONS)
    return jitable(function)


def inlined(function: Function) -> Function:
    """Return an :func:`inner` that becomes part of those that call it.

    For small steps of hot loops: only a loop without calls runs several customers at a time.
    """
    jitable: Callable[[Function], Function] = register_jitable(forceinline=True, **OPTIONS)
    return jitable(function)
