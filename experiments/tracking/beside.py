"""A process beside this one that keeps a folder's runs: MLflow is imported and the store made while the work goes on.

::

    with sending_beside(folder):  # seconds of import and of making tables, on another processor
        ...                       # the work, at whose end `Outbox(folder).send()` hands over to that process

It only saves time. Where it cannot be started, ends, or says anything but what was sent, this process sends by itself,
with the errors that it meets. Where this process ends first it ends too, and has sent nothing.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

__all__ = ["sending_beside", "sent_beside"]

SENDING, SEND = "experiments.tracking.sending", "send"
"""The module that the process runs, and what it is told when it is time."""
_beside: dict[Path, subprocess.Popen[str]] = {}


@contextmanager
def sending_beside(folder: Path) -> Iterator[None]:
    """Let another process send what waits in a folder for its own store by the end of the block."""
    folder = folder.resolve()
    # It imports what this process does, and nothing from the folder that both happen to be in.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with suppress(OSError, ValueError):
        _beside[folder] = subprocess.Popen(
            [sys.executable or "python", "-P", "-m", SENDING, str(folder)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding="utf-8", env=environment,
        )  # fmt: skip
    try:
        yield
    finally:
        process = _beside.pop(folder, None)
        if process is not None:
            process.kill()
            process.communicate()


def sent_beside(folder: Path) -> dict[str, Any] | None:
    """Return the fields of what another process sent for a folder; None where none does."""
    process = _beside.pop(folder, None)
    if process is None:
        return None
    with suppress(OSError, ValueError):
        said, _ = process.communicate(SEND)
        if process.returncode == 0:
            found: dict[str, Any] = json.loads(said)
            return found
    return None
