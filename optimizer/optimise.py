"""From a chain and its rules to a plan: the bound with full information, the playable mixture, one plan of it."""

import time

import numpy as np
from numpy.typing import NDArray

from optimizer.decomposition import FullInformation, Progress, certified_bound, full_information
from optimizer.plan import BOUND_ASSUMES, NO_BOUND, Plan
from optimizer.playable import Playable, playable
from optimizer.problem import AllocationProblem, budget_in_force, joint_actions, rows_of
from sim.engine.chain import ControlledChain
from sim.engine.fluid import expected_history
from sim.engine.lifecycle import Lifecycle
from sim.scenario import Scenario
from sim.valuation import customer_asset

__all__ = ["allocation_problem", "least_spend", "optimise"]

Floats = NDArray[np.float64]

TINY = 1e-6
"""Share of today's spend below which a budget is too small to be told from none."""
REPAIRS = 60
"""Rounds of scaling a mixed plan into its rules, at most; each closes most of what is left."""
FITTED, FILLED = 1e-9, 1e-3
"""Share of a rule by which it may be missed; by which rules may be missed while the budget is being filled."""


def allocation_problem(scenario: Scenario, chain: ControlledChain, budget: float | None = None) -> AllocationProblem:
    """Return the question a scenario asks; ``budget`` overrides the scenario's, which defaults to today's spend."""
    total = budget_in_force(scenario, chain, budget)
    actions, choices = joint_actions(chain)
    return AllocationProblem(chain, actions, choices, rows_of(scenario.rules, total, chain.targets, chain.periods))


def optimise(
    scenario: Scenario,
    chain: ControlledChain,
    budget: float | None = None,
    *,
    tolerance: float = 1e-3,
    threads: int = 2,
    progress: Progress | None = None,
) -> Plan:
    """Return a playable plan, its bound and its prices.

    Parameters
    ----------
    budget
        Money over the horizon; None: the scenario's, or else what today's spend is expected to cost.
    tolerance
        Of the bound, as a share of the possible lift.

    Raises
    ------
    RulesError
        If no plan meets the rules.
    """
    problem = allocation_problem(scenario, chain, budget)
    tell = progress or (lambda _: None)
    searched = problem
    if problem.limits[0] < TINY * problem.row_units[0]:  # prices of no money at all are those of a little
        searched = allocation_problem(scenario, chain, TINY * float(problem.row_units[0]))
    best = full_information(searched, tolerance, threads=threads, progress=lambda done: tell(0.5 * done))
    found = playable(searched, best, threads=threads, progress=lambda done: tell(0.5 + 0.4 * done))
    began = time.perf_counter()
    mixed = _held(problem, _mean_intensity(problem, found), found)
    intensity, missed = fit_to_rules(problem, mixed)
    history = expected_history(chain, intensity)
    least = expected_history(chain, least_spend(problem))
    fitted = time.perf_counter()
    reference = certified_bound(problem, best.prices_of_bound, intensity, threads)
    couples = isinstance(chain, Lifecycle) and chain.crowd.couples
    prices = {
        row.name: float(price) for row, price in zip(problem.rows, found.prices, strict=True) if abs(price) > 1e-9
    }
    return Plan(
        scenario=scenario.name,
        scenario_hash=scenario.hash,
        targets=chain.targets,
        intensity=intensity,
        customers=history.customers[:-1],
        budget=problem.rows[0].limit,
        asset=customer_asset(history, chain.discount_rate).total,
        no_spend=customer_asset(least, chain.discount_rate).total,
        bound=float("nan") if couples else reference,
        reference=reference,
        bound_assumes=NO_BOUND if couples else BOUND_ASSUMES,
        prices=prices,
        shadow_price=float(found.prices @ np.array([row.per_budget for row in problem.rows])),
        status="feasible" if missed < 1e-6 else f"misses a rule by {missed:.2%}",
        termination=_termination(best, found, tolerance),
        seconds={
            "bound": best.seconds,
            "plan": found.seconds,
            "fit": fitted - began,
            "certificate": time.perf_counter() - fitted,
        },
    )


def _termination(best: FullInformation, found: Playable, tolerance: float) -> str:
    bound = f"bound within {tolerance:g} of lift" if best.converged else "bound stopped at its iteration limit"
    return f"{bound} after {best.iterations} prices; plan settled after {found.iterations}"


def _mean_intensity(problem: AllocationProblem, found: Playable) -> Floats:
    """Return one intensity per (period, target): the mixed plans' mean, weighted by the customers each has there."""
    shape = (problem.chain.periods, *problem.targets.shape)
    intensity = np.zeros(shape)
    for g, (weights, columns) in enumerate(zip(found.mixture.weights, found.columns, strict=True)):
        money = np.zeros((shape[0], *shape[2:]))
        heads = np.zeros((shape[0], shape[2]))
        for weight, column in zip(weights, columns, strict=True):
            money += weight * np.einsum("tsa,sal->tsl", column.used, problem.actions[g])
            heads += weight * column.used.sum(axis=2)
        intensity[:, g] = money / np.maximum(heads, 1e-300)[..., None]
        empty = heads <= 1e-12
        intensity[:, g][empty] = 0
    return intensity


def _held(problem: AllocationProblem, intensity: Floats, found: Playable) -> Floats:
    """Return the plan with each campaign at one intensity for as long as it runs: the mean, by expected heads."""
    out = problem.targets.with_committed(intensity)
    if max(problem.targets.duration) == 1:
        return out
    heads = np.zeros((problem.chain.periods, *problem.targets.shape[:2]))
    for g, (weights, columns) in enumerate(zip(found.mixture.weights, found.columns, strict=True)):
        heads[:, g] = sum(w * column.used.sum(axis=2) for w, column in zip(weights, columns, strict=True))
    for lever, duration in enumerate(problem.targets.duration):
        for window in problem.targets.windows(lever, problem.chain.periods) if duration > 1 else ():
            number = heads[window].sum(axis=0)
            money = (out[window, :, :, lever] * heads[window]).sum(axis=0)
            out[window, :, :, lever] = np.divide(money, number, out=np.zeros_like(money), where=number > 1e-12)
    return out


def least_spend(problem: AllocationProblem) -> Floats:
    """Return the rule-feasible plan with the least spend: nothing but what is committed, or the floors alone.

    Floors are spread evenly over time and heads.
    """
    intensity = problem.targets.with_committed(np.zeros((problem.chain.periods, *problem.targets.shape)))
    for row in problem.rows:
        if row.sense == ">=" and row.limit > 0:
            heads = max(float(problem.chain.initial.sum()), 1.0) * problem.chain.periods
            intensity += row.limit / heads * row.periods[:, None, None, None] * row.levers * problem.targets.allowed
    return fit_to_rules(problem, problem.targets.with_committed(intensity))[0] if intensity.any() else intensity


def fit_to_rules(problem: AllocationProblem, intensity: Floats) -> tuple[Floats, float]:
    """Return the plan scaled, period by lever, until it meets every rule, and by what share it misses the worst.

    Mixing plans changes who is where, so what the mixture spends is met only nearly. Each round scales what a broken
    rule counts, or fills the budget where its plan used all but a little of it.
    """
    scaled = intensity.copy()
    full, worst = False, np.inf
    for repair in range(REPAIRS + 1):
        usage = problem.usage(scaled)
        missed = np.maximum(problem.signs * (usage - problem.limits), 0) / problem.row_units
        worst = float(missed.max(initial=0))
        full = full or (repair == 0 and bool(usage[0] >= 0.98 * problem.limits[0]))
        factor = np.ones((problem.chain.periods, problem.targets.shape[2]))
        for r, row in enumerate(problem.rows):
            fills = row.name == "budget" and full and worst < FILLED
            if usage[r] > 0 and (missed[r] > 0 or fills):
                factor = np.where(problem.coefficients[r] > 0, factor * problem.limits[r] / usage[r], factor)
        for lever, lead in enumerate(problem.targets.lead):
            factor[:lead, lever] = 1.0
            for window in problem.targets.windows(lever, problem.chain.periods):
                factor[window, lever] = factor[window, lever].min()
        if repair == REPAIRS or (worst < FITTED and np.abs(factor - 1).max() < 1e-7):
            break
        scaled = scaled * factor[:, None, None, :]
    return scaled, worst
