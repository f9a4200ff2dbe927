"""What intervals of fitted numbers are made of: the quantile of the normal law, and the curvature of a likelihood."""

from collections.abc import Callable

import numpy as np

from sim.arrays import Floats

__all__ = ["NORMAL", "hessian", "hessian_of_slopes"]

NORMAL = 1.959964
"""97.5 % quantile of the normal law: an interval of 95 % is so many standard errors wide to each side."""


def hessian(function: Callable[[Floats], float], at: Floats, step: float) -> Floats:
    """Return second derivatives by central differences, (size, size).

    ``(f(x + h e_i) - 2 f(x) + f(x - h e_i)) / h^2``, and off the diagonal
    ``(f(++) - f(+-) - f(-+) + f(--)) / (4 h^2)``.

    Parameters
    ----------
    at : (size,)
        Where.
    step
        ``h``; near the fourth root of the rounding of the function's values differences are best.

    Examples
    --------
    >>> hessian(lambda x: x[0] ** 2 + 3 * x[0] * x[1], np.array([1.0, 2.0]), 1e-3).round(6).tolist()
    [[2.0, 3.0], [3.0, 0.0]]
    """
    middle, steps = function(at), step * np.eye(at.size)
    out = np.empty((at.size, at.size))
    for i, a in enumerate(steps):
        out[i, i] = function(at + a) - 2 * middle + function(at - a)
        for j, b in enumerate(steps[:i]):
            apart = function(at + a + b) - function(at + a - b) - function(at - a + b) + function(at - a - b)
            out[i, j] = out[j, i] = apart / 4
    return out / step**2


def hessian_of_slopes(slopes: Callable[[Floats], Floats], at: Floats, step: float) -> Floats:
    """Return second derivatives by central differences of the first, (size, size), symmetric.

    Parameters
    ----------
    at : (size,)
        Where.
    step
        ``h``; near the third root of the rounding of the slopes differences are best.

    Examples
    --------
    >>> hessian_of_slopes(lambda x: np.array([2 * x[0] + 3 * x[1], 3 * x[0]]), np.zeros(2), 1e-3).round(6).tolist()
    [[2.0, 3.0], [3.0, 0.0]]
    """
    out = np.array([(slopes(at + each) - slopes(at - each)) / (2 * step) for each in step * np.eye(at.size)])
    both: Floats = 0.5 * (out + out.T)
    return both
