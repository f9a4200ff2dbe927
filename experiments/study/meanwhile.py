"""Work in a thread while other work goes on."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

__all__ = ["meanwhile"]

Found = TypeVar("Found")


@contextmanager
def meanwhile(work: Callable[..., Found], *given: Any, **named: Any) -> Iterator[Future[Found]]:
    """Yield what some work will have found; where the block fails, or is stopped by Ctrl-C, nobody waits for it.

    The work must write nothing, since it goes on to its end unless the process ends first.
    """
    pool = ThreadPoolExecutor(1)
    try:
        yield pool.submit(work, *given, **named)
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()
