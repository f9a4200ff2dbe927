"""Care that misses what customers need, as offers to those whom the firm does not know yet: it does harm, not good.

Of the customers of a stage a lever misses the share ``q``. They respond as to no money, and bear what it does to those
it misses; the others respond, and bear nothing of it::

    good:  f_q(u) = f(0) + reach (1 - q) (f(u) - f(0))      survival, purchases, satisfaction, ...
    harm:  g_q(u) = g(0) + reach q (g(u) - g(0))            annoyance, leaving

Both act relative to today's intensity, as all responses do. Without ``misses`` everything is done to everybody reached.
"""

from collections.abc import Sequence

import numpy as np

from sim.arrays import Floats
from sim.scenario.curves import Curve, PiecewiseLinear
from sim.scenario.market import HARMS, Lever

__all__ = ["part_of", "reach_of", "within"]


def part_of(lever: Lever, moved: str, stage: str) -> float:
    """Return the part of those reached in a stage to whom an effect happens.

    Examples
    --------
    >>> curve = {"without_money": 0, "unlimited_money": 0.3, "spend": 1, "brings": 0.1}
    >>> both = {"satisfaction": curve, "annoyance": curve}
    >>> care = Lever(targets=["new", "core"], reference=0, moves=both, misses={"new": 0.6})
    >>> [part_of(care, moved, stage) for stage in ("new", "core") for moved in ("satisfaction", "annoyance")]
    [0.4, 0.6, 1.0, 0.0]
    """
    if not lever.misses:
        return 1.0
    missed = lever.missed(stage)
    return missed if moved in HARMS else 1.0 - missed


def reach_of(lever: Lever, moved: str, stages: Sequence[str]) -> float | Floats:
    """Return the part of targets to whom an effect happens: one number, or by stage where the lever misses some."""
    if not lever.misses:
        return lever.reach
    return lever.reach * np.array([part_of(lever, moved, stage) for stage in stages])


def within(curve: Curve, part: float) -> Curve:
    """Return the curve with only a part above 0 of its room: ``f(0) + part (f(u) - f(0))``."""
    if part == 1:
        return curve
    floor = curve.without_money

    def lowered(value: float) -> float:
        return floor + part * (value - floor)

    if isinstance(curve, PiecewiseLinear):
        return curve.model_copy(update={"points": tuple((u, lowered(f)) for u, f in curve.points)})
    known = {"brings": lowered(curve.brings)} if "brings" in type(curve).model_fields else {}
    return curve.model_copy(update={"unlimited_money": lowered(curve.unlimited_money), **known})
