"""Histories that the engine's customers make under known curves, and how often these lie in what is learned."""

from typing import Any

import numpy as np

from sim.contract import Allocation
from sim.market.clock import Market
from sim.responses.history.read import History
from sim.responses.learn import Learned
from sim.responses.shape import Shape
from sim.scenario.file import Scenario, parse
from sim.twin import build

ADVERTS = {"without_money": 0.004, "unlimited_money": 0.05, "spend": 0.5, "brings": 0.02}
OFFERS = {"without_money": 0.0, "unlimited_money": 0.6, "spend": 0.3, "brings": 0.25}
CARE = {"without_money": 0.86, "unlimited_money": 0.97, "spend": 0.3, "brings": 0.93}
TARGETS = {"adverts": ["prospect"], "offers": ["new", "developing", "core"], "care": ["new", "developing", "core"]}
MOVES = {"adverts": "acquisition", "offers": "purchase_rate", "care": "survival"}
GUESS = {
    "adverts": {"without_money": 0.006, "unlimited_money": 0.08, "spend": 0.5, "brings": 0.015},
    "offers": {"without_money": 0.02, "unlimited_money": 0.9, "spend": 0.3, "brings": 0.2},
    "care": {"without_money": 0.85, "unlimited_money": 0.968, "spend": 0.3, "brings": 0.92},
}
RANGES = {
    "adverts": ((0.002, 0.009), (0.01, 0.03), (0.031, 0.15)),
    "offers": ((-0.1, 0.09), (0.1, 0.5), (0.51, 1.5)),
    "care": ((0.78, 0.899), (0.9, 0.95), (0.951, 0.99)),
}


def scenario_of(curves: dict[str, dict[str, float]], ranged: bool = False, heads: int = 20_000) -> Scenario:
    segments = {
        name: {
            "start": {"prospect": heads, "new": heads // 8},
            "traits": {"purchase_rate": 0.5, "defection_rate": 0.07, "spend": 20},
        }
        for name in ("town", "country")
    }
    levers = {
        name: {"targets": TARGETS[name], "reference": 0.3, "moves": {MOVES[name]: curve}}
        for name, curve in curves.items()
    }
    numbers = ("without_money", "brings", "unlimited_money")
    uncertain = [
        {"path": f"levers.{name}.moves.{MOVES[name]}.{number}", "low": low, "high": high}
        for name in curves
        for number, (low, high) in zip(numbers, RANGES[name], strict=True)
    ]
    return parse({"name": "h", "periods": 3, "terminal": "none", "segments": segments, "levers": levers,
                  "uncertain": uncertain if ranged else []})  # fmt: skip


class _Money:
    """Random money a head by segment, lever and period."""

    name = "money"

    def __init__(self, each: Any) -> None:
        self.each = each

    def decide(self, observation: Any) -> Allocation:
        allowed = observation.targets.allowed
        return Allocation.within(np.where(allowed, self.each[observation.period][:, None, :], 0.0), observation)


def made(truth: Scenario, seed: int, periods: int = 30) -> History:
    """Return a history that the engine's customers made."""
    random = np.random.default_rng(seed)
    levers = tuple(truth.levers)
    each = np.exp(random.normal(-1.2, 0.9, (periods, 2, len(levers))))
    twin = build(parse({**truth.model_dump(mode="json", exclude_unset=True), "periods": periods}))
    history = Market(twin, _Money(each), twin.population(seed, 0), seed=seed, threads=1).run()
    inside = [stage not in ("lapsed", "prospect", "unaware") for stage in history.targets.stages]
    outcome = {
        "won": history.events["won"], "active": history.customers[1:][:, :, inside].sum(axis=2),
        "purchases": history.purchases.sum(axis=2), "money": history.revenue.sum(axis=2),
    }  # fmt: skip
    named = tuple(str(t) for t in range(1, periods + 1))
    spend = history.spend.sum(axis=2)
    return History("h.csv", named, ("town", "country"), levers, spend, {k: v.astype(float) for k, v in outcome.items()})


class Inside:
    """Counts how often each point of the true curves lies in its 95 % interval, and how wide that is."""

    def __init__(self, truth: Scenario) -> None:
        self.truth = truth
        self.inside: dict[tuple[str, float], list[bool]] = {}
        self.wide: dict[tuple[str, float], list[float]] = {}

    def count(self, found: Learned) -> None:
        """Count the points of what was learned."""
        for row in found.curves:
            shape = Shape(self.truth.levers[row.lever].moves[row.moves], row.moves)
            right = float(shape.at(shape.start, np.array([row.at]))[0])
            self.inside.setdefault((row.lever, row.at), []).append(row.low <= right <= row.high)
            self.wide.setdefault((row.lever, row.at), []).append(row.high - row.low)

    def least(self) -> int:
        """Return how often the point that was inside least was; print all."""
        for key, each in self.inside.items():
            print(key, "inside", sum(each), "of", len(each), "median width", f"{np.median(self.wide[key]):.4g}")
        return min(sum(each) for each in self.inside.values())
