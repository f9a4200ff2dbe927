"""Terms: what a lever's money does by itself where no budget pays for it.

Of a lever that ``pays`` ``charge`` or ``service`` an intensity ``u`` is money that a true customer pays on top, or
costs on top, in a period. Of one that pays ``price`` it is what customers no longer pay: each purchase is ``u/w``
cheaper, with ``w`` what a customer of the segment usually pays a period, so that ``u`` is money a head and period at
today's purchases. Each is a straight line that is moved along with the lever's own curves, under a name of its own.

What does not fall with a price are the costs of what is sold: of ``R`` at list prices, of which a share ``m`` is margin
and ``b`` is never paid, a price of ``p`` times today's leaves ``R (p (1 - b) - (1 - m))``.
"""

import numpy as np

from sim.arrays import Floats, Ints
from sim.engine.offers import exhausted
from sim.scenario.curves import Curve, PiecewiseLinear
from sim.scenario.market import Lever

__all__ = ["CHARGED", "CUT", "DEEPEST", "MONEY", "SERVED", "curves_of", "usual_payments"]

CUT, CHARGED, SERVED = "price", "charge", "service"
"""Names of what money moves by itself, as those of a lever's effects."""
MONEY = (CUT, CHARGED, SERVED)
DEEPEST = 0.95
"""Largest share of a price that is cut: at nothing there is no margin to speak of."""

LEAST = 1e-9
"""Usual payment of those who pay nothing, so that a share of it is a number."""


def usual_payments(segments: tuple[str, ...], group: Ints, weight: Floats, paid: Floats) -> Floats:
    """Return by group what a customer of its segment usually pays a period: the mean of ``paid[block]`` by weight.

    Examples
    --------
    >>> import numpy as np
    >>> usual_payments(("a", "a", "b"), np.array([0, 1, 2]), np.array([3.0, 1.0, 1.0]), np.array([10.0, 30.0, 7.0]))
    array([15., 15.,  7.])
    """
    names = list(dict.fromkeys(segments))
    place = np.array([names.index(name) for name in segments])[group]
    total = np.bincount(place, weights=weight, minlength=len(names))
    mean = np.bincount(place, weights=weight * paid, minlength=len(names)) / np.where(total > 0, total, 1.0)
    return np.asarray(mean[[names.index(name) for name in segments]])


def curves_of(lever: Lever, segment: str, usual: float) -> dict[str, Curve]:
    """Return what a lever moves in a segment, by name: as stated, and what its money does by itself.

    ``usual``: what a customer of the segment pays a period.
    """
    override = lever.by_segment.get(segment)
    curves: dict[str, Curve] = {str(moved): curve for moved, curve in lever.moves.items()}
    if override:
        curves |= {str(moved): curve for moved, curve in override.moves.items()}
    if lever.pays == "budget":
        return curves
    if lever.pays == CUT:
        return curves | {CUT: _straight(DEEPEST * max(usual, LEAST), DEEPEST)}
    if lever.pays == CHARGED and lever.most is not None:
        return curves | {CHARGED: _straight(lever.most, lever.most)}
    reference = lever.reference if override is None or override.reference is None else override.reference
    top = max(reference, lever.committed or 0.0, lever.most or 0.0, *(exhausted(curve) for curve in curves.values()))
    return curves | {lever.pays: _straight(top, top)}


def _straight(most: float, brings: float) -> PiecewiseLinear:
    """Return the straight line from nothing to what the most money brings."""
    return PiecewiseLinear(shape="piecewise-linear", points=((0.0, 0.0), (most, brings)))
