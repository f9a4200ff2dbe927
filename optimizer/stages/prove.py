"""The best with full information: what no policy exceeds, and where a search for a playable one may start."""

from dataclasses import dataclass

from optimizer.ask.problem import AllocationProblem
from optimizer.bound.conflicts import Conflict, conflict_of
from optimizer.bound.decomposition import FullInformation, full_information
from optimizer.stages.start import Start
from sim.arrays import Progress
from sim.errors import RulesError, SolverError

__all__ = ["Proved", "prove"]


@dataclass(frozen=True, eq=False)
class Proved:
    """The best with full information.

    Attributes
    ----------
    best : FullInformation, optional
        None where it was not sought, or the solver gave up on it.
    tolerance : float
        Of its bound, as a share of the possible lift.
    """

    best: FullInformation | None = None
    tolerance: float = 0.0


def prove(begun: Start, *, tolerance: float, seconds: float, threads: int, progress: Progress) -> Proved:
    """Return the best with full information.

    Where customers move each other's odds, or levers remember, it is no bound: what it cannot reach a plan may, and
    only rules on money are known to clash.

    Raises
    ------
    RulesError
        If no policy meets the rules, with those that clash.
    """
    if begun.problem.no_choice:
        return Proved()
    problem = begun.asked
    try:
        best = full_information(problem, tolerance, seconds=seconds, threads=threads, progress=progress)
        return Proved(best, tolerance)
    except RulesError:
        clash = conflict_of(problem, threads)
        if clash is None and problem.chain.bounded:
            raise
    except SolverError:
        clash = _clash(problem, threads)
    certain = clash is not None and (problem.chain.bounded or all(row.kind.counts == "money" for row in clash.rows))
    if not certain:
        return Proved()
    raise RulesError(f"rules cannot all be met: {clash}") from None


def _clash(problem: AllocationProblem, threads: int) -> Conflict | None:
    """Return the rules that clash; None where there are none, or the solver gives up on that as well."""
    try:
        return conflict_of(problem, threads)
    except SolverError:
        return None
