"""The figures of a run: what to rank by first, then by segment, by lever and over time, each kind under its prefix.

A prefix becomes a section of charts in MLflow. Units are money of the scenario (present values where a name says
``asset`` or ``profit``), people or shares; :data:`UNITS` says which, and so does a run's note.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from experiments.compare import Comparison, Outcome
from experiments.tracking.record import Series
from experiments.words.proof import proof_figures
from optimizer.plan import Plan
from sim.arrays import Floats
from sim.scenario.file import Scenario
from sim.valuation import customer_asset

__all__ = ["UNITS", "against", "by_name", "expected_metrics", "outcome_metrics", "plan_metrics", "regrets"]

MOST_NAMES = 50
"""Segments or levers that a run shows one by one, those with the most money first; the others are summed."""

UNITS = {
    "asset": "money, discounted: what present and future customers are worth after marketing",
    "gain": "money: asset above that of today's policy, or else of the first, with its 95 % interval low to high; "
    "low_all to high_all count what is not known",
    "chance_best": "share of futures in which it is worth most of all that were compared, with what is not known",
    "regret": "money: asset below that of the best policy in the same world for the same budget",
    "kept": "customers who still are at the end",
    "spend, budget": "money over the horizon",
    "rules_broken": "rules",
    "by_segment": "spend and profit (discounted, within the horizon) in money, customers at the end in people",
    "by_lever": "money over the horizon",
    "over_time": "money or people by period; asset_so_far is discounted profit up to then",
    "plan": "money in expected numbers; shares, and what one more unit of money brings, where the name says so",
}


def against(comparison: Comparison) -> Outcome:
    """Return what gains are above: today's policy, or else the first."""
    today = (outcome for outcome in comparison.outcomes if outcome.name == "as today")
    return next(today, comparison.outcomes[0])


def regrets(comparison: Comparison) -> dict[str, float]:
    """Return by policy the asset that the best one has beyond it."""
    best = max(outcome.asset for outcome in comparison.outcomes)
    return {outcome.name: best - outcome.asset for outcome in comparison.outcomes}


def outcome_metrics(outcome: Outcome, comparison: Comparison, scenario: Scenario) -> Series:
    """Return a policy's figures, and its course by period."""
    history, last = outcome.history, outcome.history.periods
    asset = customer_asset(history, scenario.discount_per_period)
    gain, low, high = comparison.difference(outcome.name, against(comparison).name)
    facts = {
        "asset": outcome.asset,
        "asset_within_horizon": asset.within_horizon,
        "asset_after_horizon": asset.after_horizon,
        "gain": gain, "gain_low": low, "gain_high": high,
        **_with_the_unknown(outcome, comparison),
        "regret": regrets(comparison)[outcome.name],
        "kept": float(outcome.kept.mean()),
        "spend": float(outcome.spends.mean()),
        "budget": comparison.budget,
        "expected_asset": outcome.expected,
        "rules_broken": math.nan if outcome.broken is None else float(len(outcome.broken)),
    }  # fmt: skip
    courses = {
        "over_time/asset_so_far": np.cumsum(asset.by_period),
        "over_time/profit": history.profit,
        "over_time/spend": history.spend.sum(axis=(1, 2, 3)),
        "over_time/customers": history.alive.sum(axis=1)[1:],
    }
    names = history.targets.levers
    courses |= {f"spend_over_time/{name}": history.spend[..., i].sum(axis=(1, 2)) for i, name in enumerate(names)}
    stages = history.targets.stages
    courses |= {f"stage_over_time/{name}": history.customers[1:, :, i].sum(axis=1) for i, name in enumerate(stages)}
    metrics: Series = [(name, value, last) for name, value in facts.items()]
    for name, money in by_name(names, history.spend.sum(axis=(0, 1, 2))).items():
        metrics.append((f"spend_by_lever/{name}", money, last))
    metrics += _by_segment(outcome, scenario)
    for name, course in courses.items():
        metrics += [(name, float(value), step) for step, value in enumerate(course, start=1)]
    return metrics


def _with_the_unknown(outcome: Outcome, comparison: Comparison) -> dict[str, float]:
    """Return the interval with what is not known, where gains are above the reference, and the chance to be best."""
    if comparison.odds is None:
        return {}
    ends = {"gain_low_all": outcome.low_all, "gain_high_all": outcome.high_all}
    same = against(comparison) is comparison.outcomes[0]
    return {**(ends if same else {}), "chance_best": outcome.chance_best}


def _by_segment(outcome: Outcome, scenario: Scenario) -> Series:
    history = outcome.history
    factors = (1 + scenario.discount_per_period) ** -np.arange(float(history.periods))
    spend = history.spend.sum(axis=(2, 3))
    profit = factors @ (history.reward.sum(axis=2) - spend)
    kinds = {"spend": spend.sum(axis=0), "profit": profit, "customers": history.alive[-1]}
    return [
        (f"{kind}_by_segment/{name}", value, history.periods)
        for kind, values in kinds.items()
        for name, value in by_name(history.targets.segments, values, order=spend.sum(axis=0)).items()
    ]


def by_name(names: tuple[str, ...], values: Floats, order: Floats | None = None) -> dict[str, float]:
    """Return sums by name; of very many those with the most ``order``, and the sum of the others."""
    sums: dict[str, float] = {}
    ranks: dict[str, float] = {}
    for name, value, rank in zip(names, values, values if order is None else order, strict=True):
        sums[name] = sums.get(name, 0.0) + float(value)
        ranks[name] = ranks.get(name, 0.0) + float(rank)
    if len(sums) <= MOST_NAMES:
        return sums
    shown = sorted(sums, key=lambda name: -ranks[name])[: MOST_NAMES - 1]
    left = [sums[name] for name in sums if name not in set(shown)]
    return {**{name: sums[name] for name in shown}, f"{len(left)} others": sum(left)}


def plan_metrics(plan: Plan | None) -> Series:
    """Return the figures of a plan and its proof."""
    return [] if plan is None else [(f"plan/{name}", value, 0) for name, value in proof_figures(plan).items()]


def expected_metrics(plan: Plan, facts: Mapping[str, float]) -> Series:
    """Return the figures of a plan that was not simulated, in expected numbers: ``facts``, then where money goes."""
    money = plan.spend
    metrics: Series = [(name, value, 0) for name, value in {**facts, "spend": float(money.sum())}.items()]
    targets = plan.targets
    parts = {
        "spend_by_lever": by_name(targets.levers, money.sum(axis=(0, 1, 2))),
        "spend_by_segment": by_name(targets.segments, money.sum(axis=(0, 2, 3))),
    }
    metrics += [(f"{kind}/{name}", value, 0) for kind, sums in parts.items() for name, value in sums.items()]
    for i, name in enumerate(targets.levers):
        course = money[..., i].sum(axis=(1, 2))
        metrics += [(f"spend_over_time/{name}", float(value), step) for step, value in enumerate(course, start=1)]
    return [*metrics, *plan_metrics(plan)]
