"""Plans under assumptions that are not known: parameter samples, caution, and which assumption to test next.

Samples are Latin hypercubes over the scenario's stated ranges (McKay, Beckman & Conover 1979). One plan for all of them
maximises ``(1 - caution) mean + caution CVaR``, where CVaR is the mean over the worst ``tail`` of the samples
(Rockafellar & Uryasev 2000), by sequential LP on the supergradient ``sum_k w_k grad asset_k``. Plans are scored on
samples that they were not optimised on. Rules are kept in the scenario as it stands.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from optimizer.ask.problem import AllocationProblem
from optimizer.ask.rows import as_today
from optimizer.bound.decomposition import full_information
from optimizer.optimize import allocation_problem, least_spend, plan_of
from optimizer.plan import Plan
from optimizer.search.sequential import Sequential, Settled
from sim.arrays import Floats, Progress
from sim.engine.chain import ControlledChain
from sim.engine.sensitivity import Course, follow
from sim.errors import InputError
from sim.scenario.file import Scenario, parse

__all__ = ["Assumption", "Risk", "Scores", "drawn", "risk", "with_values"]

Build = Callable[[Scenario], ControlledChain]


def with_values(scenario: Scenario, values: dict[str, float]) -> Scenario:
    """Return the scenario with numbers at dotted paths replaced, e.g. ``levers.retention.moves.survival.brings``.

    Raises
    ------
    InputError
        If a path leads to no number, or the scenario does not allow the value.
    """
    content = scenario.model_dump(mode="json", exclude_unset=True)
    for path, value in values.items():
        here: Any = content
        *way, last = path.split(".")
        for part in way:
            here = _inside(here, part)
        place: Any = int(last) if isinstance(here, list) and last.isdigit() else last
        found = _inside(here, last)
        if isinstance(found, bool) or not isinstance(found, int | float):
            raise InputError(f"uncertain: '{path}' leads to no number that the scenario states")
        here[place] = value
    try:
        return parse({**content, "folder": scenario.folder}, "uncertain")
    except InputError as error:
        stated = ", ".join(f"{path} = {value:g}" for path, value in values.items())
        raise InputError(f"{error} (with {stated}); narrow the range") from None


def _inside(content: Any, part: str) -> Any:
    """Return what stands under a key or number; nothing where nothing does."""
    if isinstance(content, dict):
        return content.get(part)
    return content[int(part)] if isinstance(content, list) and part.isdigit() and int(part) < len(content) else None


def drawn(scenario: Scenario, number: int, seed: int) -> list[dict[str, float]]:
    """Return ``number`` samples of the uncertain numbers: a Latin hypercube, uniform in each range.

    Raises
    ------
    InputError
        If the scenario states no ranges.
    """
    ranges = scenario.uncertain
    if not ranges:
        raise InputError("uncertain: missing; state the ranges of the numbers that are not known (tenure schema)")
    rng = np.random.default_rng(seed)
    columns = [(rng.permutation(number) + rng.random(number)) / number for _ in ranges]
    return [
        {r.path: float(r.low + (r.high - r.low) * column[k]) for r, column in zip(ranges, columns, strict=True)}
        for k in range(number)
    ]


class _Ensemble(Sequential):
    """The search for one plan over several chains; rules are kept in the problem's own."""

    def __init__(
        self, problem: AllocationProblem, chains: Sequence[ControlledChain], caution: float, tail: float, threads: int
    ) -> None:
        super().__init__(problem)
        self.chains, self.caution, self.tail, self.threads = chains, caution, tail, threads

    def courses(self, amount: Floats) -> list[Course]:
        """Return the course in the scenario as it stands, and those in the samples."""
        money = self.cells.money(amount)
        with ThreadPoolExecutor(self.threads) as pool:
            return list(pool.map(lambda chain: follow(chain, money), [self.chain, *self.chains]))

    def value(self, courses: list[Course]) -> float:
        """Return mean and CVaR mixed by caution."""
        assets = np.array([course.asset for course in courses[1:]])
        return float(self._weights(assets) @ assets)

    def slope(self, courses: list[Course]) -> Floats:
        """Return a supergradient of :meth:`value`."""
        weights = self._weights(np.array([course.asset for course in courses[1:]]))
        used = [(w, course) for w, course in zip(weights.tolist(), courses[1:], strict=True) if w > 0]
        with ThreadPoolExecutor(self.threads) as pool:
            slopes = list(pool.map(lambda pair: pair[0] * pair[1].slope(self.problem.aim), used))
        return np.asarray(sum(slopes))

    def _weights(self, assets: Floats) -> Floats:
        return (1 - self.caution) / assets.size + self.caution * tail_weights(assets, self.tail)


def tail_weights(assets: Floats, tail: float) -> Floats:
    """Return the weights under which CVaR is a mean: the worst ``tail`` of the samples, the last of them in part."""
    left, out = tail * assets.size, np.zeros(assets.size)
    for k in np.argsort(assets, kind="stable"):
        out[k] = min(1.0, left)
        left -= out[k]
        if left <= 0:
            break
    return np.asarray(out / out.sum())


@dataclass(frozen=True)
class Scores:
    """A plan on samples it was not made on.

    Attributes
    ----------
    name : str
    mean, tail_mean, worst : float
        Customer asset: mean, mean of the worst part (CVaR), least.
    lift : float
        Mean above the least spend.
    loses : float
        Share of the samples in which it is worth less than the least spend.
    """

    name: str
    mean: float
    tail_mean: float
    worst: float
    lift: float
    loses: float


@dataclass(frozen=True)
class Assumption:
    """What one number's range does to the decision.

    Attributes
    ----------
    path : str
    low, high : float
        The range.
    lift_low, lift_high : float
        Of the plan, above the least spend, with the number at either end and the others as they stand.
    regret_low, regret_high : float
        What the best plan there would bring more than this one.
    flips_at : float, optional
        Where the plan stops being worth more than the least spend, on the straight line between the ends; None:
        nowhere in the range.
    """

    path: str
    low: float
    high: float
    lift_low: float
    lift_high: float
    regret_low: float
    regret_high: float
    flips_at: float | None

    @property
    def worth_knowing(self) -> float:
        """Return what knowing which end it is would bring, both equally likely."""
        return (self.regret_low + self.regret_high) / 2


@dataclass(frozen=True, eq=False)
class Risk:
    """What caution changes.

    Attributes
    ----------
    expected, cautious : Plan
        The plan made for the scenario as it stands; the one made for all samples.
    scores : tuple of Scores
        Least spend, today's spend, both plans; on fresh samples.
    assumptions : tuple of Assumption
        For the cautious plan, the most worth knowing first.
    price_of_robustness : float
        Customer asset that the cautious plan gives up in the scenario as it stands.
    value, bound : float
        What the cautious plan maximised, over its own samples; and the same mix of mean and CVaR of each sample's own
        bound with full information, which no one plan can exceed. Nan where none was asked for or holds.
    """

    expected: Plan
    cautious: Plan
    scores: tuple[Scores, ...]
    assumptions: tuple[Assumption, ...]
    price_of_robustness: float
    value: float
    bound: float


def risk(
    scenario: Scenario,
    build: Build,
    budget: float | None = None,
    *,
    samples: int = 12,
    tail: float = 0.2,
    caution: float = 0.5,
    targeting: str = "state",
    bounded: bool = False,
    seed: int = 0,
    threads: int = 2,
    progress: Progress | None = None,
) -> Risk:
    """Return plans with and without caution, their scores on fresh samples, and which assumption matters.

    Parameters
    ----------
    build
        Makes the chain of a scenario.
    samples
        To optimise on; as many fresh ones score the plans.
    tail
        Share of the samples that CVaR looks at.
    caution
        0: the mean alone; 1: the tail alone.
    bounded
        Whether to prove a bound, one full-information programme for each sample.
    """
    tell = progress or (lambda _: None)
    steps = 2 * samples + 2 * len(scenario.uncertain) + 4

    def chains(seed: int, done: int) -> list[ControlledChain]:
        out = []
        for i, values in enumerate(drawn(scenario, samples, seed)):
            out.append(build(with_values(scenario, values)))
            tell((done + i) / steps)
        return out

    known, fresh = chains(seed, 0), chains(seed + 1_000_003, samples)
    chain = build(scenario)
    problem = allocation_problem(scenario, chain, budget, targeting=targeting)
    idle, today = least_spend(problem), follow(chain, as_today(chain))
    stake = max(abs(today.asset - idle.asset), 1e-3 * abs(idle.asset))
    plain = Sequential(problem)
    expected = plain.run(plain.amount_of(as_today(chain)), lift=stake)
    careful = _Ensemble(problem, known, caution, tail, threads)
    cautious = careful.run(expected.amount, lift=stake, steps=40)
    tell((2 * samples + 3) / steps)
    plans = {
        "least spend": idle.intensity, "as today": today.intensity, "expected": expected.course.intensity,
        "cautious": cautious.course.intensity,
    }  # fmt: skip
    scores = _scores(plans, fresh, tail, threads)
    assumptions = []
    for i, each in enumerate(scenario.uncertain):
        assumptions.append(_assumption(scenario, build, each.path, each.low, each.high, cautious, idle, problem, stake))
        tell((2 * samples + 4 + 2 * i) / steps)
    assumptions.sort(key=lambda a: -a.worth_knowing)
    bound = float("nan")
    if bounded and not getattr(getattr(chain, "crowd", None), "couples", False):
        asked = [allocation_problem(scenario, each, problem.budget) for each in known]
        bounds = np.array([full_information(each, threads=threads).bound for each in asked])
        bound = float(((1 - caution) / samples + caution * tail_weights(bounds, tail)) @ bounds)
    plain_plan, careful_plan = (plan_of(scenario, problem, end, no_spend=idle.asset) for end in (expected, cautious))
    price = plain_plan.asset - careful_plan.asset
    return Risk(plain_plan, careful_plan, scores, tuple(assumptions), price, cautious.value, bound)


def _scores(
    plans: dict[str, Floats], chains: Sequence[ControlledChain], tail: float, threads: int
) -> tuple[Scores, ...]:
    def assets(intensity: Floats) -> Floats:
        with ThreadPoolExecutor(threads) as pool:
            return np.array(list(pool.map(lambda chain: follow(chain, intensity).asset, chains)))

    found = {name: assets(intensity) for name, intensity in plans.items()}
    idle = found["least spend"]
    return tuple(
        Scores(
            name,
            float(asset.mean()),
            float(tail_weights(asset, tail) @ asset),
            float(asset.min()),
            float((asset - idle).mean()),
            float((asset < idle).mean()),
        )
        for name, asset in found.items()
    )


def _assumption(
    scenario: Scenario, build: Build, path: str, low: float, high: float, plan: Settled, idle: Course,
    problem: AllocationProblem, stake: float,
) -> Assumption:  # fmt: skip
    lifts, regrets = [], []
    for value in (low, high):
        changed = with_values(scenario, {path: value})
        chain = build(changed)
        asked = allocation_problem(changed, chain, problem.budget, targeting=problem.targeting)
        own = follow(chain, plan.course.intensity).asset
        search = Sequential(asked)
        best = search.run(search.amount_of(plan.course.intensity), lift=stake)
        lifts.append(own - follow(chain, idle.intensity).asset)
        regrets.append(max(best.course.asset - own, 0.0))
    share = lifts[0] / (lifts[0] - lifts[1]) if lifts[0] * lifts[1] < 0 else None
    return Assumption(
        path, low, high, lifts[0], lifts[1], regrets[0], regrets[1],
        None if share is None else low + share * (high - low),
    )  # fmt: skip
