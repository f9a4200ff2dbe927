"""The bound against 500 random policies, and agents who play the programme's own."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest
from checks import asset_of
from markets import Content, Floats
from problems import bounded, intensity_of, meets

from optimizer.ask.problem import AllocationProblem
from optimizer.bound.decomposition import FullInformation
from optimizer.bound.pricing import Pricing
from optimizer.search.playable import playable
from sim.contract import Allocation, Observation
from sim.customers.population import Population
from sim.engine import agent_kernels, random_streams
from sim.engine.agent_kernels import Luck, Outcomes, Paths, Who
from sim.engine.chain import Conditions
from sim.engine.drawing import blank_tally
from sim.engine.lifecycle import Lifecycle
from sim.market.agents import Agents
from sim.market.clock import Market
from sim.twin import Twin
from sim.valuation import customer_asset


def feasible_policies(problem: AllocationProblem, best: FullInformation, number: int) -> list[Floats]:
    """Return playable policies that use the offered intensities and meet the rules: at random, and around good ones."""
    rng = np.random.default_rng(11)
    found = playable(problem, best)
    good = [[column.action for column in columns] for columns in found.columns]
    pricing = Pricing(problem)
    shape = (problem.chain.periods, problem.targets.shape[1])
    out: list[Floats] = []
    for attempt in range(40 * number):
        if len(out) == number:
            break
        thrift = rng.uniform(1, 6)
        plans = [(rng.random(shape) ** thrift * problem.choices[g]).astype(np.uint8) for g in range(len(good))]
        if attempt % 2:
            kept = rng.uniform(0.5, 1)
            near = [columns[rng.integers(len(columns))] for columns in good]
            plans = [np.where(rng.random(shape) < kept, one, plan) for one, plan in zip(near, plans, strict=True)]
        usage = [pricing.playable_column(g, plan).usage for g, plan in enumerate(plans)]
        if meets(problem, np.sum(usage, axis=0)):
            out.append(np.stack([intensity_of(problem, g, plan) for g, plan in enumerate(plans)], axis=1))
    assert len(out) == number
    return out


@dataclass(frozen=True, eq=False)
class ByPeriod:
    """A table of intensities, played whatever it costs."""

    intensity: Floats
    name: str = "by period"

    def decide(self, observation: Observation) -> Allocation:
        """Return this period's."""
        return Allocation(self.intensity[observation.period])


@pytest.mark.slow
def test_the_bound_holds_for_500_random_policies(market: Callable[..., Content]) -> None:
    """No rule-feasible playable policy is worth more than the bound: in expectation, nor drawn beyond 3 errors.

    Drawn are those of the highest value, which come nearest to the bound, and some of any.
    """
    twin, problem, best = bounded(market)
    policies = feasible_policies(problem, best, 500)
    values = np.array([asset_of(problem.chain, intensity) for intensity in policies])
    nothing = asset_of(problem.chain, np.zeros_like(policies[0]))
    assert values.max() <= best.bound
    assert values.max() > nothing + 0.3 * (best.bound - nothing)  # some are good: the bound has been tried
    assert np.unique(values).size > 400
    order = np.argsort(-values)
    played = [*order[:100], *order[100::8]]
    values, drawn = values[played], np.empty((len(played), 3))
    for k in range(3):
        population = twin.population(3, k, "classes")
        for i, which in enumerate(played):
            history = Market(twin, ByPeriod(policies[which]), population, seed=3, replication=k).run()
            drawn[i, k] = customer_asset(history, twin.chain.discount_rate).total
    error = np.sqrt(drawn.var(axis=1, ddof=1).mean() / 3)
    assert (drawn.mean(axis=1) <= best.bound + 3 * error).all()
    assert (np.abs(drawn.mean(axis=1) - values) <= 5 * error).all()


@dataclass(eq=False)
class FullInformationPlay:
    """Agents who are treated by their hidden state and class, as the LP's own policy would have it.

    Each (block, column of its group) is a cohort of its own to the kernel, with a law of its own for every state: the
    odds of the action that its column has there. A customer of a block is under a column by a uniform of its own.
    """

    twin: Twin
    problem: AllocationProblem
    best: FullInformation

    def __post_init__(self) -> None:
        chain, best, actions = self.twin.chain, self.best, self.problem.actions
        assert isinstance(chain, Lifecycle)
        assert (chain.group == self.twin.cohort_group[self.twin.block_cohort]).all()
        units = [(b, c) for b, g in enumerate(chain.group) for c in range(len(best.columns[g]))]
        self.first_unit = {b: units.index((b, 0)) for b in range(chain.group.size)}
        block = np.array([b for b, _ in units])
        self.group, self.cohort = chain.group[block], self.twin.block_cohort[block]
        self.stage = chain.block_stage[block]
        first_block = np.searchsorted(chain.group, np.arange(self.twin.targets.shape[0]))
        plans = [best.columns[chain.group[b]][c].action[:, b - first_block[chain.group[b]]] for b, c in units]
        self.action = np.stack(plans, axis=1).astype(np.int64)  # (periods, units, states)
        agents = Agents(self.twin, self.twin.population(0, 0, "classes"), seed=0, replication=0)
        self.odds = []  # by period, (units, states, columns)
        for t, environment in enumerate(chain.environment[:-1]):
            now = [Conditions(environment, actions[:, :, a], math.nan, {}) for a in range(actions.shape[2])]
            by_action = np.stack([chain.draw(agents, met).odds for met in now])
            self.odds.append(by_action[self.action[t], self.cohort[:, None], chain.block_law[block]])

    def sorted_by_unit(self, seed: int, replication: int) -> Population:
        """Return the customers by unit: their block, and the column their own uniform picks."""
        who = self.twin.population(seed, replication, "classes")
        unit = np.empty(who.size, dtype=np.int64)
        group_of = self.twin.cohort_group[who.cohort]
        for group, weights in enumerate(self.best.mixture.weights):
            members = np.flatnonzero(group_of == group)
            stream = int(self.twin.streams[group])
            purpose = random_streams.COLUMNS
            u = random_streams.uniforms(
                seed, purpose, who.identity[members].astype(np.int64), stream=stream, replication=replication
            )[:, 0]  # fmt: skip
            pick = np.minimum(np.searchsorted(np.cumsum(weights), u), int(np.flatnonzero(weights > 0)[-1]))
            unit[members] = np.array([self.first_unit[int(b)] for b in who.block[members]]) + pick
        order = np.argsort(unit, kind="stable")
        start = np.concatenate([[0], np.cumsum(np.bincount(unit, minlength=self.group.size))])
        names = ("identity", "state", "purchase_rate", "defection_rate", "mean_spend", "block")
        return replace(who, start=start, **{name: getattr(who, name)[order] for name in names})

    def run(self, seed: int, replication: int) -> tuple[float, Floats]:
        """Return asset and use of rules."""
        chain, twin = self.twin.chain, self.twin
        assert isinstance(chain, Lifecycle)
        who = self.sorted_by_unit(seed, replication)
        state, (units, states) = who.state.copy(), self.action.shape[1:]
        stages = self.stage.max() + 1
        every_state = np.repeat(np.arange(states, dtype=np.uint16)[None], units, axis=0)
        paths = Paths(
            chain.space.kind.astype(np.uint8), every_state, self.stage.astype(np.uint8),
            chain.space.successor.astype(np.uint16),
        )  # fmt: skip
        people = Who(who.start, who.identity, who.purchase_rate, who.defection_rate, who.mean_spend)
        amounts, told = twin.amounts.of(self.cohort), Outcomes(chain.buys, 1, np.zeros((0, 2), dtype=np.int64), False)
        untold = np.zeros(states, dtype=np.int64)
        falls = chain.attitudes.falls(chain.space)._replace(level=untold, ties=np.ones(states))
        asset, spend = 0.0, np.zeros((chain.periods, *self.problem.targets.shape))
        for t in range(chain.periods):
            counts = np.zeros((units, states), dtype=np.int64)
            agent_kernels.count_states(who.start, state, counts)
            money = self.problem.actions[self.group[:, None], self.stage, self.action[t]]
            np.add.at(spend[t], (self.group[:, None], self.stage), counts[..., None] * money)
            luck = Luck(seed, random_streams.PERIOD, twin.streams[self.group], t, replication)
            out = blank_tally(units, states, int(stages))
            agent_kernels.move_lifecycle(
                0, who.size, people, state, paths, self.odds[t], told, falls, amounts, twin.money_units, luck, out
            )
            earned = (out.revenue.sum(axis=1) / twin.money_units) @ twin.margin[self.group]
            asset += chain.discount[t] * (earned - spend[t].sum())
        at_end = np.bincount(who.block * states + state, minlength=chain.initial.size).reshape(chain.initial.shape)
        asset += chain.discount[-1] * float((at_end * chain.terminal).sum())
        return float(asset), self.problem.money @ spend.ravel()


def test_agents_play_the_programmes_own_policy_at_its_value(market: Callable[..., Content]) -> None:
    """The LP's full-information policy, drawn customer by customer, has the LP's value and use within 3 errors."""
    twin, problem, best = bounded(market)
    replications = 30
    play = FullInformationPlay(twin, problem, best)
    played = [play.run(5, k) for k in range(replications)]
    assets, usages = np.array([asset for asset, _ in played]), np.array([usage for _, usage in played])
    error = assets.std(ddof=1) / math.sqrt(replications)
    assert error < 0.003 * best.value
    assert abs(assets.mean() - best.value) <= 3 * error
    want = sum(
        weight * column.usage
        for weights, columns in zip(best.mixture.weights, best.columns, strict=True)
        for weight, column in zip(weights, columns, strict=True)
    )
    errors = usages.std(axis=0, ddof=1) / math.sqrt(replications)
    assert (np.abs(usages.mean(axis=0) - want) <= 4 * errors + 1e-9 * np.abs(want)).all()
    lift = best.value - asset_of(problem.chain, np.zeros((problem.chain.periods, *problem.targets.shape)))
    assert lift > 10 * error  # the policy does something that a mistake in playing it would lose
