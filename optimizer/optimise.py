"""From a chain and its rules to a plan: the bound with full information, the playable mixture, one plan of it."""

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from optimizer.decomposition import FullInformation, certified_bound, full_information
from optimizer.plan import Plan
from optimizer.playable import Playable, playable
from optimizer.problem import AllocationProblem, joint_actions, reference_spend, rows_of
from sim.engine.chain import ControlledChain
from sim.engine.fluid import expected_history
from sim.errors import InputError
from sim.scenario import Scenario
from sim.valuation import customer_asset

__all__ = ["allocation_problem", "optimise"]

Floats = NDArray[np.float64]

REPAIRS = 12
"""Rounds of scaling a mixed plan into its rules; each closes most of what is left."""


def allocation_problem(scenario: Scenario, chain: ControlledChain, budget: float | None = None) -> AllocationProblem:
    """Return the question a scenario asks; ``budget`` overrides the scenario's, which defaults to today's spend."""
    if budget is None:
        budget = scenario.rules.budget
    if budget is None:
        budget = reference_spend(chain)
    if not np.isfinite(budget) or budget < 0:
        raise InputError(f"budget: expected money of at least 0, got {budget:g}")
    actions, choices = joint_actions(chain)
    return AllocationProblem(
        chain, actions, choices, rows_of(scenario.rules, float(budget), chain.targets, chain.periods)
    )


def optimise(
    scenario: Scenario,
    chain: ControlledChain,
    budget: float | None = None,
    *,
    tolerance: float = 1e-3,
    threads: int = 2,
    progress: Callable[[str, float], None] | None = None,
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
    best = full_information(problem, tolerance, threads=threads, progress=progress)
    found = playable(problem, best, threads=threads, progress=progress)
    began = time.perf_counter()
    mixed = _mean_intensity(problem, found)
    intensity = fit_to_rules(problem, mixed)
    history = expected_history(chain, intensity)
    nothing = np.broadcast_to(problem.actions[:, :, 0], intensity.shape)
    fitted = time.perf_counter()
    bound = certified_bound(problem, best.prices_of_bound, intensity, threads)
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
        no_spend=customer_asset(expected_history(chain, nothing), chain.discount_rate).total,
        bound=bound,
        prices=prices,
        shadow_price=float(found.prices @ np.array([row.per_budget for row in problem.rows])),
        status="feasible",
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


def fit_to_rules(problem: AllocationProblem, intensity: Floats) -> Floats:
    """Return the plan scaled, period by lever, until it meets every rule in expectation.

    Mixing plans changes who is where, so what the mixture spends is met only nearly. Each round scales what a broken
    rule counts, or fills the budget where its plan used all of it.
    """
    scaled = intensity.copy()
    coefficients, limits = problem.coefficients, problem.limits
    full = _usage(problem, scaled)[0] >= limits[0] * (1 - 0.02) if len(limits) else False
    for _ in range(REPAIRS):
        spend = expected_history(problem.chain, scaled).spend.sum(axis=(1, 2))
        usage = np.einsum("rtl,tl->r", coefficients, spend)
        factor = np.ones_like(spend)
        for row, used, limit, counted in zip(problem.rows, usage, limits, coefficients, strict=True):
            need = limit / used if used > 0 else 1.0
            if (row.sense == "<=" and used > limit) or (row.sense == ">=" and used < limit):
                factor = np.where(counted > 0, factor * need, factor)
            elif row.name == "budget" and full and used > 0:
                factor = factor * need
        if np.allclose(factor, 1, rtol=1e-9, atol=0):
            break
        scaled = scaled * factor[:, None, None, :]
    return scaled


def _usage(problem: AllocationProblem, intensity: Floats) -> Floats:
    spend = expected_history(problem.chain, intensity).spend.sum(axis=(1, 2))
    return np.asarray(np.einsum("rtl,tl->r", problem.coefficients, spend))
