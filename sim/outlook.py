"""What is expected of each real customer under a plan: where they will be, what they get, what they bring.

The fluid twin, read backwards: what holds at the end of a path of periods is taken back to each state at the start,
``before = P after``, and a customer has the mean over the draws that made the classes. So sums over customers are those
of the twin.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.arrays import Floats, Ints
from sim.engine.attitudes import Attitudes
from sim.engine.chain import ALIVE, ControlledChain
from sim.engine.fluid_kernels import pull_advance
from sim.engine.sensitivity import Course, follow
from sim.engine.state_space import by_feeling, state_index
from sim.errors import InputError
from sim.purchases.base import CustomerBase
from sim.scenario.file import PERIODS_PER_YEAR
from sim.twin import Twin

__all__ = ["Outlook", "money_on_prospects", "outlook"]


@dataclass(frozen=True, eq=False)
class Outlook:
    """Every customer of a base, in its order.

    Attributes
    ----------
    customer_id : (customers,)
    group : (customers,)
    stage, stage_then : (customers,)
        As the firm sees them today; most likely at the start of the period.
    alive : (customers,)
        P(alive) today.
    leaves : (customers,)
        Chance to have left a year from now, those who have left already included.
    yearly : (customers,)
        Expected margin a year while a customer.
    value : (customers,)
        Expected discounted profit from today on, under the plan.
    money, today : (customers, levers)
        Expected money in the period, under the plan and as today.
    planned, beside : float
        Money of the plan in the period; of that for people who are no customers of the base.
    """

    customer_id: npt.NDArray[np.generic]
    group: Ints
    stage: Ints
    stage_then: Ints
    alive: Floats
    leaves: Floats
    yearly: Floats
    value: Floats
    money: Floats
    today: Floats
    planned: float
    beside: float


def outlook(twin: Twin, intensity: Floats, period: int) -> Outlook:
    """Return what is expected of each customer of a twin's base under ``intensity``, in a period counted from 0.

    Raises
    ------
    InputError
        If the scenario has no base, or the period lies outside its horizon.
    """
    base, given, scenario = twin.base, twin.scenario.base, twin.scenario
    if base is None or given is None:
        raise InputError(
            f"{scenario.name}: has no customer base, so there is nobody to list; a list needs `base:`, which `tenure "
            "calibrate` writes"
        )
    if not 0 <= period < scenario.periods:
        raise InputError(f"`period={period}`: expected a period of the plan, 0 to {scenario.periods - 1}")
    chain = twin.chain
    course = follow(chain, twin.targets.with_committed(intensity))
    usual = follow(chain, np.broadcast_to(twin.targets.reference, course.intensity.shape))
    seat = _Seats(twin)
    stages = np.eye(len(twin.targets.stages))[chain.block_stage]
    of_base = np.array([tier != "unknown" for tier in twin.targets.tiers])
    alive, _, _ = base.posterior.leaving()
    number = state_index(chain.space, np.full(base.group.size, ALIVE), base.count, base.silence)
    rate = np.mean([sample.purchase_rate * sample.mean_spend for sample in base.samples], axis=0)
    per_year = PERIODS_PER_YEAR[scenario.period]
    return Outlook(
        CustomerBase.open(scenario.folder / given.file).summarise(given.as_of).customer_id,
        base.group,
        chain.space.stage[base.group, number],
        seat.mean(_back(course, period, stages)).argmax(axis=1),
        alive,
        1 - alive * base.posterior.stays(per_year),
        rate * per_year * twin.margin[base.group],
        seat.mean(_value(course)[..., None])[:, 0],
        seat.mean(_money(course, period)),
        seat.mean(_money(usual, period)),
        float(course.spend[period].sum()),
        float(course.spend[period][~of_base].sum()),
    )


def money_on_prospects(twin: Twin, intensity: Floats, period: int) -> tuple[float, Floats]:
    """Return how many people a scenario counts as prospects at the start, and what is expected to be spent on each.

    Returns
    -------
    heads : float
    money : (levers,)
        Marketing money in a period counted from 0, over where they may be by then; 0 without prospects.
    """
    chain = twin.chain
    course = follow(chain, twin.targets.with_committed(intensity))
    at_start = course.past[0].occupancy * (chain.block_stage == twin.targets.stages.index("prospect"))
    heads = float(at_start.sum())
    spent = chain.targets.of_budget(np.einsum("bs,bsk->k", at_start, _money(course, period)))
    return heads, np.asarray(spent / heads if heads > 0 else np.zeros_like(spent))


class _Seats:
    """Which classes and states the draws of each customer lie in."""

    def __init__(self, twin: Twin) -> None:
        base, self.space = twin.base, twin.chain.space
        assert base is not None
        attitudes = Attitudes(twin.scenario)
        self.mix = np.outer(attitudes.level_mix, attitudes.tie_mix).ravel()
        self.block = base.block_of_sample
        true = np.stack([ALIVE + sample.gone.astype(np.int64) + sample.lost for sample in base.samples])
        self.state = state_index(self.space, true, base.count, base.silence)

    def mean(self, after: Floats) -> Floats:
        """Return by customer the mean of ``after[block, state, ...]``, over levels and ties as in the data."""
        alive = np.flatnonzero(self.space.kind == ALIVE)
        spread = after.copy()
        felt = by_feeling(self.space, np.moveaxis(after[:, alive], 2, 1), self.mix.size)[..., 0]  # nobody is kept yet
        first = by_feeling(self.space, alive, self.mix.size)[:, 0, 0]
        spread[:, first] = np.einsum("bkgm,m->bgk", felt, self.mix)
        return np.asarray(np.mean([spread[b, s] for b, s in zip(self.block, self.state, strict=True)], axis=0))


def _money(course: Course, period: int) -> Floats:
    """Return expected money in a period by (block, state at the start, lever)."""
    chain = course.chain
    return _back(course, period, course.intensity[period][chain.group[:, None], chain.block_stage])


def _value(course: Course) -> Floats:
    """Return expected discounted profit by (block, state at the start)."""
    chain = course.chain
    value: Floats = chain.discount[-1] * course.worth_at_end
    rows = np.arange(chain.group.size)[:, None]
    for t in range(chain.periods - 1, -1, -1):
        now = course.past[t]
        spend = chain.targets.of_budget(now.intensity).sum(axis=2)[chain.group[:, None], chain.block_stage]
        value = _before(chain, course, t, value)
        value = value + chain.discount[t] * (now.step.reward[rows, chain.block_law] - spend)
    return value


def _back(course: Course, period: int, then: Floats) -> Floats:
    """Take ``then[block, state, what]`` at a period back to the start."""
    out = []
    for k in range(then.shape[2]):
        after = np.ascontiguousarray(then[:, :, k], dtype=np.float64)
        for t in range(period - 1, -1, -1):
            after = _before(course.chain, course, t, after)
        out.append(after)
    return np.stack(out, axis=2)


def _before(chain: ControlledChain, course: Course, t: int, after: Floats) -> Floats:
    now = course.past[t]
    before = np.empty_like(now.occupancy)
    pull_advance(now.occupancy, now.step.probability, chain.links, after, before, np.zeros_like(now.step.probability))
    return before
