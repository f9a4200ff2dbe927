"""The firm's campaigns: what was decided, when it acts, and for how long it cannot be changed."""

import numpy as np

from sim.arrays import Floats
from sim.contract import Targets

__all__ = ["Campaigns"]


class Campaigns:
    """What acts in each period, as decided so far.

    A decision of period ``t`` acts from ``t + lead`` on until another takes its place; a lever whose campaigns run for
    ``duration`` periods listens only to the decisions of periods 0, ``duration``, 2 ``duration``, ...
    """

    def __init__(self, targets: Targets, periods: int) -> None:
        self._targets = targets
        self.acting = np.zeros((periods, *targets.shape))
        for i, lead in enumerate(targets.lead):
            self.acting[:lead, :, :, i] = targets.committed[:, :, i]

    def decide(self, period: int, intensity: Floats) -> None:
        """Take in the decision of a period, ``intensity[group, stage, lever]``."""
        for i, (lead, duration) in enumerate(zip(self._targets.lead, self._targets.duration, strict=True)):
            if period % duration == 0:
                self.acting[period + lead :, :, :, i] = intensity[:, :, i]

    def committed(self, period: int) -> Floats:
        """Return what already acts in a period whatever is decided now, (groups, stages, levers): for lead times."""
        late = np.array(self._targets.lead) > 0
        return np.asarray(np.where(late, self.acting[period], 0.0))
