"""Alarms: what a firm's books and surveys say has become worse, each by a test with a stated rate of false alarms.

Both compare a mean with the one before it and raise where it is worse by more than ``LIMIT`` standard errors: where
nothing changed, one in 740 (one side of the normal law) per group and period, or per group and survey. They say that
something is worse, not why: a season, or customers won together who fall silent together, raises them too.
"""

from collections.abc import Iterable

import numpy as np

from sim.arrays import Flags, Floats
from sim.contract import ACTIVE, ALARMS, SILENT
from sim.scenario.customers import CUSTOMER_STAGES
from sim.twin import Twin

__all__ = ["LIMIT", "Alarms", "over_stages", "rivals_by_group"]

LIMIT = 3.0
"""Standard errors beyond which an alarm is raised."""
BEFORE = 3
"""Periods that the last one is compared with."""


class Alarms:
    """The tests of a firm, the same for drawn and for expected customers.

    ``leaving``: of a group's active customers a larger part was seen to fall silent or to leave in the last period than
    in the three before, by the two-sample test of proportions. ``satisfaction``: the last survey that is known gave
    fewer points than the one before; a mean ``m`` of answers 0..100 errs by at most
    ``sqrt((m (100 - m) + noise^2)/n)``, so false alarms are rarer than stated.
    """

    def __init__(self, twin: Twin) -> None:
        stages = twin.targets.stages
        self._chain, self._survey = twin.chain, twin.scenario.survey
        self._groups = twin.targets.shape[0]
        self._active = [stages.index(name) for name in ACTIVE if name in stages]
        self._silent = [stages.index(name) for name in SILENT if name in stages]
        self._asked = [stages.index(name) for name in CUSTOMER_STAGES if name in stages and name != "lapsed"]

    def raised(self, period: int, observed: Floats, moves: Floats, answers: Floats) -> Flags:
        """Return alarms by group at the start of a period.

        Parameters
        ----------
        observed : (groups, stages)
            Heads now.
        moves : (periods, groups, stages, stages)
            What was seen; read up to the period before.
        answers : (periods, groups, stages)
            Points of each survey at its period.
        """
        out = np.zeros((self._groups, len(ALARMS)), dtype=bool)
        if period > BEFORE and self._active and self._silent:
            out[:, 0] = self._leaving(moves[period - 1 - BEFORE : period])
        asked = self._chain.last_survey(period)
        if self._survey is not None and asked is not None and asked >= self._survey.every:
            now, before = (over_stages(answers[t], observed) for t in (asked, asked - self._survey.every))
            out[:, 1] = self._less_satisfied(now, before, observed)
        return out

    def _leaving(self, moves: Floats) -> Flags:
        active = moves[:, :, self._active]
        heads, gone = active.sum(axis=(2, 3)), active[..., self._silent].sum(axis=(2, 3))
        before, left = heads[:-1].sum(axis=0), gone[:-1].sum(axis=0)
        pooled = (left + gone[-1]) / np.maximum(before + heads[-1], 1e-300)
        error = np.sqrt(pooled * (1 - pooled) * (1 / np.maximum(before, 1e-9) + 1 / np.maximum(heads[-1], 1e-9)))
        worse = gone[-1] / np.maximum(heads[-1], 1e-300) - left / np.maximum(before, 1e-300)
        return np.asarray((gone[-1] > 0) & (worse > LIMIT * error))

    def _less_satisfied(self, now: Floats, before: Floats, observed: Floats) -> Flags:
        assert self._survey is not None
        number = np.clip(observed[:, self._asked].sum(axis=1), 1.0, float(self._survey.sample))
        error = np.sqrt(sum(m * (100 - m) + self._survey.noise**2 for m in (now, before)) / number)
        return np.asarray(before - now > LIMIT * error)  # False where either is not known


def over_stages(surveyed: Floats, observed: Floats) -> Floats:
    """Return points by group of ``surveyed[group, stage]``: the mean by heads seen; nan where there is none."""
    known = ~np.isnan(surveyed)
    heads = np.where(known, observed, 0.0)
    total = heads.sum(axis=1)
    points = (np.where(known, surveyed, 0.0) * heads).sum(axis=1)
    return np.asarray(np.divide(points, total, out=np.full(total.shape, np.nan), where=total > 0))


def rivals_by_group(twin: Twin, there: Iterable[int]) -> Floats:
    """Return how many of the rivals that are there, by number, act in the market of each group."""
    out, rivals = np.zeros(twin.targets.shape[0]), twin.scenario.competitors
    for number in there:
        inside = rivals[number].segments
        out += [not inside or segment in inside for segment in twin.targets.segments]
    return out
