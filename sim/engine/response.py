"""How money turns into effect: ``f(u)`` of a curve, with reach.

Four shapes, each made from numbers a manager can give or a study has measured: Blattberg & Deighton (1996) with a
floor, ADBUDG (Little 1970), Hill, and straight lines between points. Where only a part ``reach`` of a target can be
addressed, the response is ``reach f(u) + (1 - reach) f(0)``.
"""

import math

import numpy as np

from sim.arrays import Floats
from sim.scenario.curves import Adbudg, BlattbergDeighton, Curve, Hill

__all__ = ["intensity_at", "response", "slope"]


CHORD = 1e-4
"""Share of the half-way spend over which the slope at nothing is taken where a curve starts infinitely steep."""


def response(curve: Curve, intensity: Floats, reach: float | Floats = 1.0) -> Floats:
    """Return ``f`` at each intensity (money per targeted customer per period), same shape.

    ===================  ==============================================================================
    blattberg-deighton   ``floor + room (1 - e^(-k u))``, ``k = -ln(1 - share)/spend``
    adbudg               ``floor + room u^c/(d + u^c)``, ``d = spend^c (1 - share)/share``
    hill                 ``floor + room u^c/(half^c + u^c)``
    piecewise-linear     interpolated between the points, flat beyond the last
    ===================  ==============================================================================

    ``room`` is ceiling less floor, ``share`` the part of it that the known intensity ``spend`` brings.
    """
    floor = curve.without_money
    room = curve.unlimited_money - floor
    if isinstance(curve, BlattbergDeighton):
        speed = -math.log1p(-curve.known_share) / curve.spend
        gained = -room * np.expm1(-speed * intensity)
    elif isinstance(curve, Adbudg):
        half = curve.spend * ((1 - curve.known_share) / curve.known_share) ** (1 / curve.steepness)
        gained = room * _hill(intensity / half, curve.steepness)
    elif isinstance(curve, Hill):
        gained = room * _hill(intensity / curve.half, curve.steepness)
    else:
        money, values = zip(*curve.points, strict=True)
        gained = np.interp(intensity, money, values) - floor
    return np.asarray(floor + reach * gained)


def intensity_at(curve: Curve, share: Floats) -> Floats:
    """Return the intensities at which each ``share`` of a curve's room, below 1, is gained."""
    if isinstance(curve, BlattbergDeighton):
        return np.asarray(curve.spend * np.log1p(-share) / math.log1p(-curve.known_share))
    if isinstance(curve, Hill):
        return np.asarray(curve.half * (share / (1 - share)) ** (1 / curve.steepness))
    if isinstance(curve, Adbudg):
        half = curve.spend * ((1 - curve.known_share) / curve.known_share) ** (1 / curve.steepness)
        return np.asarray(half * (share / (1 - share)) ** (1 / curve.steepness))
    money, values = zip(*curve.points, strict=True)
    room = curve.unlimited_money - curve.without_money
    return np.asarray(np.interp(curve.without_money + share * room, values, money))


def slope(curve: Curve, intensity: Floats, reach: float | Floats = 1.0) -> Floats:
    """Return ``df/du`` at each intensity, same shape; at the points of a broken line the slope to the right."""
    room = curve.unlimited_money - curve.without_money
    if isinstance(curve, BlattbergDeighton):
        speed = -math.log1p(-curve.known_share) / curve.spend
        gained = room * speed * np.exp(-speed * intensity)
    elif isinstance(curve, Adbudg):
        half = curve.spend * ((1 - curve.known_share) / curve.known_share) ** (1 / curve.steepness)
        gained = room * _hill_slope(intensity / half, curve.steepness) / half
    elif isinstance(curve, Hill):
        gained = room * _hill_slope(intensity / curve.half, curve.steepness) / curve.half
    else:
        money, values = (np.array(column) for column in zip(*curve.points, strict=True))
        steps = np.append(np.diff(values) / np.diff(money), 0.0)
        gained = steps[np.searchsorted(money, intensity, side="right") - 1]
    return np.asarray(reach * gained)


def _hill_slope(ratio: Floats, steepness: float) -> Floats:
    """Return the derivative ``c x^(c-1)/(1 + x^c)^2`` of ``x^c/(1 + x^c)``.

    Where it is steeper than any number at nothing, ``c < 1``, the slope of the chord over the first ``CHORD``.
    """
    safe = np.maximum(ratio, 1e-300)
    value = _hill(safe, steepness)
    exact = steepness * value * (1 - value) / safe
    if steepness >= 1:
        return np.asarray(exact)
    return np.where(ratio < CHORD, _hill(np.array(CHORD), steepness) / CHORD, exact)


def _hill(ratio: Floats, steepness: float) -> Floats:
    """Return ``x^c/(1 + x^c)``, also for very large ``x``."""
    small = np.minimum(ratio, 1.0) ** steepness
    large = np.maximum(ratio, 1.0) ** -steepness
    return np.asarray(np.where(np.less_equal(ratio, 1.0), small / (1 + small), 1 / (1 + large)))
