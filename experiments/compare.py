"""Policies side by side: the same customers with the same luck under each, many times over."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.contract import Policy
from sim.history import History
from sim.market.clock import Budget, Market
from sim.twin import TraitsFrom, Twin
from sim.valuation import customer_asset

__all__ = ["Comparison", "Outcome", "budget_of", "compare"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Outcome:
    """One policy over all replications.

    Attributes
    ----------
    name : str
    assets, kept, spends : (replications,)
        Customer asset; customers alive at the end (true); money spent.
    history : History
        Mean over replications.
    difference, low, high : float
        Mean paired difference in asset from the reference policy and its 95 % interval; zeros for the reference.
        The interval covers replication noise (customers' hidden truth and luck), not the assumptions.
    """

    name: str
    assets: Floats
    kept: Floats
    spends: Floats
    history: History
    difference: float
    low: float
    high: float

    @property
    def asset(self) -> float:
        """Return the mean customer asset."""
        return float(self.assets.mean())

    @property
    def clear(self) -> bool:
        """Return whether the interval excludes zero."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, eq=False)
class Comparison:
    """All policies, the reference first."""

    outcomes: tuple[Outcome, ...]
    seed: int
    replications: int
    budget: float

    def __getitem__(self, name: str) -> Outcome:
        return next(outcome for outcome in self.outcomes if outcome.name == name)

    def to_rows(self) -> list[dict[str, Any]]:
        """Return one dict per policy: name, asset, difference from the first, interval, customers kept, spend."""
        return [
            {
                "name": outcome.name,
                "asset": outcome.asset,
                "difference": outcome.difference,
                "low": outcome.low,
                "high": outcome.high,
                "kept": float(outcome.kept.mean()),
                "spend": float(outcome.spends.mean()),
            }
            for outcome in self.outcomes
        ]

    def difference(self, name: str, other: str) -> tuple[float, float, float]:
        """Return mean and 95 % interval of the paired difference in asset between two policies."""
        return _paired(self[name].assets - self[other].assets)


def _paired(difference: Floats) -> tuple[float, float, float]:
    from scipy.stats import t

    mean = float(difference.mean())
    if difference.size < 2:
        return mean, float("nan"), float("nan")
    half = float(t.ppf(0.975, difference.size - 1) * difference.std(ddof=1) / np.sqrt(difference.size))
    return mean, mean - half, mean + half


def budget_of(twin: Twin, total: float) -> Budget:
    """Return the money rules of a twin's scenario for a total budget."""
    rules = twin.scenario.rules
    caps = np.array([rules.levers[name].cap if name in rules.levers else 1.0 for name in twin.targets.levers])
    return Budget(total, rules.period_share * total, np.where(caps < 1, caps * total, np.inf))


def compare(
    twin: Twin,
    policies: Sequence[Policy],
    budget: float,
    *,
    seed: int = 0,
    replications: int = 20,
    threads: int = 2,
    traits: TraitsFrom = "individual",
    progress: Callable[[float], None] | None = None,
) -> Comparison:
    """Simulate every policy on the same customers with the same luck; the first policy is the reference.

    Replications are spread over threads; results do not depend on how many.
    """
    money = budget_of(twin, budget)
    done = 0
    lock = threading.Lock()

    def tick() -> None:
        nonlocal done
        if progress is not None:
            with lock:
                done += 1
                progress(done / (replications * len(policies)))

    def run(replication: int) -> list[History]:
        population = twin.population(seed, replication, traits)
        histories = []
        for policy in policies:
            market = Market(twin, policy, population, money, seed=seed, replication=replication)
            histories.append(market.run())
            tick()
        return histories

    _ = twin.amounts, twin.chain.terminal
    if traits == "individual" and twin.scenario.chain is None and twin.chain.with_terminal:
        _ = twin.value_grid
    with ThreadPoolExecutor(threads) as pool:
        by_replication = list(pool.map(run, range(replications)))

    rate = twin.chain.discount_rate
    assets = np.array([[customer_asset(h, rate).total for h in row] for row in by_replication])
    outcomes = []
    for i, policy in enumerate(policies):
        histories = [row[i] for row in by_replication]
        difference = (0.0, 0.0, 0.0) if i == 0 else _paired(assets[:, i] - assets[:, 0])
        outcomes.append(
            Outcome(
                policy.name,
                assets[:, i],
                np.array([h.alive[-1].sum() for h in histories]),
                np.array([h.spend.sum() for h in histories]),
                _mean(histories),
                *difference,
            )
        )
    return Comparison(tuple(outcomes), seed, replications, budget)


def _mean(histories: list[History]) -> History:
    def mean(name: str) -> Floats:
        return np.asarray(sum(getattr(h, name) for h in histories) / len(histories))

    names = ("customers", "alive", "purchases", "revenue", "reward", "spend")
    events = {key: np.asarray(sum(h.events[key] for h in histories) / len(histories)) for key in histories[0].events}
    return History(
        targets=histories[0].targets,
        events=events,
        terminal=float(np.mean([h.terminal for h in histories])),
        unspent=float(np.mean([h.unspent for h in histories])),
        **{name: mean(name) for name in names},
    )
