"""Progress on standard error while a long job runs; silent where that is not a terminal."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from sim.arrays import Progress, Step, quiet

__all__ = ["progress_bars", "remaining"]

EARLY = 0.02
"""Part of a step before which nobody can say how long it takes."""


def remaining(done: float, seconds: float) -> str:
    """Return about how long the rest of a step takes, at the pace so far; nothing where that is not known yet."""
    if done < EARLY or done >= 1:
        return ""
    left = seconds * (1 - done) / done
    return f"about {left:.0f} s left" if left < 90 else f"about {left / 60:.0f} min left"


@contextmanager
def progress_bars() -> Iterator[Step]:
    """Yield a function that starts a step's bar, which never falls back."""
    if not sys.stderr.isatty():
        yield quiet
        return
    from rich import progress
    from rich.console import Console

    columns = (
        progress.TextColumn("{task.description:<34}"),
        progress.BarColumn(),
        progress.TextColumn("{task.percentage:>3.0f} %"),
        progress.TimeElapsedColumn(),
        progress.TextColumn("{task.fields[left]}"),
    )
    with progress.Progress(*columns, console=Console(stderr=True), transient=True) as bars:

        def step(name: str) -> Progress:
            for earlier in bars.task_ids:
                bars.update(earlier, completed=1.0, left="")
            task, began, best = bars.add_task(name, total=1.0, left=""), time.monotonic(), 0.0

            def tell(done: float) -> None:
                nonlocal best
                best = max(best, min(done, 1.0))
                bars.update(task, completed=best, left=remaining(best, time.monotonic() - began))

            return tell

        yield step
