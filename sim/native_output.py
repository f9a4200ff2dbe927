"""Standard output is for answers: what native code prints there, in C and past every option, is led elsewhere.

Native code writes to file descriptor 1, whatever ``sys.stdout`` is. A command keeps a copy of that descriptor for its
own words and leads 1 itself away, for good (:func:`keep_apart`): to nowhere, or to standard error where asked. Children
inherit what 1 leads to, and never the copy, so a server that a command starts cannot break its answer either. The
library has no stream of its own to keep apart; it silences single calls (:func:`silenced`).
"""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

__all__ = ["keep_apart", "lead_to_standard_error", "silenced"]

OUT, ERR = 1, 2

_lock = threading.RLock()
_apart = False


def keep_apart() -> Callable[[], None]:
    """Lead descriptor 1 to nowhere and ``sys.stdout`` to where it led; return what undoes it.

    A command that ends its process need not undo it: what native code prints on the way out is then away too. A
    closed standard output stays closed for us, and its number is taken, so that no file opened later is written into.
    Where ``sys.stdout`` is not descriptor 1 (a notebook, a test), only the descriptor is led away.
    """
    global _apart
    if _apart or (sys.__stdout__ is None and _is_open(OUT)):  # closed when we began, so 1 is a file of ours by now
        return lambda: None
    before, kept = sys.stdout, _lead_away()
    _apart = True
    ours = None
    if kept is not None and _number(before) == OUT:
        ours = open(  # noqa: SIM115 - open as long as the command runs
            kept, "w", encoding=before.encoding, errors=before.errors, buffering=1 if before.line_buffering else -1,
            closefd=False,
        )  # fmt: skip
        sys.stdout = ours
    if sys.stderr is None:  # closed; `print(file=None)` would say it in the answer
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - as long as the process lives

    def undo() -> None:
        global _apart
        if ours is not None:
            if sys.stdout is ours:
                sys.stdout = before
            with suppress(OSError):  # nobody reads any more, or the disk is full
                ours.close()
        _lead_back(kept)
        _apart = False

    return undo


def lead_to_standard_error() -> None:
    """Show what native code prints, and what has been kept apart from here on, on standard error."""
    if _apart:
        with suppress(OSError):  # closed: there is nobody to show it to
            os.dup2(ERR, OUT)


@contextmanager
def silenced() -> Iterator[None]:
    """Lead descriptor 1 to nowhere for one short native call; does nothing inside a command, which has done it.

    A descriptor belongs to all threads of a process: what another one prints meanwhile is lost, so keep it short.
    """
    with _lock:
        if _apart:
            yield
            return
        kept = _lead_away()
        try:
            yield
        finally:
            _lead_back(kept)


def _lead_away() -> int | None:
    """Lead descriptor 1 to nowhere; return a copy of it that children do not inherit, None where it was closed."""
    if _number(sys.stdout) == OUT:
        sys.stdout.flush()
    _flush_native()
    was_open = _is_open(OUT)
    for number in range(ERR + 1):
        if not _is_open(number):  # no file opened later, nor the copy, may take its place
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    kept = os.dup(OUT) if was_open else None
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), OUT)
    return kept


def _lead_back(kept: int | None) -> None:
    _flush_native()
    if kept is None:
        os.close(OUT)
    else:
        os.dup2(kept, OUT)
        os.close(kept)


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def _number(stream: object) -> int | None:
    """Return the descriptor behind a stream; None where there is none."""
    try:
        return int(stream.fileno())  # type: ignore[attr-defined]
    except (AttributeError, OSError, ValueError):
        return None


def _flush_native() -> None:
    """Write out what C has buffered, to where its descriptor leads now: later it would go to the other place."""
    import ctypes

    with suppress(OSError, AttributeError, TypeError):  # no C library to be had: its buffer stays as it is
        ctypes.CDLL("ucrtbase" if sys.platform == "win32" else None).fflush(None)
