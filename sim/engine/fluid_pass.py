"""One run of the fluid twin, period by period: numbers of customers, the market around them, what money does."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sim.arrays import Flags, Floats, Ints
from sim.contract import Targets
from sim.engine.chain import Conditions, ControlledChain, Moment, Step, observed_counts
from sim.engine.fluid_kernels import advance
from sim.engine.state_space import LEVELS, customers_by_level

__all__ = ["FluidPass", "Money", "Period"]


@dataclass(frozen=True, eq=False)
class Money:
    """A plan stated in money: each cell's is spread evenly over the heads it is for.

    ``intensity[t, g, s, l] = amount[t, cell] / (heads of the cell)``. What was committed before the start acts at its
    own intensity instead.

    Attributes
    ----------
    targets : Targets
    cell : (groups, stages, levers)
        Which cell's money a target gets through a lever; -1: none.
    amount : (periods, cells)
    """

    targets: Targets
    cell: Ints
    amount: Floats

    @cached_property
    def _inside(self) -> tuple[Ints, Ints, Flags]:
        """Return the cell and the place among (groups, stages) of each target of a cell, and which these are."""
        inside = self.cell >= 0
        return self.cell[inside], np.flatnonzero(inside) // self.cell.shape[2], inside

    def heads(self, observed: Floats) -> Floats:
        """Return customers by cell of ``observed[group, stage]``."""
        cell, place, _ = self._inside
        return np.asarray(np.bincount(cell, weights=observed.ravel()[place], minlength=self.amount.shape[1]))

    def open(self, period: int) -> Flags:
        """Return where this plan decides, (groups, stages, levers)."""
        inside = self._inside[2]
        return inside if period >= self._longest_lead else inside & (period >= np.array(self.targets.lead))

    @cached_property
    def _longest_lead(self) -> int:
        return max(self.targets.lead, default=0)

    def intensity(self, period: int, observed: Floats) -> Floats:
        """Return money per customer in a period."""
        heads = self.heads(observed)
        each = np.divide(self.amount[period], heads, out=np.zeros_like(heads), where=heads > 0)
        acting: Floats | float = 0.0
        if period < self._longest_lead:
            acting = np.where(period < np.array(self.targets.lead), self.targets.committed, 0.0)
        return np.where(self.open(period), each[self.cell], acting)

    def pull(self, period: int, by_intensity: Floats, observed: Floats) -> tuple[Floats, Floats]:
        """Return derivatives by (money of cells, observed heads) of what has ``by_intensity`` in a period."""
        heads = self.heads(observed)
        decides = self.open(period)
        by_each = np.bincount(self.cell[decides], weights=by_intensity[decides], minlength=heads.size)
        by_amount = np.divide(by_each, heads, out=np.zeros_like(heads), where=heads > 0)
        each = np.divide(self.amount[period], heads, out=np.zeros_like(heads), where=heads > 0)
        by_heads = np.where(self._inside[2], -(by_amount * each)[self.cell], 0.0).sum(axis=2)
        return by_amount, by_heads


@dataclass(frozen=True)
class Period:
    """Everything that one period of the fluid twin was made of."""

    occupancy: Floats
    now: Moment
    intensity: Floats
    met: Conditions
    step: Step

    @property
    def observed(self) -> Floats:
        """Return observed heads, (groups, stages)."""
        return self.now.observed


class FluidPass:
    """One run of the fluid twin under acting intensities ``[period, group, stage, lever]``, or under money."""

    def __init__(self, chain: ControlledChain, plan: "Floats | Money") -> None:
        self.chain = chain
        self.occupancy = chain.initial.copy()
        self.employees, self.late = chain.employees_at_start, chain.late.at_start if chain.late else None
        self.plan = plan
        self._nobody = np.zeros((chain.targets.shape[0], LEVELS))

    def period(self, t: int, observed: Floats | None = None) -> Period:
        """Return period ``t`` and move on to the next; ``observed`` heads where they have been counted already."""
        chain, occupancy = self.chain, self.occupancy
        observed = observed_counts(chain, occupancy) if observed is None else observed
        levels = self._nobody
        if chain.couples:  # else it does not matter how satisfied they are
            levels = customers_by_level(chain.space, occupancy, chain.group, chain.targets.shape[0])
        now = Moment(t, observed, levels, *chain.present(t), self.employees, self.late)
        intensity = self.plan.intensity(t, observed) if isinstance(self.plan, Money) else self.plan[t]
        met = chain.conditions(now, intensity)
        step = chain.step(met.environment, met.effective)
        self.occupancy = np.array(chain.arrivals[t])
        advance(occupancy, step.probability, chain.links, self.occupancy)
        self.employees, self.late = met.employees_after, met.late_after
        return Period(occupancy, now, intensity, met, step)
