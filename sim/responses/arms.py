"""What an experiment or contacts say at each intensity: means, and how they err together."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from sim.arrays import Floats
from sim.errors import InputError
from sim.intervals import NORMAL
from sim.responses.read import Trial
from sim.responses.shape import CHANCE, GAIN
from sim.responses.weighing import MOST_ARMS, weighed

__all__ = ["Arm", "Measured", "measure", "refuse_falling"]


class Arm(NamedTuple):
    """Customers with the same money: how many, the mean of their outcome and its standard error."""

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
        Whether customers' traits were weighed: means are then chances of a period, and of gains only ratios count.
    notes : tuple of str
        What was weighed, and what that cannot do.
    """

    arms: tuple[Arm, ...]
    covariance: Floats
    weighed: bool = False
    notes: tuple[str, ...] = ()

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


def measure(trial: Trial, kind: str) -> Measured:
    """Return what a trial says at each intensity; outcomes of chances are shares, of gains any amounts.

    Raises
    ------
    InputError
        If a chance's outcome is none, the spread of a gain's outcome cannot be told, or a trait tells who got money.
    """
    _check(trial, kind)
    if trial.traits is not None and len(trial.doses) > 1:
        found = weighed(trial, kind)
        heads = np.bincount(found.arm, weights=trial.customers)
        errors = np.sqrt(np.diag(found.covariance))
        arms = tuple(Arm(*map(float, row)) for row in zip(found.spend, heads, found.mean, errors, strict=True))
        return Measured(arms, found.covariance, True, found.notes)
    plain = []
    for dose in trial.doses:
        inside = trial.spend == dose
        heads, outcome = trial.customers[inside], trial.outcome[inside]
        n, mean = float(heads.sum()), float(np.average(outcome, weights=heads))
        if kind == CHANCE:
            error = float(np.sqrt(max(mean * (1 - mean), 0.25 / n) / n))
        else:
            if n < 2:
                raise InputError(_too_few(trial, int(inside.sum()), float(dose)))
            error = max(float(outcome.std(ddof=1) / np.sqrt(n)), 1e-12)
        plain.append(Arm(float(dose), n, mean, error))
    return Measured(tuple(plain), np.diag([arm.error**2 for arm in plain]))


def _check(trial: Trial, kind: str) -> None:
    named = " / ".join(filter(None, trial.key))
    if kind == CHANCE and (trial.outcome.min() < 0 or trial.outcome.max() > 1):
        raise InputError(
            f"{trial.where}: {named}: expected outcomes between 0 and 1, as a chance is moved, got "
            f"{trial.outcome.min():g} to {trial.outcome.max():g}"
        )
    if kind == GAIN and trial.outcome.min() < 0:
        raise InputError(
            f"{trial.where}: {named}: expected outcomes of at least 0, as what is bought grows by a share, got "
            f"{trial.outcome.min():g}"
        )
    if kind != CHANCE:
        grouped = trial.customers > 1
        if grouped.any():
            dose = trial.spend[grouped][0]
            raise InputError(_too_few(trial, int((trial.spend == dose).sum()), float(dose)))
    if trial.traits is None and len(trial.doses) > MOST_ARMS and kind != CHANCE:
        raise InputError(
            f"{trial.where}: {named}: {len(trial.doses):,} different amounts of money were given, and at most "
            f"{MOST_ARMS} can be told apart without customers' traits; round them"
        )


def _too_few(trial: Trial, rows: int, dose: float) -> str:
    return (
        f"{trial.where}: {' / '.join(filter(None, trial.key))}: expected a row a customer, at least two an arm, as the "
        f"spread of amounts is not known from means, got {rows} rows at {dose:g}"
    )


def refuse_falling(trial: Trial, measured: Measured) -> None:
    """Raise where outcomes fall with money, beyond what luck may do (2.5 %), as no curve of the model can.

    Money's weighted regression line, ``b = u'C^-1 (m - mean) / u'C^-1 u`` with ``u`` money less its mean.
    """
    spend, mean = measured.spend, measured.mean
    precision = measured.precision
    away = spend - float(precision.sum(axis=0) @ spend) / float(precision.sum())
    spread = float(away @ precision @ away)
    if spread > 0 and float(away @ precision @ mean) / np.sqrt(spread) < -NORMAL:
        seen = ", ".join(f"{arm.mean:.4g} of {arm.customers:,.0f} at {arm.spend:g}" for arm in measured.arms)
        lever, moves, segment = trial.key
        chosen = "; the firm chose who got money, and may have chosen those with the least hope" * trial.chosen
        traits = ", their traits weighed" * measured.weighed
        raise InputError(
            f"{trial.where}: {lever} on {moves}{f' of {segment}' if segment else ''}: more money went with less "
            f"({seen}{traits}), and the model says that money does not harm{chosen}; test at random, or leave this out"
        )
