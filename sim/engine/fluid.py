"""The fluid twin: the same chain in expected numbers of customers, and its exact gradient.

``occupancy[t+1, block] = occupancy[t, block] P(intensity[t], environment[t]) + arrivals[t]``. For agents whose traits
are drawn from the blocks' nodes, no crowd effects, and an intensity plan whose money never runs out, it equals the
agents' mean exactly; with the crowd it is their limit for many customers.

:func:`gradient` runs the pass and then its adjoint backwards: one more pass gives the derivative of the customer asset
with respect to every element of a plan.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.engine.chain import ALIVE, DEFECTED, PROSPECT, UNAWARE, ControlledChain, Step, observed_counts
from sim.engine.crowd import present
from sim.engine.fluid_kernels import advance, observed_moves, pull_advance
from sim.engine.lifecycle import Lifecycle
from sim.engine.state_space import LEVELS
from sim.history import KINDS, History

__all__ = ["expected_history", "gradient", "observed_counts"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _Period:
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


class _Pass:
    """One run of the fluid twin under acting intensities ``[period, group, stage, lever]``."""

    def __init__(self, chain: ControlledChain, intensity: Floats) -> None:
        self.chain = chain
        self.occupancy = chain.initial.copy()
        crowd = chain.crowd if isinstance(chain, Lifecycle) else None
        self.employees = crowd.employees_at_start if crowd else float("nan")
        self.intensity = intensity

    def period(self, t: int) -> _Period:
        """Return period ``t`` and move on to the next."""
        chain, occupancy, intensity = self.chain, self.occupancy, self.intensity[t]
        observed = observed_counts(chain, occupancy)
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
        now = _Period(
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

    run = _Pass(chain, intensity)
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


def gradient(chain: ControlledChain, intensity: Floats) -> tuple[float, Floats]:
    """Return the customer asset under a plan and its derivative with respect to every element of the plan.

    Exact, by the adjoint of the fluid pass, crowd effects included: word of mouth, rivals who react, saturation,
    employees. At kinks (clips, points of broken lines) the derivative is one-sided.

    Parameters
    ----------
    chain : ControlledChain
    intensity : (periods, groups, stages, levers)
        Intensities that act, money per targeted customer per period.

    Returns
    -------
    Asset, and derivatives of the shape of ``intensity``.

    Raises
    ------
    TypeError
        For a chain given outright: its actions are mixed linearly, and its value is the optimiser's to differentiate.
    """
    if not isinstance(chain, Lifecycle):
        raise TypeError("gradient: expected the lifecycle; a chain given outright has actions, not intensities")
    crowd, space = chain.crowd, chain.space
    blocks, laws = chain.group.size, space.law_kind.size
    law_place = (np.arange(blocks)[:, None] * laws + chain.block_law).ravel()
    rows = np.arange(blocks)[:, None]
    run = _Pass(chain, intensity)
    past = [run.period(t) for t in range(chain.periods)]
    asset = chain.discount[-1] * float((run.occupancy * chain.terminal).sum())
    out = np.zeros_like(intensity)
    after = chain.discount[-1] * chain.terminal
    by_points = 0.0
    for t in range(chain.periods - 1, -1, -1):
        now, discount = past[t], chain.discount[t]
        number = np.bincount(law_place, weights=now.occupancy.ravel(), minlength=blocks * laws).reshape(blocks, laws)
        money = now.intensity.sum(axis=2)
        asset += discount * float((number * now.step.reward).sum() - (now.observed * money).sum())
        before = np.empty_like(now.occupancy)
        by_odds = np.zeros_like(now.step.probability)
        pull_advance(now.occupancy, now.step.probability, chain.block_law, space.successor, after, before, by_odds)
        before += discount * now.step.reward[rows, chain.block_law]
        by_effective, by_environment = chain.pull(now.environment, now.effective, by_odds, discount * number)
        by_rivals, by_now, by_talk = crowd.environment_pull(by_environment, now.environment, now.rivals, now.talk)
        kept, more, heads = crowd.employees_pull(by_points, now.employees_after, now.effective, now.observed)
        by_intensity, by_observed = crowd.effective_pull(by_effective + more, now.intensity, now.observed)
        out[t] = by_intensity - discount * now.observed[:, :, None]
        by_observed = by_observed + heads - discount * money
        for rival, wanted in by_rivals.items():
            by_observed = by_observed + crowd.reaction_pull(rival, wanted, now.observed)
        before += by_observed[chain.group[:, None], chain.block_stage]
        if now.talk is not None:
            by_level = crowd.talk_pull(by_talk, now.levels)
            felt = space.level > 0
            before[:, felt] += by_level[chain.group][:, space.level[felt] - 1]
        by_points = kept + by_now
        after = before
    return asset, out
