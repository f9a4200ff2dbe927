"""The one place that makes solvers, and they are silent.

From 1.16 on HiGHS says who it is on descriptor 1, from C, in the first constructor of a process and before any option
can be set. So the first is made here with the descriptor led away; the later ones say nothing, and while they solve
``output_flag`` holds. Leading the descriptor away costs 2 microseconds beside the constructor's 70, so it is not for
its cost that only the first is guarded: a descriptor belongs to all threads, and while one solves another may print.
A command leads it away for as long as it runs (:mod:`sim.native_output`).
"""

import threading
from collections.abc import Mapping
from typing import Any

from sim.errors import SolverError
from sim.native_output import silenced

__all__ = ["accepted", "new_solver", "pulp_solver", "run"]

FAILED = frozenset({"Notset", "LoadError", "ModelError", "PresolveError", "SolveError", "PostsolveError", "Unknown"})
"""Ways a run ends that say nothing of the programme."""

_lock = threading.Lock()
_greeted = False


def new_solver(options: Mapping[str, object] | None = None) -> Any:
    """Return a silent HiGHS with these options set.

    Raises
    ------
    SolverError
        If HiGHS does not know an option or refuses its value.
    """
    import highspy

    _greet()
    solver = highspy.Highs()
    for name, value in {"output_flag": False, **(options or {})}.items():
        accepted(solver.setOptionValue(name, value), f"option {name}")
    return solver


def pulp_solver(**options: Any) -> Any:
    """Return the silent HiGHS that PuLP drives, with PuLP's options."""
    import pulp

    _greet()
    return pulp.HiGHS(msg=False, **options)


def accepted(status: Any, what: str) -> None:
    """Raise where a call of HiGHS returned an error."""
    if status.name == "kError":
        raise SolverError(f"HiGHS refused {what}")


def run(solver: Any, *, optimal: bool = False) -> str:
    """Solve what a solver holds and return how that ended, by HiGHS's name: ``Optimal``, ``Infeasible``, ``Unknown``.

    A run from where another ended can fail on a programme that is easy from nothing, such as tens of thousands of
    columns whose limits moved by much: so one that fails is run once more from nothing.

    Parameters
    ----------
    solver
    optimal
        Whether there is an optimum, so that a run that ends otherwise has failed.

    Raises
    ------
    SolverError
        If it fails again, or ends without the optimum that there is.
    """
    for again in (False, True):
        if again:
            accepted(solver.clearSolver(), "to forget where it was")
        status = solver.run().name
        ended: str = solver.getModelStatus().name.removeprefix("k")
        if status != "kError" and (ended == "Optimal" or not optimal) and ended not in FAILED:
            return ended
    if status == "kError" or optimal:
        raise SolverError(f"HiGHS fails on {solver.getNumCol():,} columns and {solver.getNumRow():,} rows ({ended})")
    return ended  # no more is known, which whoever asked may live with


def _greet() -> None:
    """Let the first solver of the process say who it is to nobody."""
    global _greeted
    with _lock:
        if not _greeted:
            import highspy

            with silenced():
                highspy.Highs()
            _greeted = True
