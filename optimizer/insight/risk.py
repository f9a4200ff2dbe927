"""Plans under assumptions that are not known: parameter samples, caution, and which assumption to test next.

Samples are worlds drawn from the scenario's stated ranges and correlations (:mod:`sim.scenario.joint`). One plan for
all of them maximises ``(1 - caution) mean + caution CVaR``, where CVaR is the mean over the worst ``tail`` of the
samples (Rockafellar & Uryasev 2000), by sequential LP on the supergradient ``sum_k w_k grad asset_k``, in the same
stages as any plan (:mod:`optimizer.optimize`). Plans are scored on samples that they were not optimised on. Rules are
kept in the scenario as it stands.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from optimizer.ask.problem import AllocationProblem, allocation_problem
from optimizer.ask.rows import as_today
from optimizer.bound.decomposition import full_information
from optimizer.optimize import Found, find, from_more_starts, plan_of
from optimizer.plan import Plan
from optimizer.search.campaign_sizes import fixed_costs_of
from optimizer.search.sequential import Sequential
from optimizer.stages.prove import Proved, prove
from optimizer.stages.start import Start, start
from optimizer.tolerances import BOUND, BROKEN
from sim.arrays import Floats, Progress
from sim.engine.chain import ControlledChain
from sim.engine.sensitivity import Course, follow
from sim.errors import InputError
from sim.scenario.file import Scenario, parse
from sim.scenario.joint import Joint
from sim.scenario.ranges import replaced
from sim.scenario.rules import Uncertain
from sim.twin import Twin, rebuilt

__all__ = ["Assumption", "Risk", "Scores", "best_there", "plan_for", "risk", "unknown", "weighing", "with_values"]

Build = Callable[[Scenario], Twin]

Weigh = Callable[[Floats], Floats]
"""Weights of samples from what a plan is worth in each."""

AIMS = ("mean", "cautious", "quantile")
SAMPLES, TAIL, CAUTION = 12, 0.2, 0.5
STEPS = 40
"""Of the search for the one plan, at most: each follows every sample."""


def with_values(scenario: Scenario, values: dict[str, float]) -> Scenario:
    """Return the scenario with numbers at dotted paths replaced, e.g. ``levers.retention.moves.survival.brings``.

    Raises
    ------
    InputError
        If a path leads to no number, or the scenario does not allow the value.
    """
    content = scenario.model_dump(mode="json", exclude_unset=True)
    try:
        content = replaced(content, values)
    except KeyError as error:
        raise InputError(f"uncertain: '{error.args[0]}' leads to no number that the scenario states") from None
    try:
        return parse({**content, "folder": scenario.folder}, "uncertain", ranges=False)
    except InputError as error:
        stated = ", ".join(f"{path} = {value:g}" for path, value in values.items())
        raise InputError(f"{error} (with {stated}); narrow the range") from None


def unknown(scenario: Scenario) -> Joint:
    """Return the scenario's numbers that are not known, together.

    Raises
    ------
    InputError
        If the scenario states no ranges.
    """
    if not scenario.uncertain:
        raise InputError("uncertain: missing; state the ranges of the numbers that are not known (tenure schema)")
    return Joint.of(scenario.model_dump(mode="json", exclude_unset=True), scenario.uncertain)


class _Ensemble(Sequential):
    """The search for one plan over several chains; rules are kept in the problem's own."""

    of_one_course = False

    def __init__(
        self, problem: AllocationProblem, chains: Sequence[ControlledChain], weigh: Weigh, threads: int
    ) -> None:
        super().__init__(problem)
        self.chains, self._weights, self.threads = chains, weigh, threads

    def courses(self, amount: Floats) -> list[Course]:
        """Return the course in the scenario as it stands, and those in the samples."""
        plan = self.stated.plan(amount)
        with ThreadPoolExecutor(self.threads) as pool:
            return list(pool.map(lambda chain: follow(chain, plan), [self.chain, *self.chains]))

    def value(self, courses: list[Course]) -> float:
        """Return the weighted mean of the samples."""
        assets = np.array([course.asset for course in courses[1:]])
        return float(self._weights(assets) @ assets)

    def value_held(self, course: Course) -> float:
        """Return the same of a plan held in intensities."""
        with ThreadPoolExecutor(self.threads) as pool:
            assets = list(pool.map(lambda chain: follow(chain, course.intensity).asset, self.chains))
        return float(self._weights(np.array(assets)) @ np.array(assets))

    def weighted(self, courses: list[Course]) -> list[tuple[float, Course]]:
        """Return the samples' courses that count, with their weights."""
        weights = self._weights(np.array([course.asset for course in courses[1:]]))
        return [(w, course) for w, course in zip(weights.tolist(), courses[1:], strict=True) if w > 0]

    def slope(self, courses: list[Course]) -> Floats:
        """Return a supergradient of :meth:`value`."""
        with ThreadPoolExecutor(self.threads) as pool:
            slopes = list(pool.map(lambda pair: pair[0] * pair[1].slope(self.problem.aim), self.weighted(courses)))
        return self.stated.by_cell(np.asarray(sum(slopes)))


def weighing(aim: str, tail: float, caution: float = CAUTION) -> Weigh:
    """Return how samples are weighed by what they are worth, so that the weighted mean is what is maximised.

    Parameters
    ----------
    aim
        ``mean``; ``cautious``: mean and CVaR mixed by caution; ``quantile``: the worth that is missed in a share
        ``tail`` of the samples, between two of them in proportion.

    Raises
    ------
    InputError
        If it is none of these.
    """
    if aim not in AIMS:
        raise InputError(f"`aim={aim}`: expected one of {', '.join(AIMS)}")
    if aim == "quantile":
        return lambda assets: quantile_weights(assets, tail)
    share = caution if aim == "cautious" else 0.0
    return lambda assets: (1 - share) / assets.size + share * tail_weights(assets, tail)


def quantile_weights(assets: Floats, share: float) -> Floats:
    """Return the weights under which a quantile is a mean: the two samples it lies between."""
    order, place = np.argsort(assets, kind="stable"), share * (assets.size - 1)
    low = min(int(place), assets.size - 2)
    out = np.zeros(assets.size)
    out[order[low]], out[order[low + 1]] = 1 - (place - low), place - low
    return out


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
        Of the plan, above the least spend, with the number at either end, those correlated with it where they are then
        expected, and the others as they stand.
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
    def at_stake(self) -> float:
        """Return what the best plan there would bring more at an end of the range, in the mean of both ends.

        What knowing the number is worth over its whole range is :mod:`optimizer.insight.information`'s.
        """
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
        For the cautious plan, those with most at stake first.
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
    twin: Twin,
    build: Build,
    budget: float | None = None,
    *,
    samples: int = SAMPLES,
    tail: float = TAIL,
    caution: float = CAUTION,
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
        Makes the twin of a scenario.
    samples
        To optimise on; as many fresh ones score the plans.
    tail
        Share of the samples that CVaR looks at.
    caution
        0: the mean alone; 1: the tail alone.
    bounded
        Whether to prove a bound, one full-information programme for each sample.

    Raises
    ------
    RulesError
        If no plan meets the rules.
    """
    scenario, tell = twin.scenario, progress or (lambda _: None)
    steps = 2 * samples + 2 * len(scenario.uncertain) + 4

    def twins(seed: int, done: int) -> list[Twin]:
        out = []
        for i, values in enumerate(unknown(scenario).worlds(samples, seed)):
            out.append(build(with_values(scenario, values)))
            tell((done + i) / steps)
        return out

    known, fresh = twins(seed, 0), twins(seed + 1_000_003, samples)
    problem = allocation_problem(twin, budget, targeting=targeting)
    begun = start(problem)
    expected, _ = from_more_starts(find(begun, _informed(begun, threads), threads=threads), threads=threads)
    expected.repaired.insist()
    cautious = _for_all(expected, [each.chain for each in known], weighing("cautious", tail, caution), threads)
    cautious.repaired.insist()
    tell((2 * samples + 3) / steps)
    plans = {
        "least spend": begun.least.intensity, "as today": as_today(twin.chain), "expected": expected.intensity,
        "cautious": cautious.intensity,
    }  # fmt: skip
    scores = _scores(plans, [each.chain for each in fresh], tail, threads)
    assumptions = []
    for i, each in enumerate(scenario.uncertain):
        assumptions.append(_assumption(twin, build, each, cautious, threads))
        tell((2 * samples + 4 + 2 * i) / steps)
    assumptions.sort(key=lambda a: -a.at_stake)
    bound = float("nan")
    if bounded and twin.chain.bounded:
        # The one plan keeps the rules as they stand, whatever a sample says of them.
        asked = [allocation_problem(replace(each, scenario=scenario), problem.budget) for each in known]
        bounds = np.array([full_information(each, threads=threads).bound for each in asked])
        bound = float(((1 - caution) / samples + caution * tail_weights(bounds, tail)) @ bounds)
    plain, careful = plan_of(expected), replace(plan_of(cautious), goal="robust")
    value = cautious.repaired.end.value
    return Risk(plain, careful, scores, tuple(assumptions), plain.asset - careful.asset, value, bound)


def _informed(begun: Start, threads: int) -> Proved:
    """Return the best with full information where a search needs it to start from: responses may have thresholds."""
    if not begun.problem.chain.has_thresholds:
        return Proved()
    return prove(begun, tolerance=BOUND, seconds=np.inf, threads=threads, progress=lambda _: None)


def plan_for(
    twin: Twin,
    problem: AllocationProblem,
    weigh: Weigh,
    *,
    known: Sequence[Floats] = (),
    samples: int = SAMPLES,
    seed: int = 0,
    threads: int = 2,
    progress: Progress | None = None,
) -> Plan:
    """Return one plan for all that the scenario's ranges allow, its samples weighed by ``weigh``.

    Raises
    ------
    InputError
        If the scenario states no ranges, or what is asked is the least money.
    RulesError
        If no plan meets the rules.
    """
    tell = progress or (lambda _: None)
    if problem.goal != "asset":
        raise InputError("`aim=`: weighs what plans are worth; the least money that reaches a target has no such mean")
    worlds = unknown(twin.scenario).worlds(samples, seed)
    chains = [rebuilt(twin, with_values(twin.scenario, values)).chain for values in worlds]
    tell(0.1)
    begun = start(problem, (), known)
    expected, _ = from_more_starts(find(begun, _informed(begun, threads), threads=threads), threads=threads)
    expected.repaired.insist()
    tell(0.4)
    found = _for_all(expected, chains, weigh, threads)
    found.repaired.insist()
    return replace(plan_of(found), goal="robust")


def _for_all(expected: Found, chains: Sequence[ControlledChain], weigh: Weigh, threads: int) -> Found:
    """Return the one plan found for all samples, searched for where the search for the scenario began and ended."""
    starts = (expected.intensity, *expected.searched.known[:1])
    return find(
        replace(expected.begun, intensities=starts), Proved(), steps=STEPS, threads=threads,
        make=lambda problem: _Ensemble(problem, chains, weigh, threads),
    )  # fmt: skip


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


def best_there(there: Twin, problem: AllocationProblem, plan: Floats, threads: int) -> Found:
    """Return the best plan of another world for the same question, searched for from a plan."""
    begun = replace(start(allocation_problem(there, problem.budget, targeting=problem.targeting)), intensities=(plan,))
    return find(begun, _informed(begun, threads), threads=threads)


def _assumption(twin: Twin, build: Build, asked: Uncertain, plan: Found, threads: int) -> Assumption:
    """Return what a plan is worth with one number at either end of its range, and what the best plan there is."""
    lifts, regrets, idle, numbers = [], [], plan.begun.least.intensity, unknown(twin.scenario)
    for value in (asked.low, asked.high):
        there = build(with_values(twin.scenario, numbers.along(asked.path, value)))
        own = follow(there.chain, plan.intensity)
        best = best_there(there, plan.begun.problem, plan.intensity, threads)
        problem = best.begun.problem
        fixed = best.sized.fixed_costs - fixed_costs_of(problem, problem.campaigns, own.spend)
        met = best.repaired.end.missed <= BROKEN
        lifts.append(own.asset - follow(there.chain, idle).asset)
        regrets.append(max(best.repaired.course.asset - own.asset - fixed, 0.0) if met else 0.0)
    share = lifts[0] / (lifts[0] - lifts[1]) if lifts[0] * lifts[1] < 0 else None
    flips_at = None if share is None else asked.low + share * (asked.high - asked.low)
    return Assumption(asked.path, asked.low, asked.high, lifts[0], lifts[1], regrets[0], regrets[1], flips_at)
