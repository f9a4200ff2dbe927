"""The plans that are best with a number at either end of its range, searched for from the plan in hand."""

import numpy as np

from optimizer.ask.problem import AllocationProblem, allocation_problem
from optimizer.insight.risk import best_there, with_values
from optimizer.optimize import find
from optimizer.search.sequential import STEPS, Sequential, Settled
from optimizer.stages.prove import Proved
from optimizer.stages.start import Start
from sim.arrays import Floats, Progress
from sim.engine.sensitivity import follow
from sim.twin import Twin, rebuilt

__all__ = ["best_at"]

ROUGH = 1e-4
"""Share of the lift that a step of the search must promise: decisions are told apart by more than that."""


class _Rough(Sequential):
    """The search, ended where steps bring next to nothing; what it finds is not settled to its last digits."""

    def run(
        self, start: Floats, *, lift: float, steps: int = STEPS, seconds: float = np.inf, gain: float | None = None,
        progress: Progress | None = None,
    ) -> Settled:  # fmt: skip
        """Return the stationary point reached from ``start``, roughly."""
        own = ROUGH if gain is None else gain
        return super().run(start, lift=lift, steps=steps, seconds=seconds, gain=own, progress=progress)


def best_at(
    twin: Twin, problem: AllocationProblem, plan: Floats, least: Floats, values: dict[str, float], threads: int
) -> Floats:
    """Return the best plan with some numbers as given, as intensities.

    It is searched for from the plan in hand, whose rules it shares: it is next to it, and is one more thing that could
    be done, of which the best counts. Where responses have thresholds it may be far, and all that finds plans is done.

    Parameters
    ----------
    problem
        The question in the scenario as it stands.
    plan, least
        The plan in hand and the least spend there, as intensities.
    """
    there = rebuilt(twin, with_values(twin.scenario, values))
    if there.chain.has_thresholds:
        return best_there(there, problem, plan, threads).intensity
    asked = allocation_problem(there, problem.budget, targeting=problem.targeting)
    begun = Start(asked, asked, follow(there.chain, least), (plan,))
    return find(begun, Proved(), threads=threads, make=_Rough).intensity
