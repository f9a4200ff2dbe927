"""One run of the fluid twin, period by period: numbers of customers, the market around them, what money does."""

from dataclasses import dataclass

import numpy as np

from sim.arrays import Flags, Floats, Ints
from sim.contract import Targets
from sim.engine.chain import ControlledChain, Step, observed_counts
from sim.engine.crowd import present
from sim.engine.fluid_kernels import advance
from sim.engine.lifecycle import Lifecycle
from sim.engine.state_space import LEVELS

__all__ = ["FluidPass", "Money", "Period", "levels_of"]


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

    def heads(self, observed: Floats) -> Floats:
        """Return customers by cell of ``observed[group, stage]``."""
        inside = self.cell >= 0
        heads = np.broadcast_to(observed[:, :, None], self.cell.shape)[inside]
        return np.asarray(np.bincount(self.cell[inside], weights=heads, minlength=self.amount.shape[1]))

    def open(self, period: int) -> Flags:
        """Return where this plan decides, (groups, stages, levers)."""
        return np.asarray((self.cell >= 0) & (period >= np.array(self.targets.lead)))

    def intensity(self, period: int, observed: Floats) -> Floats:
        """Return money per customer in a period."""
        heads = self.heads(observed)
        each = np.divide(self.amount[period], heads, out=np.zeros_like(heads), where=heads > 0)
        committed = np.where(period < np.array(self.targets.lead), self.targets.committed, 0.0)
        return np.where(self.open(period), each[self.cell], committed)

    def pull(self, period: int, by_intensity: Floats, observed: Floats) -> tuple[Floats, Floats]:
        """Return derivatives by (money of cells, observed heads) of what has ``by_intensity`` in a period."""
        heads = self.heads(observed)
        decides = self.open(period)
        by_each = np.bincount(self.cell[decides], weights=by_intensity[decides], minlength=heads.size)
        by_amount = np.divide(by_each, heads, out=np.zeros_like(heads), where=heads > 0)
        each = np.divide(self.amount[period], heads, out=np.zeros_like(heads), where=heads > 0)
        inside = self.cell >= 0
        by_heads = np.where(inside, -(by_amount * each)[self.cell], 0.0).sum(axis=2)
        return by_amount, by_heads


@dataclass(frozen=True)
class Period:
    """Everything that one period of the fluid twin was made of."""

    occupancy: Floats
    observed: Floats
    levels: Floats
    rivals: dict[int, float]
    employees: float
    employees_after: float
    talk: Floats | None
    environment: Floats
    intensity: Floats
    effective: Floats
    step: Step


class FluidPass:
    """One run of the fluid twin under acting intensities ``[period, group, stage, lever]``, or under money."""

    def __init__(self, chain: ControlledChain, plan: "Floats | Money") -> None:
        self.chain = chain
        self.occupancy = chain.initial.copy()
        crowd = chain.crowd if isinstance(chain, Lifecycle) else None
        self.employees = crowd.employees_at_start if crowd else float("nan")
        self.plan = plan

    def period(self, t: int) -> Period:
        """Return period ``t`` and move on to the next."""
        chain, occupancy = self.chain, self.occupancy
        observed = observed_counts(chain, occupancy)
        intensity = self.plan.intensity(t, observed) if isinstance(self.plan, Money) else self.plan[t]
        levels, talk, rivals, after, effective = np.zeros((0, 0)), None, {}, self.employees, intensity
        environment = chain.environment[t]
        if isinstance(chain, Lifecycle):
            crowd, scenario = chain.crowd, chain.scenario
            shocks = present(scenario.shocks, t)
            levels = levels_of(chain, occupancy)
            talk = crowd.talk(levels)
            rivals = {n: crowd.reaction(n, observed) for n in present(scenario.competitors, t)}
            environment = crowd.environment(t, rivals, shocks, self.employees, talk)
            effective = crowd.effective(intensity, observed)
            after = crowd.employees_after(self.employees, shocks, effective, observed)
        step = chain.step(environment, effective)
        now = Period(
            occupancy, observed, levels, rivals, self.employees, after, talk, environment, intensity, effective, step
        )
        self.occupancy = np.array(chain.arrivals[t])
        advance(occupancy, step.probability, chain.block_law, chain.space.successor, self.occupancy)
        self.employees = after
        return now


def levels_of(chain: Lifecycle, occupancy: Floats) -> Floats:
    """Return customers by (group, level of satisfaction) of ``occupancy[block, state]``; zeros without levels."""
    out = np.zeros((chain.targets.shape[0], LEVELS))
    if chain.attitudes.levels:
        by_level = np.stack([occupancy[:, chain.space.level == k].sum(axis=1) for k in range(1, LEVELS + 1)], axis=1)
        np.add.at(out, chain.group, by_level)
    return out
