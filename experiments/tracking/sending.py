"""The process of :mod:`experiments.tracking.beside`: imports MLflow, makes a store, and sends when it is told to."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

from experiments.tracking.beside import SEND
from experiments.tracking.outbox import Outbox
from experiments.tracking.store import locked, open_store, quiet_mlflow

__all__ = ["main"]


def main(folder: Path) -> None:
    """Make a folder's store ready, wait, and send what waits in the folder then; nothing if no word of it comes."""
    with locked(folder), quiet_mlflow():
        from experiments.tracking import sender  # noqa: F401 (imported ahead, with what it imports)

        open_store(folder)
    if sys.stdin.read() == SEND:
        print(json.dumps(asdict(Outbox(folder).send())))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
