"""Employees who leave: the fewer the more satisfied they are, at a cost, and ties to them go with them.

With ``E`` points of employee satisfaction, of usually ``U``, the share ``T = min(usual (1 - falls)^(E - U), 1)`` of
them leaves in a period; ties are lost ``(1 - falls)^(E - U)`` times as readily as in the data; and replacing who leaves
costs ``per_customer T cost`` a true customer.
"""

import math
from typing import NamedTuple

from sim.scenario.feelings import Employees

__all__ = ["Leavers", "leavers"]


class Leavers(NamedTuple):
    """What multiplies the turnover of ties, what replacing costs a true customer, and both's slopes by points."""

    turnover: float
    cost: float
    turnover_slope: float
    cost_slope: float


def leavers(given: Employees, points: float) -> Leavers:
    """Return what follows from employee satisfaction of so many points.

    Examples
    --------
    >>> given = Employees(usual=60, turnover={"usual": 0.02, "falls": 0.05, "per_customer": 0.1, "cost": 1000})
    >>> leavers(given, 60)[:2], round(leavers(given, 61).cost, 9)
    ((1.0, 2.0), 1.9)
    """
    stated = given.turnover
    if stated is None:
        return Leavers(1.0, 0.0, 0.0, 0.0)
    factor, log = (1 - stated.falls) ** (points - given.usual), math.log1p(-stated.falls)
    share, each = stated.usual * factor, stated.per_customer * stated.cost
    return Leavers(factor, each * min(share, 1.0), factor * log, each * share * log if share < 1 else 0.0)
