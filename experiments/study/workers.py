"""Who does a study's units: this process, processes here, a Dask cluster, or any executor that is given.

All are a :class:`concurrent.futures.Executor`. Processes here are spawned, each with its share of the processors as
threads; when one is killed its pool is lost, and a new one does what is unfinished. They end with the process that
started them, however that ends.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import (
    ALL_COMPLETED,
    FIRST_COMPLETED,
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    wait,
)
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from typing import Any

from experiments.study.units import LACKS_BASE, Facts, MixedVersionsError, Unit, run
from sim.errors import InputError, TenureError, first_line

__all__ = ["Crew", "crew", "processors"]

ATTEMPTS = 3
"""How often a unit may be under way while a worker is killed."""
AHEAD = 2
"""Units handed out for each worker, so that none waits for the next."""
MOST_AT_ONCE = 256
"""Units handed out where nobody knows how many workers there are: each that ends is looked for among them."""
Task = tuple[Unit, dict[str, bytes] | None]


def processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Crew:
    """Does units, several at a time, and hands back what they found as it comes.

    Parameters
    ----------
    make
        Makes an executor; None where only one was given and it cannot be made again.
    size
        Units that are under way at a time.
    threads
        Of each unit.
    """

    def __init__(self, executor: Executor, *, make: Callable[[], Executor] | None, size: int, threads: int) -> None:
        self._executor, self._make, self._size, self._threads = executor, make, size, threads
        self._attempts: dict[str, int] = {}

    def work(self, waiting: deque[Unit]) -> Iterator[tuple[Unit, Facts]]:
        """Yield units that are done, in the order in which they end; ``waiting`` may grow meanwhile.

        Raises
        ------
        TenureError
            If a unit fails, or its workers are killed again and again.
        """
        under_way: dict[Future[Any], Task] = {}
        again: deque[Task] = deque()
        while waiting or again or under_way:
            loss = self._hand_out(waiting, again, under_way)
            done = self._collected(under_way, FIRST_COMPLETED) if loss is None else []
            lost = [found for _, found in done if isinstance(found, BrokenExecutor)]
            if loss is not None or lost:
                done += self._collected(
                    under_way, ALL_COMPLETED
                )  # what ended before the loss, and what is lost with it
            for (unit, _), found in done:
                if isinstance(found, BrokenExecutor):
                    again.append((unit, None))
                elif found == LACKS_BASE:
                    again.append((unit, unit.world.files()))
                else:
                    yield unit, found
            if loss is not None or lost:
                self._renew([unit for (unit, _), found in done if isinstance(found, BrokenExecutor)], loss or lost[0])

    def _hand_out(
        self, waiting: deque[Unit], again: deque[Task], under_way: dict[Future[Any], Task]
    ) -> BrokenExecutor | None:
        """Hand out units while there is room; return why that failed."""
        while (waiting or again) and len(under_way) < self._size:
            unit, base = again.popleft() if again else (waiting.popleft(), None)
            try:
                under_way[self._executor.submit(run, unit, base, self._threads)] = unit, base
            except BrokenExecutor as error:
                again.appendleft((unit, base))
                return error
        return None

    def _collected(self, under_way: dict[Future[Any], Task], when: str) -> list[tuple[Task, Any]]:
        """Return what ended, each with what it found or the loss of its worker."""
        finished = wait(under_way, return_when=when).done if under_way else set()
        return [(task := under_way.pop(future), _found(future, task[0])) for future in list(finished)]

    def _renew(self, lost: list[Unit], error: BrokenExecutor) -> None:
        """Make a new executor after a worker was killed; a unit whose workers always die is named."""
        if self._make is None:
            raise TenureError(
                f"the executor broke ({first_line(error)}); what was finished is kept: give another one and ask again"
            ) from error
        for unit in lost:
            self._attempts[unit.key] = self._attempts.get(unit.key, 0) + 1
            if self._attempts[unit.key] > ATTEMPTS:
                raise TenureError(
                    f"workers were killed {ATTEMPTS + 1} times while they had this unit: {unit.called}; is there "
                    "memory enough? Use fewer workers"
                ) from error
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._executor = self._make()


def _found(future: Future[Any], unit: Unit) -> Any:
    """Return what a unit found, or the loss of its worker."""
    try:
        return future.result()
    except BrokenExecutor as error:
        return error
    except TenureError as error:
        if isinstance(error, MixedVersionsError):
            raise
        raise type(error)(f"{unit.called}: {error}") from None
    except Exception as error:
        raise TenureError(
            f"{unit.called}: failed on its worker with {type(error).__name__}: {first_line(error)}; what was finished "
            "is kept: mend that and ask again"
        ) from error


# --- Who they are -----------------------------------------------------------------------------------------------------


@contextmanager
def crew(
    executor: Executor | None = None, cluster: str | None = None, workers: int | None = None, units: int = 1
) -> Iterator[Crew]:
    """Yield the crew for some units; what was started here is ended with it.

    Raises
    ------
    InputError
        If more than one was asked for, or the cluster cannot be reached.
    """
    if sum(each is not None for each in (executor, cluster, workers)) > 1:
        raise InputError("`executor=`, `cluster=` and `workers=` were given; give one of them")
    if executor is not None:
        size = max(MOST_AT_ONCE, AHEAD * getattr(executor, "_max_workers", 0))
        yield Crew(executor, make=None, size=size, threads=1)
        return
    if cluster is not None:
        with _dask(cluster) as (there, size):
            yield Crew(there, make=None, size=AHEAD * size, threads=1)
        return
    number = min(workers or processors(), max(units, 1))
    if number == 1:
        yield Crew(_Here(), make=_Here, size=1, threads=processors())
        return
    before = set(multiprocessing.active_children())
    pools: list[Executor] = []

    def make() -> Executor:
        pools.append(ProcessPoolExecutor(number, mp_context=multiprocessing.get_context("spawn"), initializer=_begin))
        return pools[-1]

    try:
        yield Crew(make(), make=make, size=AHEAD * number, threads=max(1, processors() // number))
        pools[-1].shutdown()
    finally:
        pools[-1].shutdown(wait=False, cancel_futures=True)
        _end(set(multiprocessing.active_children()) - before)


class _Here(Executor):
    """Does each unit at once, in this process."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


def _begin() -> None:
    """Make a worker of this process: deaf to Ctrl-C, which the study hears, and ended when the study ends."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: BaseProcess) -> None:
    from multiprocessing.connection import wait as until

    until([parent.sentinel])
    os._exit(1)


def _end(processes: set[BaseProcess]) -> None:
    """End workers that were started here, if they still work on something."""
    for process in processes:
        process.terminate()


@contextmanager
def _dask(address: str) -> Iterator[tuple[Executor, int]]:
    """Yield the executor of a Dask cluster and how many units it does at a time."""
    try:
        from distributed import Client
    except ImportError:
        raise InputError(f"`cluster={address}`: needs Dask: python -m pip install 'tenure[cluster]'") from None
    try:
        client = Client(address, timeout="10s", set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise InputError(
            f"`cluster={address}`: no scheduler answers there ({first_line(error)}); start one with `dask scheduler`, "
            "workers with `dask worker`"
        ) from None
    try:
        size = sum(client.nthreads().values())
        if size == 0:
            raise InputError(f"`cluster={address}`: has no workers; start some with `dask worker {address}`")
        yield client.get_executor(pure=False, retries=2), size
    finally:
        client.close()
