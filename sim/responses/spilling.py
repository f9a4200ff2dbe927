"""What money given to others does to a customer, from an experiment at random in which some have more of them treated.

::

    g(E[y_i | money]) = a_arm + b x_i + c z_i,     x_i = money a head of others in i's cluster, z_i = of those beside

``g`` as in :mod:`sim.responses.weighing`. By lot, ``x`` and ``z`` tell nothing else of a customer who has others near;
who has none has a level of his own (partial interference: Hudgens & Halloran 2008; exposure: Aronow & Samii 2017). A
plan gives money to everybody, so what a curve is told is the mean where all near get what the arm gets::

    m(u) = mean of g^-1(a_u + (b + c) u),     spill-over: g^-1(a_0 + (b + c) u) - g^-1(a_0)

What passes on is taken as proportional to money, and alike in every arm. Errors are of sums by cluster, which hold that
those near each other resemble each other, with Student's quantile for few clusters.
"""

from typing import NamedTuple

import numpy as np

from sim.arrays import Flags, Floats, Ints
from sim.intervals import NORMAL
from sim.responses.read import Trial
from sim.responses.shape import CHANCE, GAIN
from sim.responses.weighing import Regression, arms_of

__all__ = ["Spill", "Spilled", "clusters_tell", "spilling"]

WIDER = 2.0
"""The effect without spill-over may have so many times its error before exposures are said to differ too little."""
STILL = 1e-6
"""Share of an exposure's variance within arms below which arms tell it."""


class Spill(NamedTuple):
    """Spill-over: what happens to who gets the least while all near get ``spend``, with its 95 % interval.

    ``clusters``, ``n``: how many of each; ``told``: whether the curve is of it.
    """

    lever: str
    segment: str
    moves: str
    spend: float
    value: float
    low: float
    high: float
    clusters: int
    n: int
    told: bool


class Spilled(NamedTuple):
    """Means by arm, their covariance, the arm of each row, what should be said, and the spill-over where it shows."""

    spend: Floats
    mean: Floats
    covariance: Floats
    arm: Ints
    notes: tuple[str, ...]
    spill: Spill | None


class _Means(NamedTuple):
    """Means of everybody in some states, and their slopes by the parameters."""

    value: Floats
    slope: Floats


def clusters_tell(trial: Trial) -> bool:
    """Return whether every arm has at least two clusters, so that their spread tells errors."""
    if trial.near is None:
        return False
    _, arm, _ = arms_of(trial)
    pairs = np.unique(np.stack([arm, trial.near.cluster]), axis=1)
    return bool(np.bincount(pairs[0]).min() > 1) and bool(np.isfinite(trial.near.others).any())


def spilling(trial: Trial, kind: str, by_word: bool = False) -> Spilled:
    """Return what an experiment says at each intensity, with what is given to others.

    Parameters
    ----------
    by_word
        Whether the scenario has word of mouth that moves the same: the curve is then of who has nobody treated near,
        as the rest comes of that.
    """
    assert trial.near is not None
    near = trial.near
    spend, arm, notes = arms_of(trial)
    _, cluster = np.unique(near.cluster, return_inverse=True)
    cluster = cluster.ravel()
    clusters = int(cluster.max()) + 1
    said = [*notes, f"intervals hold that customers of one {near.column} resemble each other ({clusters:,} of them)"]
    exposed, alone, more = _exposures(trial, arm)
    plain = Regression(trial, kind, arm, spend.size, np.empty((arm.size, 0)))
    at, spread = plain.maximum(cluster)
    found = _means(kind, at, [[(1.0, np.empty(0))]] * spend.size)
    covariance = found.slope @ spread @ found.slope.T
    said += more
    if spend.size < 2 or not exposed.shape[1]:
        return Spilled(spend, found.value, covariance, arm, tuple(said), None)
    heads = trial.customers / trial.customers.sum()
    middle, scale = heads @ exposed, np.sqrt(heads @ (exposed - heads @ exposed) ** 2)
    lone = alone[:, heads @ alone > 0]
    columns = np.column_stack([(exposed - middle) / scale, lone - heads @ lone])
    fit = Regression(trial, kind, arm, spend.size, columns)
    at, spread = fit.maximum(cluster)
    states, share = np.unique(alone, axis=0, return_inverse=True)
    weights = np.bincount(share.ravel(), weights=heads)

    def where(others: float) -> list[tuple[float, Floats]]:
        """Return shares and columns of everybody where all near get so much."""
        out = []
        for state, weight in zip(states, weights, strict=True):
            got = (np.where(state[: exposed.shape[1]] > 0, 0.0, others) - middle) / scale
            own = state[heads @ alone > 0] - heads @ lone
            out.append((float(weight), np.concatenate([got, own])))
        return out

    most = float(spend[-1])
    idle, passed = (_means(kind, at, [where(others)], 0) for others in (float(spend[0]), most))
    slope = passed.slope[0] - idle.slope[0]
    value, error = float(passed.value[0] - idle.value[0]), float(np.sqrt(slope @ spread @ slope))
    whole = _means(kind, at, [where(float(spend[0]) if by_word else float(each)) for each in spend])
    freed = whole.slope @ spread @ whole.slope.T
    told = _error(freed) <= WIDER * _error(covariance) or abs(value) > NORMAL * error
    low, high = value - NORMAL * error, value + NORMAL * error
    lever, moves, segment = trial.key
    spill = Spill(lever, segment, moves, most, value, low, high, clusters, int(trial.customers.sum()), told)
    apart = float(found.value[-1] - found.value[0])
    passes = f"while all near get {most:g} who gets {spend[0]:g} has {value:+.4g} ({low:+.4g} to {high:+.4g})"
    if not told:
        said.append(
            f"spill-over between arms is not told: {passes}, as shares treated differ too little between those of "
            f"{near.column}; the effect {apart:+.4g} is left as it is; treat few in some and most in others"
        )
        return Spilled(spend, found.value, covariance, arm, tuple(said), spill)
    instead = float(whole.value[-1] - whole.value[0])
    of = "where nobody near gets any, as word of mouth is in the scenario" if by_word else "where all near get the same"
    said.append(
        f"spill-over between arms: {passes}; the curve is of money {of}, {instead:+.4g} at {most:g} in place of "
        f"{apart:+.4g} between arms; what passes on is taken as proportional to money"
    )
    return Spilled(spend, whole.value, freed, arm, tuple(said), spill)


def _error(covariance: Floats) -> float:
    """Return the standard error of the difference between most money and least."""
    return float(np.sqrt(covariance[0, 0] + covariance[-1, -1] - 2 * covariance[0, -1]))


def _exposures(trial: Trial, arm: Ints) -> tuple[Floats, Floats, list[str]]:
    """Return the money of others that differs within arms, who has none of each, (rows, columns), and what to say."""
    assert trial.near is not None
    near, said = trial.near, list[str]()
    heads, kept, without = trial.customers, list[Floats](), list[Flags]()
    for money, who in ((near.others, f"of its {near.column}"), (near.beside, f"next to its {near.column}")):
        if money is None:
            continue
        has = np.isfinite(money)
        if has.any() and _within(money[has], arm[has], heads[has]):
            kept.append(np.where(has, money, 0.0))
            without.append(~has)
        elif has.any() and money is near.others and (money == trial.spend)[has].all():
            note = f"all of one {near.column} got the same: what they pass on to each other is in the effect"
            if near.beside is None:
                note += "; spill-over to others cannot be told: a column neighbours (names, parted by ;) would tell it"
            said.append(note)
        elif has.any():
            said.append(
                f"spill-over between arms cannot be told from others {who}: all of an arm have as much money near; "
                "treat few in some and most in others"
            )
    if near.lost:
        said.append(f"{near.lost:,} neighbours are in no row and are left out")
    if not kept:
        nobody = np.empty((arm.size, 0))
        return nobody, nobody, said
    return np.column_stack(kept), np.column_stack(without).astype(float), said


def _within(money: Floats, arm: Ints, heads: Floats) -> bool:
    """Return whether others' money differs within arms."""
    number = np.bincount(arm, weights=heads)
    mean = np.bincount(arm, weights=heads * money) / np.maximum(number, 1e-300)
    inside = float(heads @ (money - mean[arm]) ** 2)
    return inside > STILL * float(heads @ money**2)


def _means(kind: str, at: Floats, states: list[list[tuple[float, Floats]]], only: int | None = None) -> _Means:
    """Return by arm (``only``: that one) the mean over states, shares and columns, and its slope by the parameters."""
    known = at.size - states[0][0][1].size
    value, slope = np.zeros(len(states)), np.zeros((len(states), at.size))
    for i, each in enumerate(states):
        own = i if only is None else only
        for share, columns in each:
            eta = float(at[own] + columns @ at[known:])
            if kind == CHANCE:
                mean = 1 / (1 + np.exp(-eta))
                by_eta = mean * (1 - mean)
            elif kind == GAIN:
                mean = by_eta = np.exp(min(eta, 700.0))
            else:
                mean, by_eta = eta, 1.0
            value[i] += share * mean
            slope[i, own] += share * by_eta
            slope[i, known:] += share * by_eta * columns
    return _Means(value, slope)
