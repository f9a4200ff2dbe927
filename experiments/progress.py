"""Progress on standard error while a long job runs; silent where that is not a terminal."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["Step", "progress_bars"]

Step = Callable[[str], Callable[[float], None]]
"""Starts a named step and returns what to call with the fraction done."""


@contextmanager
def progress_bars() -> Iterator[Step]:
    """Yield a function that starts a step's bar."""
    if not sys.stderr.isatty():
        yield lambda _: lambda __: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description:<34}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True) as bars:

        def step(name: str) -> Callable[[float], None]:
            for earlier in bars.task_ids:
                bars.update(earlier, completed=1.0)
            task = bars.add_task(name, total=1.0)
            return lambda done: bars.update(task, completed=min(done, 1.0))

        yield step
