"""How money turns into effect: ``f(u)`` for one curve, with reach.

Blattberg & Deighton (1996) with a floor: ``f(u) = floor + (ceiling - floor)(1 - e^(-k u))``. Where only a part
``reach`` of a target can be addressed, the response is ``reach f(u) + (1 - reach) f(0)``.
"""

import numpy as np
from numpy.typing import NDArray

from sim.scenario import Curve

__all__ = ["response"]


def response(curve: Curve, intensity: NDArray[np.float64], reach: float = 1.0) -> NDArray[np.float64]:
    """Return ``f`` at each intensity (money per targeted customer per period), same shape."""
    room = curve.unlimited_money - curve.without_money
    return np.asarray(curve.without_money - reach * room * np.expm1(-curve.speed * intensity))
