"""A curve as three numbers without bounds, so that beliefs about them can be normal.

::

    theta = (L(floor), log(L(ceiling) - L(floor)), logit(known share) or log(half))

``L`` is the logit of a chance, ``log(1 + gain)`` of a relative gain, and the number itself of points.
"""

import math
from typing import Any

import numpy as np

from sim.arrays import Floats
from sim.engine.response import response
from sim.errors import InputError
from sim.scenario.curves import Adbudg, BlattbergDeighton, Curve, Hill
from sim.scenario.market import FREE, GAINS

__all__ = ["CHANCE", "GAIN", "Shape", "back", "kind_of", "link"]

CHANCE, GAIN, POINTS = "chance", "gain", "points"
NEVER = 1e-6
"""A chance below this is taken for it, as a logit has no number for never."""
NEARLY = 15.0
"""Logit of a known share from which on it is as good as all, below minus it none."""
MOST = 100.0
"""Where nothing is known of a number a search may lead anywhere: exponents are taken no further than this."""


def kind_of(moves: str) -> str:
    """Return of what kind the numbers of an effect are."""
    return GAIN if moves in GAINS else POINTS if moves in FREE else CHANCE


def link(kind: str, value: Any) -> Floats:
    """Return ``L`` of values."""
    if kind == CHANCE:
        inside = np.clip(value, NEVER, 1 - NEVER)
        return np.asarray(np.log(inside) - np.log1p(-inside))
    return np.asarray(np.log1p(np.maximum(value, NEVER - 1)) if kind == GAIN else np.asarray(value, dtype=float))


def back(kind: str, value: float) -> float:
    """Return the value whose ``L`` this is."""
    if kind == CHANCE:
        return 1 / (1 + math.exp(-max(value, -MOST)))
    return math.expm1(min(value, MOST)) if kind == GAIN else float(value)


def _exp(value: float) -> float:
    return math.exp(min(max(value, -MOST), MOST))


class Shape:
    """The curves of one kind that differ by their three numbers.

    Parameters
    ----------
    curve
        As a scenario states it; its shape, known spend and steepness stay.
    moves
        The effect.
    """

    def __init__(self, curve: Curve, moves: str) -> None:
        if not isinstance(curve, BlattbergDeighton | Adbudg | Hill):
            raise InputError(
                f"moves.{moves}: a piecewise-linear curve states measured points already; state it as "
                "blattberg-deighton, adbudg or hill to learn it"
            )
        self.curve, self.kind = curve, kind_of(moves)
        self.last = "half" if isinstance(curve, Hill) else "brings"

    @property
    def start(self) -> Floats:
        """Return theta of the curve as stated."""
        floor, ceiling = (float(link(self.kind, v)) for v in (self.curve.without_money, self.curve.unlimited_money))
        if isinstance(self.curve, Hill):
            last = float(np.log(self.curve.half))
        else:
            last = float(np.log(self.curve.known_share) - np.log1p(-self.curve.known_share))
        return np.array([floor, np.log(max(ceiling - floor, 1e-6)), last])

    @property
    def known(self) -> float:
        """Return the money a head at which the curve is stated."""
        return float(self.curve.half if isinstance(self.curve, Hill) else self.curve.spend)

    def numbers(self, theta: Floats) -> dict[str, float]:
        """Return the numbers that a scenario states: floor, ceiling, and ``brings`` or ``half``."""
        floor, ceiling, last = self._three(theta)
        if self.last == "brings":
            last = floor + (ceiling - floor) * last
        return {"without_money": floor, "unlimited_money": ceiling, self.last: last}

    def _three(self, theta: Floats) -> tuple[float, float, float]:
        """Return floor, ceiling, and the share of the room between them at the known spend, or ``half``."""
        floor, ceiling = (back(self.kind, float(each)) for each in (theta[0], theta[0] + _exp(theta[1])))
        if self.last == "half":
            return floor, ceiling, _exp(theta[2])
        share = min(max(float(theta[2]), -NEARLY), NEARLY)  # at one the curve would have no speed
        return floor, ceiling, 1 / (1 + math.exp(-share))

    def seen(self, theta: Floats, money: Floats, by_quality: tuple[float, float]) -> Floats:
        """Return the chance that is seen where kinds of quality multiply the one without money, and what money adds."""
        f = self.at(theta, money)
        if by_quality == (1.0, 1.0):
            return f
        none = float(self.at(theta, np.zeros(1))[0])
        return np.asarray(by_quality[0] * none + by_quality[1] * (f - none))

    def at(self, theta: Floats, money: Floats) -> Floats:
        """Return ``f`` at intensities, infinite ones among them."""
        floor, ceiling, last = self._three(theta)
        unit = {**dict(self.curve), "without_money": 0.0, "unlimited_money": 1.0, self.last: last}
        unlimited = np.isinf(money)
        shares = response(self.curve.model_construct(**unit), np.where(unlimited, 0.0, money))
        return np.where(unlimited, ceiling, floor + (ceiling - floor) * shares)
