"""What it is worth to know an assumption before deciding, and the experiment that pays most.

Let ``A[d, w]`` be the customer asset of decision ``d`` (the plan, today's spend, the least spend, and the best plan
with each number at either end of its range) in world ``w``, drawn from the ranges (:mod:`sim.scenario.joint`). Knowing
everything is worth the expected value of perfect information (Raiffa & Schlaifer 1961)::

    EVPI = E_w max_d A[d, w] - max_d E_w A[d, w]

Knowing one number ``z``, its range stretched to -1..1, is worth the same with ``f_d(z) = E[A[d] | z]`` (Strong, Oakley
& Brennan 2014), here of a sum of parabolas fitted to the samples: its part in ``z``, and what those of numbers
correlated with it are then expected to be. An experiment sees
``x ~ N(z, error^2)`` and its result is worth::

    EVSI = E_x max_d E[f_d(z) | x] - max_d E f_d(z) <= EVPPI

by quadrature, where until its end the first decision is played, so that what can no longer be changed by then is worth
nothing. Half of the people tested, drawn by lot, get the dose and half get nothing of the lever. What that costs is the
asset that the first decision has more than either arm, in expected numbers with everything as stated.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from optimizer.ask.problem import allocation_problem
from optimizer.ask.rows import as_today
from optimizer.insight.ends import best_at
from optimizer.insight.later import Later, changed
from optimizer.insight.parabolas import Parabolas
from optimizer.insight.risk import unknown, with_values
from optimizer.insight.trial import Meanwhile, Told, arms, heads_of, told
from optimizer.stages.start import start
from sim.arrays import Floats, Progress
from sim.engine.chain import ControlledChain
from sim.errors import InputError
from sim.scenario.joint import Joint
from sim.scenario.rules import Uncertain
from sim.twin import Twin, rebuilt

__all__ = ["Information", "Knowing", "Trial", "information", "worth_of_knowing", "worth_of_seeing"]

SAMPLES = 32
SEEN = 401
FINEST = 0.01
"""Of half a range: a smaller error is as good as none, on the grid."""
LENGTHS = (1, 2, 3, 6, 12)
"""Periods that an experiment may last."""
LEAST = 50
SIZES = 10
"""Numbers of people that are tried, from the least to all there are, alike in ratio."""
SHARE = 0.5
"""Of those tested that are held back as the control group."""
FEWEST = 1.5
"""Worlds for each term that is fitted to them, at least: a parabola in each number, a straight line in those of laws.

How well laws are told leaves ranges that are narrow, and laws by segment have many numbers.
"""
MOST = 8
"""Numbers with the best plan at either end among the decisions: those whose ends move the plan's worth most."""
TITLE = "the plan"


@dataclass(frozen=True)
class Trial:
    """The experiment on one number that pays most.

    Attributes
    ----------
    lever, moves : str
    segments : dict
        How many of each are tested, drawn by lot of all that the lever is for.
    stages : tuple of str
    customers : float
        Tested, both arms.
    control : float
        Share of them who are held back.
    dose : float
        Money a head and period for the others.
    periods : int
    error : float
        Standard error with which it tells the number.
    money : float
        Spent on those who are treated; of terms nothing, as no budget pays for them.
    worth, costs : float
        Of its result; asset given up while it lasts.
    turns_at : float or None
        What must be measured for another decision; None: no result changes it.
    below, above : str
        What to do then.
    """

    lever: str
    moves: str
    segments: dict[str, float]
    stages: tuple[str, ...]
    customers: float
    control: float
    dose: float
    periods: int
    error: float
    money: float
    worth: float
    costs: float
    turns_at: float | None
    below: str
    above: str

    @property
    def net(self) -> float:
        """Return what is left of its worth."""
        return self.worth - self.costs


@dataclass(frozen=True)
class Knowing:
    """What it is worth to know one number: ``perfect`` without error, ``trial`` by experiment; ``why``: none, why."""

    path: str
    low: float
    high: float
    perfect: float
    trial: Trial | None
    why: str


@dataclass(frozen=True, eq=False)
class Information:
    """What knowing is worth before deciding.

    Attributes
    ----------
    decisions : tuple of str
    best : str
        The one that is worth most in the mean over worlds.
    perfect : float
        Of knowing every number without error.
    knowing : tuple of Knowing
        The most worth knowing first.
    explained : float
        Share of the differences between decisions that the sums of parabolas explain.
    samples : int
    test : (periods, groups, stages, levers) or None
        Money a head of the experiment that pays most, beside today's terms and nothing else: its list is made from it.
    """

    decisions: tuple[str, ...]
    best: str
    perfect: float
    knowing: tuple[Knowing, ...]
    explained: float
    samples: int
    test: Floats | None

    @property
    def next(self) -> Knowing | None:
        """Return the number whose experiment leaves most; None where none leaves anything."""
        paying = [each for each in self.knowing if each.trial is not None and each.trial.net > 0]
        return max(paying, key=lambda each: each.trial.net if each.trial else 0.0, default=None)


def worth_of_knowing(values: Floats, likely: Floats | None = None) -> float:
    """Return ``E max_d f_d - max_d E f_d`` of ``values[decision, point]``; without ``likely`` all points alike are."""
    if likely is None:
        return max(float(values.max(axis=0).mean() - values.mean(axis=1).max()), 0.0)
    return max(float(values.max(axis=0) @ likely - (values @ likely).max()), 0.0)


def worth_of_seeing(values: Floats, error: float, likely: Floats | None = None) -> tuple[float, Floats, Floats]:
    """Return what seeing a number with an error is worth, what may be seen, and ``E[f_d | x]`` there.

    Parameters
    ----------
    values : (decisions, points)
        ``f_d`` on points spread evenly over -1..1.
    error : float
        Standard error, in half ranges.
    likely : (points,)
        How likely each is before; None: all alike.

    Returns
    -------
    worth : float
    seen : (results,)
    means : (decisions, results)
    """
    z = np.linspace(-1, 1, values.shape[1])
    before = np.full(z.size, 1 / z.size) if likely is None else likely
    error = max(error, FINEST)
    seen = np.linspace(-1 - 4 * error, 1 + 4 * error, SEEN)
    chances = np.exp(-0.5 * ((seen[:, None] - z) / error) ** 2)
    chances *= before / chances.sum(axis=0)  # every point is seen as something
    chance = chances.sum(axis=1)
    means = values @ chances.T / np.maximum(chance, 1e-300)
    share = chance / chance.sum()
    return max(float(means.max(axis=0) @ share - (values @ before).max()), 0.0), seen, np.asarray(means)


def information(
    twin: Twin,
    plan: Floats,
    budget: float,
    *,
    targeting: str = "state",
    samples: int | None = None,
    seed: int = 0,
    threads: int = 2,
    progress: Progress | None = None,
) -> Information:
    """Return what knowing is worth, and the experiment on every number that pays most.

    Parameters
    ----------
    plan : (periods, groups, stages, levers)
        What would be done without knowing more, as intensities.
    budget
        Of the best plans at the ends of ranges.
    samples
        Worlds, at least three for each range and three for each two of laws; None: 32, or so many where these are more.

    Raises
    ------
    InputError
        If the scenario states no ranges, or the worlds are too few for them.
    """
    tell = progress or (lambda _: None)
    ranges, scenario = twin.scenario.uncertain, twin.scenario
    of_laws = sum(each.path.startswith("base.") for each in ranges)
    least = math.ceil(FEWEST * (2 * len(ranges) - of_laws))
    count = max(SAMPLES, least) if samples is None else samples
    if count < least:
        raise InputError(
            f"`samples={count}`: expected at least {least} worlds for {len(ranges)} ranges: with fewer no parabolas "
            "can be fitted"
        )
    numbers = unknown(scenario)
    points = numbers.worlds(count, seed)
    worlds = _worlds(twin, points, threads, lambda done: tell(0.2 * done))
    problem = allocation_problem(twin, budget, targeting=targeting)
    names = [TITLE, "as today", "the least spend"]
    ways = [twin.targets.with_committed(plan), as_today(twin.chain), start(problem).least.intensity]
    sums = Parabolas(numbers, np.array([2 * numbers.place(point) - 1 for point in points]))
    plans_own = changed(worlds, ways[0], ways[:1], [0], threads)[0]
    for i, (name, values) in enumerate(chosen := _ends(numbers, sums, plans_own)):
        names.append(name)
        ways.append(best_at(twin, problem, plan, ways[2], values, threads))
        tell(0.2 + 0.4 * (i + 1) / len(chosen))
    later = Later(worlds, ways, [each for each in LENGTHS if 2 * each <= scenario.periods], threads)
    worth = later.at_once
    tell(0.8)
    fitted = sums.fit(worth)
    explained = sums.explained(worth, fitted)
    best = later.first
    meanwhile = Meanwhile(twin.chain, ways[best], later.lengths)
    ask = partial(_knowing, twin, later, meanwhile, names, sums)
    knowing, sized = list[Knowing](), sum(not isinstance(told(twin, each.path), str) for each in ranges)

    def further(share: float) -> None:
        done = sum(each.trial is not None for each in knowing)
        tell(0.8 + 0.2 * min((done + share) / max(sized, 1), 1.0))

    for j, each in enumerate(ranges):
        knowing.append(ask(j, each, sums.given(j, fitted), further))
    knowing.sort(key=lambda each: (-each.perfect, each.path))
    perfect = worth_of_knowing(worth)
    # No part is worth more than the whole: what the fit leaves over is not counted.
    knowing = [replace(each, perfect=min(each.perfect, perfect)) for each in knowing]
    found = Information(tuple(names), names[best], perfect, tuple(knowing), explained, count, None)
    pays = found.next
    return found if pays is None or pays.trial is None else replace(found, test=_test_of(twin, pays.trial))


def _worlds(
    twin: Twin, points: Sequence[dict[str, float]], threads: int, progress: Progress
) -> list[ControlledChain]:  # fmt: skip
    """Return the market under each world's numbers, customers made anew where they bear on them."""
    out = []
    with ThreadPoolExecutor(threads) as pool:
        for made in pool.map(lambda point: rebuilt(twin, with_values(twin.scenario, point)).chain, points):
            out.append(made)
            progress(len(out) / len(points))
    return out


def _ends(numbers: Joint, sums: Parabolas, plan: Floats) -> list[tuple[str, dict[str, float]]]:
    """Return both ends of the numbers that move the plan's worth most, with the names of the best plans there.

    ``plan``: its worth by world, (1, worlds); between the ends it moves as expected given the number.
    """
    fitted = sums.fit(plan)
    moves = np.array([abs(float(np.ptp(sums.given(j, fitted)[0, [0, -1]]))) for j in range(len(numbers.ranges))])
    largest = sorted(np.argsort(-moves, kind="stable")[:MOST].tolist())
    out = []
    for own in (numbers.ranges[j] for j in largest):
        for values in (numbers.along(own.path, end) for end in (own.low, own.high)):
            out.append((f"the plan that is best where {own.path} is {values[own.path]:.4g}", values))
    return out


def _knowing(
    twin: Twin, later: Later, meanwhile: Meanwhile, names: Sequence[str], sums: Parabolas, j: int, asked: Uncertain,
    values: Floats, progress: Progress,
) -> Knowing:  # fmt: skip
    """Return what one number is worth knowing, and the experiment on it that pays most."""
    likely = sums.likely(j)
    perfect = worth_of_knowing(values, likely)
    of = told(twin, asked.path)
    if isinstance(of, str) or perfect <= 0:
        why = of if isinstance(of, str) else "no value of it would change what is done"
        return Knowing(asked.path, asked.low, asked.high, perfect, None, why)
    active = sorted({later.first, *values.argmax(axis=0).tolist()})
    trial: Trial | None = None
    for k, length in enumerate(later.lengths):
        progress(k / len(later.lengths))
        curves = sums.given(j, sums.fit(later.worth(length, active)))
        found = _best_trial(twin, of, meanwhile, asked, length, curves, likely, [names[i] for i in active])
        if found is not None and (trial is None or found.net > trial.net):
            trial = found
    return Knowing(asked.path, asked.low, asked.high, perfect, trial, "" if trial else "nobody is there to be tested")


def _best_trial(
    twin: Twin,
    of: Told,
    meanwhile: Meanwhile,
    asked: Uncertain,
    length: int,
    curves: Floats,
    likely: Floats,
    names: Sequence[str],
) -> Trial | None:
    """Return the size and dose that leave most, of an experiment of a length."""
    k = twin.targets.levers.index(of.lever)
    first, heads = meanwhile.first, heads_of(twin, of)
    everyone = float(np.floor(heads.sum()))
    if everyone < 2:
        return None
    sizes = np.unique(np.geomspace(min(LEAST, everyone), everyone, SIZES).round())
    inside = heads > 0
    share: dict[str, float] = {}
    for segment, number in zip(twin.targets.segments, heads.sum(axis=1).tolist(), strict=True):
        if number > 0:
            share[segment] = share.get(segment, 0.0) + number / float(heads.sum())

    def lost(dose: float) -> float:
        """Return what the first decision has more, a head, than with a dose for everybody while it lasts."""
        way = first.copy()
        way[:length, :, :, k] = np.where(inside, dose, way[:length, :, :, k])
        return (meanwhile.asset - meanwhile.with_plan(way, length)) / everyone

    half, without = (asked.high - asked.low) / 2, lost(0.0)
    usual = float((first[:length, :, :, k] * heads).sum() / (length * everyone))
    doses = {of.spend, 2 * of.spend, *([usual] if usual > 0 else [])}
    best: Trial | None = None
    for dose in sorted(doses):
        a_head = (1 - SHARE) * lost(dose) + SHARE * without
        for number in sizes.tolist():
            error = arms(twin, of, dose, length, (1 - SHARE) * number, SHARE * number, heads)
            if not np.isfinite(error):
                continue
            worth, seen, means = worth_of_seeing(curves, error / half, likely)
            turn, below, above = _turn(seen, means, names, asked)
            found = Trial(
                of.lever, of.moves, {name: part * number for name, part in share.items()}, of.stages, number,
                SHARE, dose, length, error, (1 - SHARE) * number * dose * length * float(twin.targets.paid[k]), worth,
                max(a_head * number, 0.0), turn, below, above,
            )  # fmt: skip
            if best is None or found.net > best.net:
                best = found
    return best


def _turn(seen: Floats, means: Floats, names: Sequence[str], asked: Uncertain) -> tuple[float | None, str, str]:
    """Return the result at which what is best changes, in the number's unit, and what to do below and above it."""
    inside = np.abs(seen) <= 1
    choice = means.argmax(axis=0)[inside]
    at = np.flatnonzero(np.diff(choice))
    if not at.size:
        return None, names[choice[0]], names[choice[0]]
    middle = int(at[np.argmin(np.abs(seen[inside][at]))])
    value = asked.low + (seen[inside][middle] + 1) / 2 * (asked.high - asked.low)
    return float(value), names[choice[middle]], names[choice[middle + 1]]


def _test_of(twin: Twin, trial: Trial) -> Floats:
    """Return the money a head of an experiment and of nothing else beside today's terms, (periods, ..., levers)."""
    targets = twin.targets
    out = np.tile(targets.terms, (twin.chain.periods, 1, 1, 1))
    k = targets.levers.index(trial.lever)
    tested = np.array([segment in trial.segments for segment in targets.segments])
    out[: trial.periods, :, :, k] = np.where(targets.allowed[:, :, k] & tested[:, None], trial.dose, out[0, :, :, k])
    return out
