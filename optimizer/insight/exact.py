"""A table of money solved exactly: what the surface of plans looks up, asked of the optimiser."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from optimizer.ask.problem import allocation_problem
from optimizer.ask.rows import Kind, Row, money_of
from optimizer.insight.frontier import without_rule
from optimizer.insight.surface import ASSET, KEPT, RULES
from optimizer.insight.tables import followed, lines_of, with_terms_as_today
from optimizer.optimize import solve
from optimizer.plan import Plan
from optimizer.tolerances import EMPTY
from sim.arrays import Floats, Progress
from sim.engine.sensitivity import follow
from sim.errors import InputError, RulesError
from sim.twin import Twin

__all__ = ["Exact", "solve_exactly"]

HELD = Kind("held")
Line = tuple[str, str]


@dataclass(frozen=True, eq=False)
class Exact:
    """The best plan by segment for a budget, some lines held.

    Attributes
    ----------
    plan : Plan
    money : (periods, lines)
        Expected, what was committed before the start among it.
    slope : (lines,)
        d(asset)/d(money of a line), by its course over time; nan for a line without money.
    asset, kept : float
    counted : dict of str to float
        What every rule counts, by its name.
    """

    plan: Plan
    money: Floats
    slope: Floats
    asset: float
    kept: float
    counted: dict[str, float]


def solve_exactly(
    twin: Twin,
    budget: float,
    held: Mapping[Line, float] | None = None,
    *,
    without: str = "",
    near: Floats | None = None,
    threads: int = 2,
    progress: Progress | None = None,
) -> Exact:
    """Return the best plan that tells segments apart, with the money of some lines over the horizon as it is held.

    Terms stay as today.

    Parameters
    ----------
    held
        Money by (segment, lever), what was committed before the start among it.
    without
        A rule that need not hold: its key in the scenario, or its name.
    near : (periods, groups, stages, levers), optional
        Intensities of a plan that is known, than which the answer is worth no less where it keeps the rules; with it,
        the search is not begun from more starts and prices are those that it ended with.

    Raises
    ------
    InputError
        If there is no such line or rule.
    RulesError
        If no plan meets the rules with these lines held.
    """
    twin = with_terms_as_today(twin)
    chain, targets = twin.chain, twin.targets
    lines = lines_of(targets)
    problem = without_rule(allocation_problem(twin, budget, targeting="segment"), without)
    rows = list(problem.rows)
    for line, amount in (held or {}).items():
        if line not in lines.names:
            raise InputError(f"{line[0]}/{line[1]}: no such line; expected a segment and a lever that reaches it")
        rows += _held(twin, line, amount)
    plan = solve(
        replace(problem, rows=tuple(rows)), known=() if near is None else (near,), bounded=False, onward=near is None,
        priced=near is None,        threads=threads, progress=progress,
    )  # fmt: skip
    if plan.status != "feasible":
        raise RulesError(f"no plan was found that meets every rule with these lines held: it {plan.status}")
    nothing = follow(chain, targets.with_committed(np.zeros((chain.periods, *targets.shape))))
    committed = lines.money(targets, nothing.spend)[1]
    decided = lines.money(targets, plan.spend)[0]
    total = decided.sum(axis=0)
    course = np.divide(decided, total, out=np.zeros_like(decided), where=total > EMPTY)
    counts, slope = followed(problem, lines, course, total)
    return Exact(
        plan, decided + committed, np.where(total > EMPTY, slope, np.nan), float(counts[ASSET]), float(counts[KEPT]),
        {row.name: float(counts[RULES + i]) for i, row in enumerate(problem.rows)},
    )  # fmt: skip


def _held(twin: Twin, line: Line, amount: float) -> list[Row]:
    """Return the rows that hold the money of a line."""
    targets = twin.targets
    where = (
        np.ones(twin.chain.periods, bool), np.array([name == line[0] for name in targets.segments]),
        np.ones(len(targets.stages), bool), np.array([name == line[1] for name in targets.levers]),
    )  # fmt: skip
    money, name = money_of(twin.chain, [(1.0, *where)]), f"{line[0]} / {line[1]} as it is held"
    most = Row(name, HELD, "<=", amount, money=money)
    return [most, Row(name, HELD, ">=", amount, when="at least", money=money)] if amount > 0 else [most]
