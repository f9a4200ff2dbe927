"""Parameters of the highest likelihood: L-BFGS in their logarithms, from several starting points.

Each start is searched roughly, the best one until the log-likelihood no longer gains in double precision. A law that
knows the slopes of its likelihood (:class:`Sloped`) is searched by those, and may have its starts tried on a part of
the records; of others slopes are differences.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sim.arrays import Floats
from sim.errors import PurchasesError
from sim.intervals import hessian_of_slopes

__all__ = ["RATE_RANGE", "SHAPE_RANGE", "Sloped", "maximise"]

SHAPE_RANGE = (1e-3, 1e2)
RATE_RANGE = (1e-3, 3e2)
"""Times the natural unit: mean age, or mean amount."""
NEAR_EDGE, CURVED = 0.1, 1e-5
"""In the logarithms of parameters: how near to the edge of the search is at it, and the step of a curvature."""
STEPS, ENOUGH = 12, 1e-14
"""Newton's, at most; and the gain in log-likelihood a customer below which there is no other."""
NO_LAW = 1e10
"""The loss where there is no finite likelihood."""


@dataclass(frozen=True)
class Sloped:
    """A log-likelihood with its slopes.

    Attributes
    ----------
    of : callable
        From parameters to the log-likelihood of all customers, and its slope by each parameter.
    customers : float
        How many there are.
    """

    of: Callable[[Sequence[float]], tuple[float, Floats]]
    customers: float

    def loss(self, logs: Floats) -> tuple[float, Floats]:
        """Return the log-likelihood a customer with the sign turned, and its slopes by logarithms of parameters."""
        values = np.exp(logs)
        whole, slopes = self.of(values.tolist())
        if not (np.isfinite(whole) and np.isfinite(slopes).all()):
            return NO_LAW, np.zeros(len(values))
        return -whole / self.customers, -slopes * values / self.customers


def maximise(
    likelihood: Sloped | tuple[Callable[[Sequence[float]], Floats], Floats],
    starts: Sequence[tuple[float, ...]],
    units: Sequence[str | float],
    name: str,
    part: Sloped | None = None,
) -> list[float]:
    """Return the parameters of the highest likelihood over all starts.

    Parameters
    ----------
    likelihood
        With slopes; or the log-likelihood of distinct records, and how many customers have each.
    units
        Of each parameter: "shape", or of a rate what it is a multiple of.
    part
        The likelihood of a part of the customers, on which starts are tried; None: on all.

    Raises
    ------
    PurchasesError
        If no start has a finite likelihood.
    """
    from scipy import optimize

    ranges = [SHAPE_RANGE if unit == "shape" else tuple(float(unit) * edge for edge in RATE_RANGE) for unit in units]
    bounds = [(float(np.log(low)), float(np.log(high))) for low, high in ranges]

    def search(start: Floats, tolerance: float, of: Sloped | None = None) -> tuple[float, Floats]:
        roughly = tolerance > 1e-9
        loss: Callable[[Floats], Any]
        jac: bool | str
        if isinstance(likelihood, Sloped):
            loss, jac = (of or likelihood).loss, True
        else:
            loss, jac = _loss(*likelihood), "2-point" if roughly else "3-point"
        options = {"ftol": tolerance, "gtol": 1e-7 if roughly else 1e-9, "maxiter": 400}
        found = optimize.minimize(loss, start, method="L-BFGS-B", jac=jac, bounds=bounds, options=options)
        return float(found.fun), np.array(found.x)

    rough = []
    for start in starts:
        value, at = search(np.clip(np.log(start), *np.transpose(bounds)), 1e-7, part)
        rough.append((value, at.tolist()))
    near = np.array(min(rough)[1])
    if part is not None and isinstance(likelihood, Sloped):
        near = _near_all(likelihood, part, search(near, 1e-12, part)[1], bounds)
    lowest, best = search(near, 1e-15)
    if lowest >= NO_LAW:
        raise PurchasesError(
            f"the {name} model cannot be fitted to these customers: no start gives a finite likelihood"
        )
    return [float(value) for value in np.exp(best)]


def _loss(log_likelihood: Callable[[Sequence[float]], Floats], counts: Floats) -> Callable[[Floats], float]:
    weights = counts / counts.sum()

    def loss(logs: Floats) -> float:
        value = -float(weights @ log_likelihood(np.exp(logs).tolist()))
        return value if np.isfinite(value) else NO_LAW

    return loss


def _near_all(whole: Sloped, part: Sloped, at: Floats, bounds: Sequence[tuple[float, float]]) -> Floats:
    """Return where a few Newton steps from ``at`` lead, with the curvature of a part of the records for that of all.

    ``at`` itself where it is at an edge, the curvature is that of no minimum, or a step leads out of the search.
    """

    def inside(logs: Floats) -> bool:
        return all(low + NEAR_EDGE < x < high - NEAR_EDGE for x, (low, high) in zip(logs, bounds, strict=True))

    if not inside(at):
        return at
    values, ways = np.linalg.eigh(hessian_of_slopes(lambda logs: part.loss(logs)[1], at, CURVED))
    if values[0] <= 0:
        return at
    here, first = at, None
    for _ in range(STEPS):
        value, slope = whole.loss(here)
        first = value if first is None else first
        along = ways.T @ slope
        here = here - ways @ (along / values)
        if not inside(here):
            return at
        if float(along**2 @ (1 / values)) < ENOUGH:
            break
    return here if first is not None and whole.loss(here)[0] < first else at
