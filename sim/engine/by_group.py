"""What differs by group: curves of a lever, our share of purchases, and what goes through a partner."""

from collections.abc import Callable

import numpy as np

from sim.arrays import Floats, Ints
from sim.contract import Targets
from sim.engine.response import response
from sim.scenario.curves import Curve
from sim.scenario.file import Scenario

__all__ = ["by_group", "partners_by_group", "shares_by_group"]


def shares_by_group(scenario: Scenario, targets: Targets) -> Floats:
    """Return our share of customers' purchases today by group: the segment's own, or the scenario's; 0 without."""
    segments = (scenario.segments.get(name) for name in targets.segments)
    own = [None if segment is None else segment.share_of_customer for segment in segments]
    return np.array([scenario.share_of_customer or 0.0 if share is None else share for share in own])


def by_group(
    curves: list[tuple[Curve, Ints]], intensity: Floats, reach: float | Floats, what: Callable[..., Floats] = response
) -> Floats:
    """Return ``what`` (response or slope) of each group's own curve, ``[..., group, stage]``; reach may be by stage."""
    if len(curves) == 1:
        return what(curves[0][0], intensity, reach)
    f = np.empty(intensity.shape)
    for curve, groups in curves:
        f[..., groups, :] = what(curve, intensity[..., groups, :], reach)
    return f


def partners_by_group(scenario: Scenario, targets: Targets) -> Floats:
    """Return the share of purchases through a partner today and its commission by group, (2, groups)."""
    segments = (scenario.segments.get(name) for name in targets.segments)
    own = [None if segment is None else segment.partner for segment in segments]
    stated = [scenario.partner if each is None else each for each in own]
    pairs = [(0.0, 0.0) if each is None else (each.share, each.commission) for each in stated]
    return np.array(pairs).reshape(len(pairs), 2).T
