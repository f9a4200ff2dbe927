"""What an experiment or contacts say at each intensity: means, and how they err together."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from sim.arrays import Floats
from sim.differences import Mean, between_means, between_shares, student, variances
from sim.errors import InputError
from sim.intervals import NORMAL
from sim.responses.read import Trial, named
from sim.responses.shape import CHANCE, GAIN, kind_of
from sim.responses.spilling import Spill, Spilled, clusters_tell, spilling
from sim.responses.weighing import MOST_ARMS, Weighed, weighed

__all__ = ["Arm", "Measured", "far", "measure", "refuse_falling"]

FAR = 50.0
"""So many times the scenario's money, or such a part of it, is likely that of another unit."""


class Arm(NamedTuple):
    """Customers with the same money: how many, the mean of their outcome and its standard error.

    Of amounts the error is as many times as wide as Student's law is wider than the normal one.
    """

    spend: float
    customers: float
    mean: float
    error: float


@dataclass(frozen=True, eq=False)
class Measured:
    """The arms of a trial.

    Attributes
    ----------
    arms : tuple of Arm
        The one with least money first. Where traits were weighed, means are of everybody's traits at that money.
    covariance : (arms, arms)
        Of the means.
    weighed : bool
        Whether they are of a regression, on traits or on money near: means are then chances of a period, and of gains
        only ratios count.
    notes : tuple of str
        What was weighed, and what that cannot do.
    spill : Spill or None
        What money given to others does, where the file has those near.
    apart : float
        So many times its errors are taken, as other experiments on the curve disagree with it.
    """

    arms: tuple[Arm, ...]
    covariance: Floats
    weighed: bool = False
    notes: tuple[str, ...] = ()
    spill: Spill | None = None
    apart: float = 1.0

    @property
    def spend(self) -> Floats:
        """Return money a head and period of each arm."""
        return np.array([arm.spend for arm in self.arms])

    @property
    def mean(self) -> Floats:
        """Return the mean of each arm."""
        return np.array([arm.mean for arm in self.arms])

    @cached_property
    def precision(self) -> Floats:
        """Return the inverse of the covariance."""
        return np.asarray(np.linalg.inv(self.covariance))


def measure(trial: Trial, kind: str, by_word: bool = False) -> Measured:
    """Return what a trial says at each intensity; outcomes of chances are shares, of gains any amounts.

    ``by_word``: whether the scenario's word of mouth moves the same (:func:`sim.responses.spilling.spilling`).

    Raises
    ------
    InputError
        If a chance's outcome is none, the spread of a gain's outcome cannot be told, or a trait tells who got money.
    """
    _check(trial, kind)
    if trial.traits is not None and len(trial.doses) > 1:
        found = weighed(trial, kind)
        return Measured(_arms(trial, found), found.covariance, True, found.notes)
    if clusters_tell(trial):
        passed = spilling(trial, kind, by_word)
        of_regression = Measured(_arms(trial, passed), passed.covariance, True, passed.notes, passed.spill)
        return replace(of_regression, notes=(*passed.notes, *_outside(trial, kind, of_regression.arms[0])))
    of_dose, arm = np.unique(trial.spend, return_inverse=True)
    heads = np.bincount(arm, trial.customers)
    mean = np.bincount(arm, trial.customers * trial.outcome) / heads
    if kind == CHANCE:
        error = np.sqrt(np.maximum(mean * (1 - mean), 0.25 / heads) / heads)
    else:
        rows = np.bincount(arm)
        if (heads < 2).any():
            few = int(np.flatnonzero(heads < 2)[0])
            raise InputError(_too_few(trial, int(rows[few]), float(of_dose[few])))
        error = np.sqrt(variances(trial.outcome, arm) / heads) * [student(each) for each in rows - 1]
    plain = tuple(Arm(*map(float, each)) for each in zip(of_dose, heads, mean, error, strict=True))
    notes = [*_no_clusters(trial, len(plain)), *_outside(trial, kind, plain[0])]
    return Measured(plain, np.diag([each.error**2 for each in plain]), notes=tuple(notes))


def _arms(trial: Trial, found: Weighed | Spilled) -> tuple[Arm, ...]:
    """Return the arms of a regression."""
    heads = np.bincount(found.arm, weights=trial.customers)
    errors = np.sqrt(np.diag(found.covariance))
    return tuple(Arm(*map(float, row)) for row in zip(found.spend, heads, found.mean, errors, strict=True))


def _no_clusters(trial: Trial, arms: int) -> list[str]:
    """Return that spill-over cannot be told, and what would be needed."""
    if arms < 2 or trial.chosen:
        return []
    if trial.near is None:
        return [
            "spill-over between arms cannot be told: no column says who is near whom (cluster, household, region ...)"
        ]
    if not np.isfinite(trial.near.others).any():
        return [f"spill-over between arms cannot be told: no {trial.near.column} has two customers"]
    return [
        f"an arm has one {trial.near.column} alone: what sets it apart is taken for what money does, and intervals do "
        "not hold that; put several in each arm"
    ]


def _outside(trial: Trial, kind: str, least: Arm) -> list[str]:
    """Return how the control group differs from customers in no arm.

    Raises
    ------
    InputError
        If these got other money, or were watched longer or shorter.
    """
    out = []
    for each in trial.outside:
        named = f"{trial.where}: {' / '.join(filter(None, trial.key))}: rows {each.how}"
        if (each.spend != least.spend).any():
            raise InputError(
                f"{named}: expected the money of the arm with least, {least.spend:g}, got {float(each.spend.max()):g}"
            )
        if np.unique(np.concatenate([each.periods, trial.periods])).size > 1:
            raise InputError(f"{named}: expected as many periods as in the arms")
        control = trial.spend == least.spend
        apart, low, high = _apart(trial.outcome[control], trial.customers[control], each.outcome, each.customers, kind)
        sure = "" if low > 0 or high < 0 else ", which luck does as well"
        out.append(
            f"the control group has {apart:+.4g} ({low:+.4g} to {high:+.4g}) of those "
            f"{each.how} the experiment{sure}: spill-over, or what else sets them apart, as nobody put them there by "
            "lot; the curve is of the arms alone"
        )
    return out


def _apart(one: Floats, heads: Floats, two: Floats, others: Floats, kind: str) -> tuple[float, float, float]:
    """Return the difference of two groups' means and its limits; of groups of one, whose spread is not known, none."""
    first, second = (float(np.average(each, weights=by)) for each, by in ((one, heads), (two, others)))
    apart = first - second
    if kind == CHANCE:
        return apart, *between_shares((first, float(heads.sum())), (second, float(others.sum())))
    if min(one.size, two.size) < 2:
        return apart, -np.inf, np.inf
    spread = variances(np.concatenate([one, two]), np.repeat([0, 1], [one.size, two.size]))
    sides = (Mean(first, spread[0] / heads.sum(), one.size - 1), Mean(second, spread[1] / others.sum(), two.size - 1))
    return apart, *between_means(*sides)


def _check(trial: Trial, kind: str) -> None:
    named = " / ".join(filter(None, trial.key))
    if kind == CHANCE and (trial.outcome.min() < 0 or trial.outcome.max() > 1):
        raise InputError(
            f"{trial.where}: {named}: expected outcomes between 0 and 1, as a chance is moved, got "
            f"{trial.outcome.min():g} to {trial.outcome.max():g}; write shares, .91 and neither 91 nor how many"
        )
    if kind == GAIN and trial.outcome.min() < 0:
        raise InputError(
            f"{trial.where}: {named}: expected outcomes of at least 0, as what is bought grows by a share, got "
            f"{trial.outcome.min():g}"
        )
    if kind != CHANCE:
        grouped = trial.customers > 1
        if grouped.any() and not clusters_tell(trial):
            dose = trial.spend[grouped][0]
            raise InputError(_too_few(trial, int((trial.spend == dose).sum()), float(dose)))
    if trial.traits is None and len(trial.doses) > MOST_ARMS and kind != CHANCE and not clusters_tell(trial):
        raise InputError(
            f"{trial.where}: {named}: {len(trial.doses):,} different amounts of money were given, and at most "
            f"{MOST_ARMS} can be told apart without customers' traits; round them"
        )


def _too_few(trial: Trial, rows: int, dose: float) -> str:
    return (
        f"{trial.where}: {' / '.join(filter(None, trial.key))}: expected a row a customer, at least two an arm, as the "
        f"spread of amounts is not known from means, got {rows} rows at {dose:g}"
    )


def far(trial: Trial, usual: float) -> list[str]:
    """Return that money is of another size than the scenario's, as money of all heads or periods together is."""
    most = float(trial.spend.max())
    if most <= 0 or usual / FAR <= most <= usual * FAR:
        return []
    return [
        f"{trial.where}: {' / '.join(filter(None, trial.key))}: money of up to {most:g} each, where the scenario has "
        f"{usual:g}; spend is of a head and period, in the scenario's currency"
    ]


def refuse_falling(trial: Trial, measured: Measured) -> None:
    """Raise where outcomes fall with money, beyond what luck may do (2.5 %), as no curve of the model can.

    Money's weighted regression line, ``b = u'C^-1 (m - mean) / u'C^-1 u`` with ``u`` money less its mean; of shares
    with the errors that they have where money does nothing (the trend test of Cochran 1954 and Armitage 1955, with
    ``n - 1`` in place of ``n``, as few need it: Campbell 2007).
    """
    spend, mean = measured.spend, measured.mean
    precision = measured.precision
    if kind_of(trial.key[1]) == CHANCE and not measured.weighed:
        heads = np.array([arm.customers for arm in measured.arms])
        share = float(heads @ mean / heads.sum())
        precision = np.diag(heads / max(share * (1 - share), 0.25 / heads.sum())) * (1 - 1 / heads.sum())
    away = spend - float(precision.sum(axis=0) @ spend) / float(precision.sum())
    spread = float(away @ precision @ away)
    if spread > 0 and float(away @ precision @ mean) / np.sqrt(spread) < -NORMAL:
        seen = ", ".join(f"{arm.mean:.4g} of {arm.customers:,.0f} at {arm.spend:g}" for arm in measured.arms)
        chosen = "; the firm chose who got money, and may have chosen those with the least hope" * trial.chosen
        traits = ", their traits weighed" * measured.weighed
        raise InputError(
            f"{trial.where}: {named(trial.key)}: more money went with less "
            f"({seen}{traits}), and the model says that money does not harm{chosen}; test at random, or leave this out"
        )
