"""What is written down about a study: names, parameters, figures and notes of its runs; no MLflow here."""

from __future__ import annotations

import hashlib
import math
import platform
from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.words.figures import money
from experiments.words.kept import best_in_words, breaks, broken_in_words, rules_broken
from experiments.words.phrases import number_at_most
from experiments.words.policies import Kind, policy_facts
from experiments.words.proof import proof_figures, proof_in_words
from sim.valuation import customer_asset

if TYPE_CHECKING:
    from experiments.compare import Comparison, Outcome
    from optimizer.plan import Plan
    from sim.scenario.file import Scenario

__all__ = [
    "Series", "code_version", "key_of", "params_of", "plan_metrics", "policy_metrics", "policy_note",
    "rounded", "running_code", "study_note",
]  # fmt: skip

Series = list[tuple[str, float, int]]


def params_of(scenario: Scenario, comparison: Comparison) -> dict[str, str]:
    """Return what a run depends on, as dotted names."""
    rules = scenario.rules
    params: dict[str, object] = {
        "scenario": scenario.name,
        "seed": comparison.seed,
        "replications": comparison.replications,
        "horizon.periods": scenario.periods,
        "horizon.period": scenario.period,
        "horizon.terminal": scenario.terminal,
        "discount_rate": scenario.discount_rate,
        "margin": scenario.margin,
        "loss": scenario.loss,
        "budget.total": rounded(comparison.budget),
        "budget.period_share": rules.period_share,
        "budget.equal_money": comparison.equal_money,
        "code.version": code_version(),
    }
    for name, rule in rules.levers.items():
        params |= {f"rules.{name}.floor": rule.floor, f"rules.{name}.cap": rule.cap}
    for name, lever in scenario.levers.items():
        params[f"levers.{name}.reference"] = lever.reference
        for effect, curve in lever.moves.items():
            params[f"levers.{name}.{effect}"] = (
                f"{curve.shape}: {curve.without_money:g} without money, {curve.brings:g} at {curve.spend:g}, "
                f"{number_at_most(curve.unlimited_money, 6)} at most"
            )
    return {key: str(value) for key, value in params.items()}


def policy_metrics(outcome: Outcome, scenario: Scenario) -> Series:
    """Return a policy's figures, and its course by period."""
    history = outcome.history
    asset = customer_asset(history, scenario.discount_per_period)
    last = history.periods
    metrics: Series = [
        ("asset", outcome.asset, last),
        ("asset_within_horizon", asset.within_horizon, last),
        ("asset_after_horizon", asset.after_horizon, last),
        ("difference", outcome.difference, last),
        ("difference_low", outcome.low, last),
        ("difference_high", outcome.high, last),
        ("kept", float(outcome.kept.mean()), last),
        ("spend", float(outcome.spends.mean()), last),
        ("expected_asset", outcome.expected, last),
    ]
    if outcome.broken is not None:
        metrics.append(("rules_broken", float(len(outcome.broken)), last))
    targets = history.targets
    for step, value in enumerate(np.cumsum(asset.by_period), start=1):
        metrics.append(("over_time/discounted_profit_so_far", float(value), step))
    for step, value in enumerate(history.alive.sum(axis=1)):
        metrics.append(("over_time/customers_alive", float(value), step))
    for stage, name in enumerate(targets.stages):
        for step, value in enumerate(history.customers[:, :, stage].sum(axis=1)):
            metrics.append((f"customers_by_stage/{name}", float(value), step))
    for lever, name in enumerate(targets.levers):
        for step, value in enumerate(history.spend[..., lever].sum(axis=(1, 2)), start=1):
            metrics.append((f"spend_by_lever/{name}", float(value), step))
    return metrics


def plan_metrics(plan: Plan | None) -> Series:
    """Return the figures of a plan and its proof."""
    if plan is None:
        return []
    return [(f"plan/{name}", value, 0) for name, value in proof_figures(plan).items()]


def policy_note(outcome: Outcome, scenario: Scenario, comparison: Comparison, experiment: str, parent: str) -> str:
    """Return what a policy's run says about itself, in Markdown."""
    reference = comparison.outcomes[0]
    return (
        f"Policy **{_plain(outcome.name)}** in {_plain(scenario.name)}, {scenario.periods} {scenario.period}s: "
        f"customer asset {outcome.asset:,.0f} {_plain(scenario.currency)}"
        f"{_against(outcome, reference)}. "
        f"Means over {comparison.replications} replications.\n\n"
        f"{_plain(broken_in_words(outcome, comparison.budget)) + chr(10) * 2 if outcome.broken else ''}"
        f"The study, with its report: [open](#/experiments/{experiment}/runs/{parent}?workflowType=machine_learning)."
    )


def _against(outcome: Outcome, reference: Outcome) -> str:
    if outcome is reference:
        return " (the reference)"
    interval = f", 95 % interval {outcome.low:+,.0f} to {outcome.high:+,.0f}" if math.isfinite(outcome.low) else ""
    return f", {outcome.difference:+,.0f} against *{_plain(reference.name)}*{interval} (replication noise only)"


def study_note(comparison: Comparison, scenario: Scenario, best: Outcome, board: str, plan: Plan | None = None) -> str:
    """Return what a study's run says about itself, in Markdown."""
    words = None if plan is None else proof_in_words(plan, scenario.currency)
    proved = "" if words is None else f"The plan: {_plain(words.worth)} {_plain(words.proved)}\n\n"
    facts = policy_facts(comparison, ranked=True)
    header = [f"vs {_plain(facts.reference)}" if kind == "difference" else name for name, kind in facts.columns]
    rules = ["---" if kind == "name" else "---:" for _, kind in facts.columns]
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in (header, rules, *facts.shown(SIGNS)))
    return (
        f"**{_plain(best.name)}** makes customers worth most: {best.asset:,.0f} {_plain(scenario.currency)}"
        f"{_against(best, comparison.outcomes[0])}. "
        f"{_plain(best_in_words(comparison)) + ' ' if best_in_words(comparison) else ''}"
        f"The policies, best first: [leaderboard]({board}). The whole answer: the HTML report under *Artifacts*.\n\n"
        f"{proved}"
        f"{table}\n"
        f"{''.join(f'{chr(10)}{_plain(said)}{chr(10)}' for said in rules_broken(comparison))}"
    )


def _interval(ends: tuple[float, float] | None) -> str:
    if ends is None or not math.isfinite(ends[0]):
        return "–"
    return f"{money(ends[0], signed=True)} to {money(ends[1], signed=True)}"


def _plain(text: str) -> str:
    """Return a name without signs that Markdown would read."""
    return "".join(f"\\{sign}" if sign in "\\`*_[]<>|#" else sign for sign in text)


SIGNS: Mapping[Kind, Callable[[Any], str]] = {
    "name": _plain,
    "money": money,
    "difference": lambda amount: "reference" if amount is None else money(amount, signed=True),
    "interval": _interval,
    "count": "{:,.0f}".format,
    "rules": breaks,
}


def key_of(name: str) -> str:
    """Return a name of a parameter or metric with the signs that MLflow takes."""
    return "".join(sign if sign.isalnum() or sign in "_-. :/" else "_" for sign in name)[:250]


def rounded(value: float) -> float:
    """Return five significant digits, or a whole number if longer: charts zoom into whatever noise they are given."""
    return float(round(value)) if abs(value) >= 10_000 else float(f"{value:.5g}")


@cache
def code_version() -> str:
    """Return the release and a fingerprint of the sources that run."""
    try:
        release = version("tenure")
    except PackageNotFoundError:
        release = "source"
    root = Path(__file__).resolve().parent.parent
    content = hashlib.sha256()
    for package in ("sim", "optimizer", "policies", "experiments", "tenure"):
        for path in sorted((root / package).rglob("*.py")):
            content.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return f"{release}+{content.hexdigest()[:12]}"


@cache
def running_code() -> str:
    """Return :func:`code_version`, with the versions of what it computes with and the kind of machine."""
    libraries = " ".join(f"{name} {version(name)}" for name in ("numpy", "numba", "scipy", "pandas", "duckdb", "simpy"))
    return f"{code_version()} {libraries} Python {platform.python_version()} {platform.machine()}"
