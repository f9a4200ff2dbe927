"""What levers did of late, and what that does now: carry-over, fatigue, purchases given back.

Of each target (group and stage) and lever that remembers, three things are kept from period to period, with ``u`` the
money a head that acts, ``k`` the part of money of late that still counts a period later, ``c`` the part carried over:

======================  ======================  ======================================================================
what                    at the start            afterwards
======================  ======================  ======================================================================
what works, ``a``       the reference           ``a = (1 - c) u (R + u_ref)/(R + s) + c a'`` (adstock: Broadbent 1979)
money of late, ``s``    the reference           ``k s' + (1 - k) u'``
purchases added, ``b``  0                       ``k b' + (1 - k) (g(a') - 1)``, ``g = (1 + f)/(1 + f(u_ref))``
======================  ======================  ======================================================================

A dash marks the period before. ``a`` takes the place of ``u`` in the lever's curves; the purchase rate is multiplied by
``max(g(a) - p b, 0)``, so that of every purchase added a share ``p`` is missing later; the defection rate by
``(1 + x)^(s - u_ref)``. The memory is the target's: who moves on to another stage finds what was done there.
"""

from dataclasses import dataclass

import numpy as np

from sim.arrays import Flags, Floats
from sim.engine.effects import Effects
from sim.engine.response import slope

__all__ = ["Late"]

WORKS, SPENT, ADDED = range(3)
"""What is kept, in this order."""


@dataclass(frozen=True, eq=False)
class Late:
    """The levers of a scenario that remember, and how.

    Attributes
    ----------
    effects : Effects
    """

    effects: Effects

    @property
    def at_start(self) -> Floats:
        """Return what is kept at the start, (3, groups, stages, levers that remember)."""
        usual = self.effects.targets.reference[:, :, [i for i, _ in self.effects.late]]
        return np.stack([usual, usual, 0 * usual])

    @property
    def remembers(self) -> Flags:
        """Return which levers remember, (levers,)."""
        return np.isin(np.arange(self.effects.targets.shape[2]), [i for i, _ in self.effects.late])

    @property
    def slowest(self) -> float:
        """Return the largest part of what a lever did that still counts a period later."""
        return max(max(late.keep if late.forgets else 0.0, late.carry_over) for _, late in self.effects.late)

    def todays(self, late: Floats) -> tuple[Floats, Floats]:
        """Return what levers do under today's spend given what they did of late, and what is kept afterwards."""
        today = self.effects.targets.reference
        return self.works(today, today, late, np.ones_like(today))[:2]

    def works(self, saturated: Floats, money: Floats, late: Floats, alone: Floats) -> tuple[Floats, Floats, Floats]:
        """Return what levers do and did of late, what is kept afterwards, and what a unit of money adds by itself.

        Parameters
        ----------
        saturated, money : (groups, stages, levers)
            Intensities as media let them work, and as they are paid.
        late : (3, groups, stages, levers that remember)
        alone : (groups, stages, levers)
            What a unit by itself adds to ``saturated``.
        """
        levers, after = money.shape[2], late.copy()
        out = np.concatenate([saturated, np.zeros((*money.shape[:2], 2 * late.shape[3]))], axis=2)
        acts = alone.copy()
        for k, (i, stated) in enumerate(self.effects.late):
            fresh = (1 - stated.carry_over) * self._rested(k, late)
            acts[:, :, i] *= fresh
            out[:, :, i] = fresh * saturated[:, :, i] + stated.carry_over * late[WORKS, :, :, k]
            out[:, :, levers + 2 * k], out[:, :, levers + 2 * k + 1] = late[SPENT, :, :, k], late[ADDED, :, :, k]
            after[WORKS, :, :, k] = out[:, :, i]
            for what, now in ((SPENT, money[:, :, i]), (ADDED, self.effects.added(i, out[:, :, i]))):
                after[what, :, :, k] = stated.keep * late[what, :, :, k] + (1 - stated.keep) * now
        return out, after, acts

    def pull(
        self, by_out: Floats, by_after: Floats, saturated: Floats, works: Floats, late: Floats
    ) -> tuple[Floats, Floats, Floats]:
        """Return derivatives by (saturated, money, late), the way back of :meth:`works`, given those by what it gives.

        ``works`` is what it gave.
        """
        levers = saturated.shape[2]
        by_saturated, by_money, by_late = by_out[:, :, :levers].copy(), np.zeros_like(saturated), np.zeros_like(late)
        for k, (i, stated) in enumerate(self.effects.late):
            rested, keep, anew = self._rested(k, late), stated.keep, 1 - stated.keep
            by_works = by_out[:, :, i] + by_after[WORKS, :, :, k]
            by_works = by_works + anew * by_after[ADDED, :, :, k] * self.effects.added(i, works[:, :, i], slope)
            fresh = (1 - stated.carry_over) * rested
            by_saturated[:, :, i] = fresh * by_works
            by_money[:, :, i] = anew * by_after[SPENT, :, :, k]
            by_late[WORKS, :, :, k] = stated.carry_over * by_works
            by_late[SPENT, :, :, k] = by_out[:, :, levers + 2 * k] + keep * by_after[SPENT, :, :, k]
            if stated.fatigue is not None:
                tires = fresh * saturated[:, :, i] / (stated.fatigue + late[SPENT, :, :, k])
                by_late[SPENT, :, :, k] -= tires * by_works
            by_late[ADDED, :, :, k] = by_out[:, :, levers + 2 * k + 1] + keep * by_after[ADDED, :, :, k]
        return by_saturated, by_money, by_late

    def _rested(self, k: int, late: Floats) -> Floats | float:
        """Return how well money works after what was spent of late, ``(R + u_ref)/(R + s)``."""
        i, stated = self.effects.late[k]
        if stated.fatigue is None:
            return 1.0
        usual = self.effects.targets.reference[:, :, i]
        return np.asarray((stated.fatigue + usual) / (stated.fatigue + late[SPENT, :, :, k]))
