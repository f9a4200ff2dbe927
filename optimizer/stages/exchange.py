"""What is reached for the least money, asked the other way round: what the most is that the same money reaches.

A target on the asset is a rule that bends: over a threshold of its curves a search for the least money does not see,
where one for the most asset does. So what money was found is offered to that search, by the same stages as any budget,
and where a little less of it holds what was asked, less is enough: the search for the least goes on from that plan.
"""

from dataclasses import replace

import numpy as np

from optimizer.ask.problem import AllocationProblem
from optimizer.ask.rows import BUDGET, Row
from optimizer.ask.rules import ASSET, budget_row

__all__ = ["NEAREST", "ROUNDS", "target_of", "turned"]

ROUNDS, NEAREST = 16, 1e-4
"""Amounts of money that are offered, at most; and the share of the money by which the last of them is too little."""


def target_of(problem: AllocationProblem) -> Row | None:
    """Return the asset that is to be reached for the least money; None where something else is asked."""
    if problem.goal != "least_money" or problem.no_choice:
        return None
    return next((row for row in problem.rows if row.kind is ASSET), None)


def turned(problem: AllocationProblem, money: float) -> AllocationProblem:
    """Return the question for the most asset for an amount of money, under all rules but the target."""
    rows = (replace(row, per_budget=0.0) for row in problem.rows if row.kind not in (ASSET, BUDGET))
    purse = (budget_row(problem.chain, money),) if np.isfinite(money) else ()
    return replace(problem, goal="asset", rows=(*purse, *rows))
