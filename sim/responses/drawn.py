"""Curves as they can be drawn: the curve, its band, the band of what was answered, and the arms that were measured."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sim.arrays import Floats
from sim.differences import exact_share
from sim.intervals import NORMAL
from sim.responses.arms import Measured
from sim.responses.posterior import Posterior
from sim.responses.read import Key, Trial
from sim.responses.shape import CHANCE, GAIN, Shape

__all__ = ["Drawn", "drawn"]

POINTS = 60
BEYOND = 1.5
"""How far beyond the last money that was asked about a curve is drawn."""
ENDS = (2.5, 97.5)


@dataclass(frozen=True, eq=False)
class Drawn:
    """A curve with what is known of it.

    Attributes
    ----------
    key : Key
        Lever, effect, segment.
    money, value : (points,)
        Money a head and period, and the effect there.
    band, answered : (2, points)
        95 % of what is known, and of what was answered.
    arms : (arms, 4)
        Of experiments and contacts: money, effect, and its 95 % interval.
    """

    key: Key
    money: Floats
    value: Floats
    band: Floats
    answered: Floats
    arms: Floats


def drawn(
    key: Key, shape: Shape, asked: Sequence[float], before: Posterior, after: Posterior,
    tested: Sequence[tuple[Trial, Measured]],
) -> Drawn:  # fmt: skip
    """Return a curve from no money to somewhat beyond the last intensity it was asked or measured at."""
    most = BEYOND * max((each for each in asked if np.isfinite(each)), default=0.0) or 2 * shape.curve.spend
    money = np.linspace(0, most, POINTS)
    band, answered = (
        np.percentile(np.array([shape.at(theta, money) for theta in each.draws]), ENDS, axis=0)
        for each in (after, before)
    )
    arms = [_effects(shape, after, trial, found) for trial, found in tested]
    return Drawn(key, money, shape.at(after.mode, money), band, answered, np.concatenate([np.empty((0, 4)), *arms]))


def _effects(shape: Shape, after: Posterior, trial: Trial, found: Measured) -> Floats:
    """Return the arms of a trial on the curve's scale: chances of one period, gains against their fitted level."""
    error = np.sqrt(np.diag(found.covariance))
    ends = np.stack([found.mean, found.mean - NORMAL * error, found.mean + NORMAL * error])
    if shape.kind == CHANCE and not found.weighed:
        exact = [exact_share(arm.mean, arm.customers) for arm in found.arms]
        ends = np.stack([found.mean, *np.array(exact).T])
        periods = float(np.average(trial.periods, weights=trial.customers))
        ends = ends ** (1 / periods) if trial.key[1] == "survival" else 1 - (1 - ends) ** (1 / periods)
    elif shape.kind == GAIN:
        g = 1 + shape.at(after.mode, found.spend)
        ends = ends * float(g @ found.precision @ g) / float(found.mean @ found.precision @ g) - 1
    if trial.by_quality != (1.0, 1.0):
        itself, by = trial.by_quality
        none = float(shape.at(after.mode, np.zeros(1))[0])
        ends = none + (ends - itself * none) / max(by, 1e-9)
    return np.column_stack([found.spend, ends.T])
