"""Policies side by side: the same customers with the same luck under each, many times over."""

import copy
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from experiments.fingerprints import policy_digest
from experiments.odds import Odds, odds, worlds_weighed
from optimizer.ask.kept import Broken, broken_rules
from sim.arrays import Floats, Progress
from sim.contract import Policy
from sim.customers.people import TraitsFrom
from sim.errors import InputError
from sim.history import History, MeanHistory
from sim.market.clock import Market
from sim.market.expected import expected_course
from sim.market.purse import Budget, budget_of
from sim.twin import Twin
from sim.valuation import customer_asset

__all__ = ["Comparison", "Outcome", "budget_of", "compare"]


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
    content : str
        Fingerprint of the policy, its name apart; nothing where it is not known.
    broken : tuple of Broken, optional
        The rules that it breaks as it is played in expected numbers, the budget among them; None: not known.
    expected : float
        Customer asset in expected numbers (the fluid twin's), as it is played; nan where it is not known.
    feedback : bool
        Whether it reacts to more than time and how many customers are where; one that does not say so is taken to.
    low_all, high_all, chance_ahead, chance_best : float
        Ends of the 95 % interval of the difference in one future, luck and what is not known together; chances that it
        is worth more than the reference there, and most of all (:mod:`experiments.odds`). Nan where the scenario states
        no ranges.
    """

    name: str
    assets: Floats
    kept: Floats
    spends: Floats
    history: History
    difference: float
    low: float
    high: float
    content: str = ""
    broken: tuple[Broken, ...] | None = None
    expected: float = float("nan")
    feedback: bool = False
    low_all: float = float("nan")
    high_all: float = float("nan")
    chance_ahead: float = float("nan")
    chance_best: float = float("nan")

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
    """All policies, the reference first, and what they were simulated with.

    ``odds`` is how sure that is, where ``ranges`` (how many numbers of the scenario have one) were weighed.
    """

    outcomes: tuple[Outcome, ...]
    seed: int
    replications: int
    budget: float
    traits: TraitsFrom = "individual"
    equal_money: bool = False
    odds: Odds | None = None
    ranges: int = 0

    def __getitem__(self, name: str) -> Outcome:
        return next(outcome for outcome in self.outcomes if outcome.name == name)

    def to_rows(self) -> list[dict[str, Any]]:
        """Return one dict per policy.

        Name, simulated asset, difference from the first, interval, customers kept, spend and the budget that it is of,
        the rules that it breaks, the asset in expected numbers, and whether it reacts to what it sees; with what is not
        known its interval, and its chances to be ahead of the first and best of all.
        """
        return [
            {
                "name": outcome.name,
                "asset": outcome.asset,
                "difference": outcome.difference,
                "low": outcome.low,
                "high": outcome.high,
                "kept": float(outcome.kept.mean()),
                "spend": float(outcome.spends.mean()),
                "budget": self.budget,
                "breaks": None if outcome.broken is None else [asdict(each) for each in outcome.broken],
                "expected_asset": outcome.expected,
                "feedback": outcome.feedback,
                "low_all": outcome.low_all,
                "high_all": outcome.high_all,
                "chance_ahead": outcome.chance_ahead,
                "chance_best": outcome.chance_best,
            }
            for outcome in self.outcomes
        ]

    def difference(self, name: str, other: str) -> tuple[float, float, float]:
        """Return mean and 95 % interval of the paired difference in asset between two policies."""
        return _paired(self[name].assets - self[other].assets)


def _paired(difference: Floats) -> tuple[float, float, float]:
    from scipy.special import stdtrit  # of Student's t; `scipy.stats` takes half a second to import

    mean = float(difference.mean())
    if difference.size < 2:
        return mean, float("nan"), float("nan")
    half = float(stdtrit(difference.size - 1, 0.975) * difference.std(ddof=1) / np.sqrt(difference.size))
    return mean, mean - half, mean + half


def compare(
    twin: Twin,
    policies: Sequence[Policy],
    budget: float,
    *,
    seed: int = 0,
    first: int = 0,
    replications: int = 20,
    threads: int = 2,
    traits: TraitsFrom = "individual",
    purses: Mapping[str, Budget] | None = None,
    equal_money: bool = False,
    samples: int | None = 0,
    progress: Progress | None = None,
) -> Comparison:
    """Simulate every policy on the same customers with the same luck; the first policy is the reference.

    ``budget`` is what rules are held against; ``purses``, by a policy's name, what it can spend if that is not it;
    ``equal_money`` says that all were scaled to the budget; ``first`` is the number of the first replication;
    ``samples`` are worlds of the scenario's ranges in which all are weighed too (None: enough; 0: not asked).

    Replications, and worlds, are spread over threads; results do not depend on how many. Each market gets a copy of the
    policy, so that a policy may remember what it saw.
    """
    if replications < 1 or not policies:
        raise InputError(f"expected at least one policy and one replication, got {len(policies)} and {replications}")
    usual, own = budget_of(twin, budget), purses or {}
    money = [own.get(policy.name, usual) for policy in policies]
    contents = [policy_digest(policy) for policy in policies]
    alone = 1 if threads == 1 else None
    weighed = 0 if samples == 0 else worlds_weighed(twin.scenario, len(policies), replications, samples)
    simulated = replications / (replications + weighed + (len(twin.scenario.uncertain) if weighed else 0))
    done = 0
    lock = threading.Lock()

    def tick() -> None:
        nonlocal done
        if progress is not None:
            with lock:
                done += 1
                progress(simulated * done / (replications * len(policies)))

    def tell(share: float) -> None:
        if progress is not None:
            progress(simulated + (1 - simulated) * share)

    def run(replication: int) -> list[History]:
        population = twin.population(seed, replication, traits)
        histories = []
        for policy, purse in zip(policies, money, strict=True):
            market = Market(
                twin, copy.deepcopy(policy), population, purse, seed=seed, replication=replication, threads=alone
            )
            histories.append(market.run())
            tick()
        return histories

    twin.prepare(traits)
    assets, kept, spends = (np.empty((len(policies), replications)) for _ in range(3))
    means = [MeanHistory() for _ in policies]
    with ThreadPoolExecutor(threads) as pool:
        for replication, histories in enumerate(pool.map(run, range(first, first + replications))):
            for i, history in enumerate(histories):
                assets[i, replication] = customer_asset(history, twin.chain.discount_rate).total
                kept[i, replication] = history.alive[-1].sum()
                spends[i, replication] = history.spend.sum()
                means[i].add(history)
    courses = [expected_course(twin, policy, purse) for policy, purse in zip(policies, money, strict=True)]
    expected = np.array([course.asset for course in courses])
    known = None
    if weighed:
        known = odds(
            twin, list(zip(policies, money, strict=True)), assets, expected, samples=weighed, seed=seed,
            threads=threads, progress=tell,
        )  # fmt: skip
    outcomes = []
    for i, (policy, course) in enumerate(zip(policies, courses, strict=True)):
        difference = (0.0, 0.0, 0.0) if i == 0 else _paired(assets[i] - assets[0])
        facts = (assets[i], kept[i], spends[i], means[i].history(), *difference)
        broken = broken_rules(twin, budget, course)
        feedback = bool(getattr(policy, "feedback", True))
        sure = () if known is None else known.of(policy.name)
        outcomes.append(Outcome(policy.name, *facts, contents[i], broken, course.asset, feedback, *sure))
    return Comparison(
        tuple(outcomes), seed, replications, budget, traits, equal_money, known, len(twin.scenario.uncertain)
    )
