"""Ctrl-C ends a command soon, whatever its other threads and native code are at.

Python raises :class:`KeyboardInterrupt` in the main thread, once native code there gives it a chance, and a process
ends when all its threads have. Here a thread of its own hears of the signal as it comes, leaves the command
:data:`PATIENCE` to tidy up and end by itself, and then ends the process. Files are written under another name and moved
into place, so that none is half there however a command ends.
"""

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["INTERRUPTED", "ended_by_interrupt", "kept_when_stopped", "stopped", "told_of_interrupt"]

INTERRUPTED = 130
"""Exit code of a command that Ctrl-C has stopped: 128 and the number of the signal, as shells have it."""
PATIENCE = 0.7
"""Seconds that a command has to end by itself."""
HEARD = 0.5
"""Seconds in which the thread that hears of a signal has heard of it, on a machine with more to do than it can."""
_told, _heard = threading.Event(), threading.Event()
_kept = ""


@contextmanager
def kept_when_stopped(what: str) -> Iterator[None]:
    """Have it said, if the work inside is stopped, what is kept of it and how to go on, whoever ends the process."""
    global _kept
    _kept = what
    yield
    _kept = ""  # not after an interrupt, which is yet to be told of


def stopped() -> str:
    """Return what is said of work that was stopped."""
    return f"stopped; {_kept}" if _kept else "stopped"


def told_of_interrupt() -> None:
    """Note that a command has said itself that it was stopped; pressed again, Ctrl-C only disturbs its end."""
    _told.set()
    if _heard.wait(HEARD) and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process ends in less than PATIENCE


@contextmanager
def ended_by_interrupt() -> Iterator[None]:
    """End the process soon after Ctrl-C, with :data:`INTERRUPTED`; a thread other than the main one hears of none.

    What waits for Ctrl-C as its own end takes itself out by ``signal.set_wakeup_fd(-1)``.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    global _kept
    _kept = ""
    _told.clear()
    _heard.clear()
    ours, heard = socket.socketpair()
    heard.setblocking(False)
    before = signal.set_wakeup_fd(heard.fileno(), warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(ours,), daemon=True).start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        heard.close()


def _watch(ours: socket.socket) -> None:
    """Wait for Ctrl-C, and then for the process to end; end it if it does not."""
    with ours:
        while numbers := ours.recv(64):  # nothing: the command has ended
            if signal.SIGINT in numbers:
                _heard.set()
                time.sleep(PATIENCE)
                _end()


def _end() -> None:
    try:
        if not _told.is_set() and sys.__stderr__ is not None:  # None: closed when we began, so 2 may be a file of ours
            line = f"tenure: {stopped()}\n"
            line = f"\r\x1b[K\x1b[?25h{line}" if os.isatty(2) else line  # a bar's line, the cursor
            os.write(2, line.encode())
    finally:  # whoever reads it or does not
        os._exit(INTERRUPTED)
