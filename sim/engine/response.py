"""How money turns into effect: ``f(u)`` for one curve, with reach.

Blattberg & Deighton (1996) with a floor: ``f(u) = floor + (ceiling - floor)(1 - e^(-k u))``. Where only a part
``reach`` of a target can be addressed, the response is ``reach f(u) + (1 - reach) f(0)``.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["response"]

Floats = NDArray[np.float64]


def response(floor: Floats, room: Floats, speed: Floats, intensity: Floats, reach: float = 1.0) -> Floats:
    """Return ``f`` at each intensity (money per targeted customer per period).

    Parameters
    ----------
    floor, room, speed
        Of the curve: ``f(0)``, ceiling less floor, and ``k``; broadcast against ``intensity``.
    """
    return np.asarray(floor - reach * room * np.expm1(-speed * intensity))
