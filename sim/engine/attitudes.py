"""Satisfaction, ties and employees: what the mix in the data implies for moves and for effects.

Moves follow Metropolis' rule, corrected for the unhappy who leave (:mod:`sim.engine.satisfaction_kernels`), so that the
mix the firm surveyed persists while nothing changes; effects are divided by their mean over the mix, so that they are
neutral in the mean.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sim.arrays import Floats
from sim.engine.bond_kernels import Bonds
from sim.engine.bonds import bond_mix, bonds_of
from sim.engine.chain import StateSpace
from sim.engine.satisfaction_kernels import BINS, LEVELS, WIDTH, Falls, Levels, chances_of_level, fall_bounds, own_fall
from sim.errors import ScenarioError
from sim.scenario.file import Scenario
from sim.scenario.people import Established

__all__ = ["POINTS_PER_LEVEL", "Attitudes", "mean_points", "mean_points_of_stayers", "metropolis", "shifted"]


POINTS_PER_LEVEL = 25.0
"""One level of satisfaction on the scale 0..100."""


def metropolis(mix: Floats, mobility: float) -> tuple[Floats, Floats]:
    """Return chances of a move up and down by level that leave ``mix`` as it is.

    ``up[k] = mobility/2 min(1, mix[k+1]/mix[k])``, ``down[k]`` likewise; none beyond the ends.
    """
    up, down = np.zeros_like(mix), np.zeros_like(mix)
    for k in range(mix.size - 1):
        low, high = mix[k], mix[k + 1]
        up[k] = mobility / 2 * (min(1.0, high / low) if low > 0 else 1.0)
        down[k + 1] = mobility / 2 * (min(1.0, low / high) if high > 0 else 1.0)
    return up, down


def shifted(up: Floats, down: Floats, shift: float) -> tuple[Floats, Floats]:
    """Return the chances after a shift, ``clip(up + shift, 0, 1)`` and ``clip(down - shift, 0, 1)``."""
    chances = [chances_of_level(k + 1, up[k], down[k], shift) for k in range(up.size)]
    return np.array([rises for rises, _ in chances]), np.array([falls for _, falls in chances])


def mean_points(up: Floats, down: Floats) -> float:
    """Return the mean points (0..100) of a birth-death chain of levels in the long run.

    Detailed balance: ``p[k+1]/p[k] = up[k]/down[k+1]``; a move that is never undone leads to the levels beyond it.
    """
    weight = np.zeros(up.size)
    weight[0] = 1.0
    for k in range(up.size - 1):
        if down[k + 1] > 0:
            weight[k + 1] = weight[k] * up[k] / down[k + 1]
        elif up[k] > 0:
            weight[: k + 1], weight[k + 1] = 0.0, 1.0
    return float(POINTS_PER_LEVEL * (weight @ np.arange(up.size)) / weight.sum())


def mean_points_of_stayers(mix: Floats, stays: Floats, up: Floats, down: Floats) -> float:
    """Return the mean points in the long run of a closed cohort that begins at ``mix``, of those who are still there.

    ``stays``: chance by level to stay through a period. The cohort's shares after 2^40 periods of leaving and moving.
    """
    moves = np.diag(1 - up - down) + np.diag(up[:-1], 1) + np.diag(down[1:], -1)
    there = mix > 0
    for _ in range(mix.size):
        there = there | (there @ moves > 0)
    period = stays[:, None] * moves * there[:, None]  # who nobody becomes must not outlast the others
    for _ in range(40):
        period = period @ period
        period /= period.max()
    share = mix @ period
    return float(POINTS_PER_LEVEL * (share @ np.arange(mix.size)) / share.sum())


@dataclass(frozen=True, eq=False)
class Attitudes:
    """What a scenario says of satisfaction, ties and employees, as numbers by level and by bond.

    Every array has an element for each level (1..5; index 0 stands for "none stated") or bond
    (:mod:`sim.engine.bonds`).

    Attributes
    ----------
    scenario : Scenario
    leaving : float
        Mean defection rate of customers, at which what employees bring is stated.
    """

    scenario: Scenario
    leaving: float = 0.0

    @property
    def levels(self) -> bool:
        """Return whether customers have a level of satisfaction."""
        return self.scenario.satisfaction is not None

    @property
    def ties(self) -> bool:
        """Return whether anything binds customers: ties, categories that they add, a club."""
        stated = (self.scenario.links, self.scenario.categories, self.scenario.club)
        return any(each is not None for each in stated)

    @cached_property
    def bonds(self) -> Bonds:
        """Return what customers may be tied to and buy."""
        return bonds_of(self.scenario.links, self.scenario.categories, self.scenario.club)

    @cached_property
    def level_mix(self) -> Floats:
        """Return the mix of levels at the start; (1,) where there are none."""
        given = self.scenario.satisfaction
        return np.ones(1) if given is None else np.array(given.mix) / sum(given.mix)

    @cached_property
    def tie_mix(self) -> Floats:
        """Return the mix of bonds in the data; (1,) where there are none."""
        return self.tie_mix_of(None)

    def tie_mix_of(self, each: Established | None) -> Floats:
        """Return the mix of bonds of customers who are there already: as stated for them, or as in the data."""
        return bond_mix(self.scenario.links, self.scenario.categories, self.scenario.club, each)

    @cached_property
    def entry_mix(self) -> Floats:
        """Return the shares of levels among the newly won and the returned: all at the stated one, or the mix."""
        given = self.scenario.satisfaction
        if given is None or given.entry is None:
            return self.level_mix
        return np.asarray(np.eye(LEVELS)[given.entry - 1])

    @cached_property
    def by_level(self) -> Levels:
        """Return what kernels know of the levels."""
        mix = self.level_mix if self.levels else np.zeros(LEVELS)
        return Levels(np.append(0.0, mix), self.moves, np.ascontiguousarray(self.level_effects[:, 0]))

    def falls(self, space: StateSpace) -> Falls:
        """Return how agents find out whether satisfaction falls."""
        levels = self.by_level
        chord, bend = np.zeros((LEVELS + 1, BINS + 2)), np.zeros((LEVELS + 1, BINS + 1))
        fall_bounds(levels, chord, bend)
        flat = chord[:, 0] + bend[:, 0]
        high = np.minimum(chord[:, 1:-1] + np.maximum(bend[:, :-1], bend[:, 1:]), 1.0)
        steep = ((high - flat[:, None]) / (WIDTH * np.arange(1, BINS + 1))).max(axis=1).clip(0.0)
        return Falls(
            self.levels and bool(levels.leaving[1] > levels.leaving[-1]), space.law_level,
            self.tie_effects[space.law_ties], levels, chord, bend, flat, steep, np.cumsum(self.entry_mix),
        )  # fmt: skip

    @cached_property
    def moves(self) -> Floats:
        """Return (levels + 1, 2): chances of a move up and down, unshifted; row 0 for customers without a level."""
        out = np.zeros((LEVELS + 1, 2))
        given = self.scenario.satisfaction
        if given is not None:
            out[1:, 0], out[1:, 1] = metropolis(self.level_mix, given.mobility)
        return out

    @cached_property
    def level_effects(self) -> Floats:
        """Return (levels + 1, 3): what a level multiplies: defection rate, purchase rate, amount."""
        out = np.ones((LEVELS + 1, 3))
        given = self.scenario.satisfaction
        if given is None:
            return out
        steps = (1 - given.defection_per_level, 1 + given.purchase_rate_per_level, 1 + given.amount_per_level)
        for i, step in enumerate(steps):
            by_level = step ** np.arange(1.0, LEVELS + 1)
            out[1:, i] = by_level / (self.level_mix @ by_level)
        return out

    @cached_property
    def tie_effects(self) -> Floats:
        """Return (bonds + 1,): what they multiply the defection rate by; the last element for customers without."""
        return np.ascontiguousarray(self.bonds.effects[:, 0])

    @cached_property
    def net_promoters(self) -> float:
        """Return promoters (levels 4, 5) less detractors (1, 2) in the mix, a share."""
        return float(self.level_mix @ np.array([-1, -1, 0, 1, 1])) if self.levels else 0.0

    @cached_property
    def employee_slope(self) -> float:
        """Return by how much one employee point shifts the chances of a move.

        ``points`` employee points, kept up, bring ``bring`` customer points in the long run: in a closed cohort of
        customers who leave at the mean rate, among those who are still there.

        Raises
        ------
        ScenarioError
            If no shift of the chances brings as much.
        """
        given = self.scenario.employees
        if given is None or given.bring == 0:
            return 0.0
        from scipy.optimize import brentq

        up, down = self.moves[1:, 0], np.array([own_fall(k + 1, self.leaving, self.by_level) for k in range(LEVELS)])
        usual = float(POINTS_PER_LEVEL * (self.level_mix @ np.arange(LEVELS)))
        stays = np.exp(-self.leaving * (self.by_level.leaving[1:] - self.by_level.leaving[-1]))

        def reached(shift: float) -> float:
            moves = shifted(up, down, shift)
            return mean_points(*moves) if stays[0] == 1 else mean_points_of_stayers(self.level_mix, stays, *moves)

        at_rest = reached(0.0)

        def missing(shift: float) -> float:
            return reached(shift) - at_rest - given.bring

        # Beyond the largest chance a shift cannot do more; just below it everybody ends at the top.
        most = float(down.max()) * (1 - 1e-9)
        if abs(mean_points(up, self.moves[1:, 1]) - usual) > 1e-6:
            raise ScenarioError(
                "employees: satisfaction.mix has a level without a share between others, which customers would not "
                "cross again; give it a small share"
            )
        if missing(1e-9 * most) > -0.99 * given.bring:
            raise ScenarioError(
                "employees: satisfaction.mix has levels without a share at the top, and who gets there outlasts "
                "all others; give them a small share"
            )
        if most <= 0 or missing(most) < 0:
            raise ScenarioError(
                f"employees.bring: no change in the chances of moving lifts customers by {given.bring:g} points from "
                f"{usual:.0f}; expected less"
            )
        return float(brentq(missing, 0.0, most, xtol=1e-14)) / given.points
