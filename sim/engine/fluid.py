"""The fluid twin: the same chain in expected numbers of customers.

``occupancy[t+1, block] = occupancy[t, block] P(intensity[t], environment[t]) + arrivals[t]``. For agents whose traits
are drawn from the blocks' nodes, no crowd effects, and an intensity plan whose money never runs out, it equals the
agents' mean exactly; with the crowd it is their limit for many customers. Its derivatives are in
:mod:`sim.engine.sensitivity`.
"""

import numpy as np

from sim.arrays import Floats
from sim.engine.chain import ALIVE, DEFECTED, PROSPECT, UNAWARE, ControlledChain, observed_counts
from sim.engine.fluid_kernels import observed_moves
from sim.engine.fluid_pass import FluidPass, levels_of
from sim.engine.lifecycle import Lifecycle
from sim.engine.state_space import LEVELS
from sim.history import KINDS, History

__all__ = ["expected_history", "observed_counts"]


def expected_history(chain: ControlledChain, intensity: Floats) -> History:
    """Return the expected history under ``intensity[period, group, stage, lever]``, money per targeted customer.

    Intensities are those that act in a period, whatever their lead time. Numbers of customers are expectations, not
    integers; ``events`` are expected numbers.
    """
    groups, stages, _ = chain.targets.shape
    periods, space = chain.periods, chain.space
    blocks, laws = chain.group.size, space.law_kind.size
    law_cell = (chain.group[:, None] * stages + space.law_stage).ravel()
    law_place = (np.arange(blocks)[:, None] * laws + chain.block_law).ravel()
    people = np.zeros((periods + 1, groups, stages, len(KINDS)))
    moves = np.zeros((periods, groups, stages, stages))
    flows = np.zeros((5, periods, groups, stages))
    events = {name: np.zeros((periods, groups)) for name in ("aware", "won", "returned", "left", "lost")}
    satisfaction = np.full((periods + 1, groups), np.nan)
    share = np.full((periods, groups), np.nan)
    employees = np.full(periods + 1, np.nan)
    spend = np.empty((periods, *chain.targets.shape))

    def by_law(occupancy: Floats) -> Floats:
        """Return expected customers by (block, law)."""
        return np.asarray(
            np.bincount(law_place, weights=occupancy.ravel(), minlength=blocks * laws).reshape(blocks, laws),
            dtype=np.float64,
        )

    def by_cell(amount: Floats) -> Floats:
        return np.asarray(
            np.bincount(law_cell, weights=amount.ravel(), minlength=groups * stages).reshape(groups, stages),
            dtype=np.float64,
        )

    def by_group(amount: Floats) -> Floats:
        return np.asarray(np.bincount(chain.group, weights=amount, minlength=groups), dtype=np.float64)

    def look(t: int, occupancy: Floats, points: float) -> None:
        number = by_law(occupancy)
        for k in range(len(KINDS)):
            people[t, :, :, k] = by_cell(number * (space.law_kind == k))
        employees[t] = points
        if isinstance(chain, Lifecycle):
            satisfaction[t] = mean_satisfaction(levels_of(chain, occupancy))

    run = FluidPass(chain, intensity)
    for t in range(periods):
        now = run.period(t)
        look(t, now.occupancy, now.employees)
        number, step = by_law(now.occupancy), now.step
        for i, per_customer in enumerate((step.purchases, step.revenue, step.reward)):
            flows[i, t] = by_cell(number * per_customer)
        if isinstance(chain, Lifecycle):
            odds, half = step.probability, chain.buys
            for name, true, chance in (
                ("aware", UNAWARE, odds[:, :, 1]),
                ("won", PROSPECT, odds[:, :, 1]),
                ("returned", DEFECTED, odds[:, :, 1]),
                ("lost", DEFECTED, odds[:, :, 2]),
                ("left", ALIVE, odds[:, :, half : 2 * half].sum(axis=2)),
            ):
                events[name][t] = by_group((number * chance)[:, space.law_kind == true].sum(axis=1))
            flows[3, t] = by_cell(
                number * ((space.law_kind == ALIVE) * chain.serve[:, :1] + step.purchases * chain.serve[:, 1:])
            )
            flows[4, t] = by_cell(number * step.revenue * chain.bad_debt[:, None])
            share[t] = share_of_customer(chain, now.environment, now.effective, people[t, :, :, ALIVE])
        observed_moves(
            now.occupancy, step.probability, chain.group, chain.block_law, chain.block_stage, space.successor, moves[t]
        )
        spend[t] = now.observed[:, :, None] * intensity[t]
    look(periods, run.occupancy, run.employees)
    return History(
        targets=chain.targets,
        people=people,
        moves=moves,
        purchases=flows[0],
        revenue=flows[1],
        reward=flows[2],
        cost_to_serve=flows[3],
        bad_debt=flows[4],
        spend=spend,
        events=events,
        satisfaction=satisfaction,
        surveyed=surveyed_on_schedule(chain, satisfaction),
        share=share,
        employees=employees,
        terminal=float((run.occupancy * chain.terminal).sum()),
    )


def mean_satisfaction(levels: Floats) -> Floats:
    """Return mean points 0..100 by group of customers by (group, level); nan where there are none."""
    from sim.engine.attitudes import POINTS_PER_LEVEL

    number = levels.sum(axis=-1)
    total = levels @ np.arange(LEVELS) * POINTS_PER_LEVEL
    return np.asarray(np.divide(total, number, out=np.full(number.shape, np.nan), where=number > 0))


def share_of_customer(chain: Lifecycle, environment: Floats, intensity: Floats, alive: Floats) -> Floats:
    """Return our mean share of customers' purchases by group; nan where it is not in the model."""
    usual = chain.scenario.share_of_customer
    number = alive.sum(axis=1)
    if usual is None:
        return np.full(number.shape, np.nan)
    share = usual * chain.effects.share_multiplier(environment, chain.effects.utility(intensity))
    mean = np.divide((alive * share).sum(axis=1), number, out=np.full(number.shape, np.nan), where=number > 0)
    return np.asarray(mean)


def surveyed_on_schedule(chain: ControlledChain, satisfaction: Floats) -> Floats:
    """Return what surveys without error would have told by period and group; nan before the first."""
    out = np.full_like(satisfaction, np.nan)
    survey = chain.scenario.survey if isinstance(chain, Lifecycle) else None
    if survey is None:
        return out
    for t in range(out.shape[0]):
        asked = (t - survey.delay) // survey.every * survey.every
        if asked >= 0:
            out[t] = satisfaction[asked]
    return out
