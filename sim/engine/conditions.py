"""What a period starts from, and what its customers are then under."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sim.arrays import Floats

__all__ = ["Conditions", "Moment", "Wanted"]


@dataclass(frozen=True, eq=False)
class Moment:
    """What a period starts from.

    Attributes
    ----------
    period : int
    observed : (groups, stages)
        Head counts as the firm sees them.
    levels : (groups, levels)
        True customers by level of satisfaction.
    rivals, shocks : sequences of int
        Which are there, by number.
    employees : float
        Points of employee satisfaction; nan where they are not in the model.
    late : (3, groups, stages, levers that remember), optional
        What levers did of late (:mod:`sim.engine.of_late`); None where none remembers.
    """

    period: int
    observed: Floats
    levels: Floats
    rivals: Sequence[int]
    shocks: Sequence[int]
    employees: float
    late: Floats | None = None


@dataclass(frozen=True, eq=False)
class Conditions:
    """What a period's customers are under, and what the next one starts from.

    Attributes
    ----------
    environment : (groups, routes)
    effective : (groups, stages, levers and more)
        Intensities as they work; after them what levers did of late, where any remembers.
    employees_after : float
    reactions : dict
        What the strength of each rival who is there is multiplied by.
    talk : (groups,) or None
        Multiplier by word of mouth.
    late_after : as in :class:`Moment`
    acts : (groups, stages, levers), optional
        What a unit of intensity by itself adds to the intensity as it works; None: itself.
    """

    environment: Floats
    effective: Floats
    employees_after: float
    reactions: dict[int, float]
    talk: Floats | None = None
    late_after: Floats | None = None
    acts: Floats | None = None


class Wanted(NamedTuple):
    """Derivatives of something by what a period is made of; ``levels``, ``late`` None: it does not depend on them."""

    intensity: Floats
    observed: Floats
    levels: Floats | None
    employees: float
    late: Floats | None = None
