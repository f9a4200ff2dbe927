"""Progress on standard error while a long job runs; silent where that is not a terminal."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from sim.arrays import Progress, Step, quiet

__all__ = ["progress_bars"]


@contextmanager
def progress_bars() -> Iterator[Step]:
    """Yield a function that starts a step's bar."""
    if not sys.stderr.isatty():
        yield quiet
        return
    from rich import progress
    from rich.console import Console

    columns = (
        progress.TextColumn("{task.description:<34}"),
        progress.BarColumn(),
        progress.TextColumn("{task.percentage:>3.0f} %"),
    )
    with progress.Progress(
        *columns, progress.TimeElapsedColumn(), console=Console(stderr=True), transient=True
    ) as bars:

        def step(name: str) -> Progress:
            for earlier in bars.task_ids:
                bars.update(earlier, completed=1.0)
            task = bars.add_task(name, total=1.0)
            return lambda done: bars.update(task, completed=min(done, 1.0))

        yield step
