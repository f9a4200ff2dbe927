"""The one interface that agents, fluid twin and optimiser work on: a controlled Markov chain.

Customers sit in *blocks* (one group and one trait class) and in *states*. What can happen in a period depends on the
state's *law* only: an outcome is drawn from ``probability[block, law, outcome]`` and leads to
``successor[state, outcome]``. Many states share a law (all lapsed customers of a block leave, buy or return at the
same odds), which keeps the arrays small. Spend and intensities are by group, observed stage and lever.

:class:`MatrixChain` is a chain given outright, one law per state; :mod:`sim.engine.lifecycle` is the standard maker.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sim.arrays import Flags, Floats, Ints
from sim.contract import Targets
from sim.engine.chain_kernels import solve_in_order

__all__ = [
    "ALIVE",
    "ControlledChain",
    "MatrixChain",
    "Pull",
    "StateSpace",
    "Step",
    "observed_counts",
    "transition_matrix",
    "value_to_go",
]

Pull = Callable[[Floats, Floats], tuple[Floats, Floats]]
"""A way back: from derivatives by (probability, reward) of a step to those by (intensity, environment)."""

UNAWARE, PROSPECT, ALIVE, DEFECTED, LOST = range(5)
"""Kinds of states: what is true of a customer."""


@dataclass(frozen=True)
class StateSpace:
    """Names and links of the states.

    Attributes
    ----------
    names
        One per state.
    kind : (states,)
        UNAWARE, PROSPECT, ALIVE, DEFECTED or LOST: the truth.
    stage : (groups, states)
        Index of the observed stage, which depends on the group's thresholds.
    law : (groups, states)
        Which law a state is under.
    law_stage, law_kind : (laws,)
        Stage and kind of each law.
    successor : (states, outcomes)
        Where each outcome leads.
    bought, silent : (states,)
        Purchases and silent periods seen; 0 where never bought.
    level, law_level : (states,), (laws,)
        Level of satisfaction 1..5, 0 where none.
    ties, law_ties : (states,), (laws,)
        Ties to the firm 0..3, -1 where none.
    """

    names: tuple[str, ...]
    kind: Ints
    stage: Ints
    law: Ints
    law_stage: Ints
    law_kind: Ints
    successor: Ints
    bought: Ints
    silent: Ints
    level: Ints
    ties: Ints
    law_level: Ints
    law_ties: Ints


@dataclass(frozen=True)
class Step:
    """One period of every block under given intensities, in expectation per customer of each law.

    Attributes
    ----------
    probability : (blocks, laws, outcomes)
    purchases, revenue, reward : (blocks, laws)
        Purchases, money taken, and money earned before marketing.
    """

    probability: Floats
    purchases: Floats
    revenue: Floats
    reward: Floats


@dataclass(frozen=True, eq=False)
class ControlledChain(ABC):
    """Blocks of customers whose moves and rewards depend on intensities.

    Attributes
    ----------
    targets : Targets
    space : StateSpace
    group : (blocks,)
        Group of each block.
    initial : (blocks, states)
        Expected customers at the start.
    periods : int
    discount_rate : float
        Per period; flows of period t count ``(1 + d)^-t``, the terminal value ``(1 + d)^-periods``.
    environment : (periods + 1, groups, routes)
        What the market does on schedule, such as competitors; the last row holds after the horizon.
    arrivals : (periods, blocks, states)
        Expected customers who appear at each period's end.
    with_terminal : bool
        Whether customers are worth something after the horizon (value-to-go under the reference).
    """

    targets: Targets
    space: StateSpace
    group: Ints
    initial: Floats
    periods: int
    discount_rate: float
    environment: Floats
    arrivals: Floats
    with_terminal: bool

    @abstractmethod
    def step(self, environment: Floats, intensity: Floats) -> Step:
        """Return one period under ``intensity[group, stage, lever]`` (money per customer) and one environment."""

    @abstractmethod
    def pull(self, environment: Floats, intensity: Floats) -> Pull:
        """Return the way back from a step's ``probability`` and ``reward`` to (intensity, environment)."""

    @cached_property
    def discount(self) -> Floats:
        """Return the discount factors of periods 0..periods, the last for the terminal value."""
        return np.asarray((1 + self.discount_rate) ** -np.arange(self.periods + 1.0))

    @cached_property
    def regimes(self) -> tuple[Floats, Ints]:
        """Return the distinct environments and which of them each period is in."""
        rows, index = np.unique(self.environment, axis=0, return_inverse=True)
        return rows, np.asarray(index, dtype=np.int64).reshape(-1)

    @cached_property
    def block_stage(self) -> Ints:
        """Return the observed stage of every (block, state)."""
        return np.ascontiguousarray(self.space.stage[self.group])

    @cached_property
    def block_law(self) -> Ints:
        """Return the law of every (block, state)."""
        return np.ascontiguousarray(self.space.law[self.group])

    @cached_property
    def terminal(self) -> Floats:
        """Return the value of a customer after the last period, (blocks, states), undiscounted."""
        if not self.with_terminal:
            return np.zeros_like(self.initial)
        earned, spent = value_to_go(self)
        return earned - spent


@dataclass(frozen=True, eq=False)
class MatrixChain(ControlledChain):
    """A chain given outright: one block per segment, one law per state, one lever.

    Attributes
    ----------
    action_spend : (blocks, actions)
        Money per customer, rising.
    moves : (blocks, actions, states, states)
    rewards : (blocks, actions, states)

    An intensity between two actions treats part of the target with each, so that the money is spent; beyond the
    dearest action money buys nothing more.
    """

    action_spend: Floats
    moves: Floats
    rewards: Floats

    def step(self, environment: Floats, intensity: Floats) -> Step:
        """Return one period; actions are mixed linearly between their spends."""
        blocks, actions = self.action_spend.shape
        weight = np.empty((blocks, actions, len(self.space.names)))
        for block in range(blocks):
            for action in range(actions):
                corner = np.eye(actions)[action]
                weight[block, action] = np.interp(intensity[block, :, 0], self.action_spend[block], corner)
        reward = np.einsum("bas,bas->bs", weight, self.rewards)
        return Step(
            probability=np.einsum("bas,bast->bst", weight, self.moves),
            purchases=np.zeros_like(reward),
            revenue=reward,
            reward=reward,
        )

    def pull(self, environment: Floats, intensity: Floats) -> Pull:
        """Return the way back to (intensity, environment); at an action's own spend, that of spending more."""
        more, gain = np.zeros_like(self.moves[:, 0]), np.zeros_like(self.rewards[:, 0])
        states = np.arange(intensity.shape[1])
        for block, money in enumerate(self.action_spend):
            last = money.size - 1
            at = np.clip(np.searchsorted(money, intensity[block, :, 0], side="right") - 1, 0, last)
            after = np.minimum(at + 1, last)
            wide = np.where(after > at, money[after] - money[at], np.inf)
            more[block] = (self.moves[block, after, states] - self.moves[block, at, states]) / wide[:, None]
            gain[block] = (self.rewards[block, after, states] - self.rewards[block, at, states]) / wide

        def back(by_probability: Floats, by_reward: Floats) -> tuple[Floats, Floats]:
            by_intensity = (more * by_probability).sum(axis=2) + gain * by_reward
            return by_intensity[:, :, None], np.zeros_like(environment)

        return back


def observed_counts(chain: ControlledChain, occupancy: Floats) -> Floats:
    """Return head counts by (group, stage) of ``occupancy[block, state]``: what a firm would see."""
    groups, stages, _ = chain.targets.shape
    cell = chain.group[:, None] * stages + chain.block_stage
    counts = np.bincount(cell.ravel(), weights=occupancy.ravel(), minlength=groups * stages)
    return np.asarray(counts.reshape(groups, stages))


def transition_matrix(chain: ControlledChain, step: Step) -> Floats:
    """Return ``P[block, state, next state]``."""
    blocks, states = chain.block_law.shape
    matrix = np.zeros((blocks, states, states))
    rows = np.arange(blocks)[:, None]
    columns = np.arange(states)[None, :]
    for outcome in range(chain.space.successor.shape[1]):
        matrix[rows, columns, chain.space.successor[:, outcome]] += step.probability[rows, chain.block_law, outcome]
    return matrix


def value_to_go(chain: ControlledChain) -> tuple[Floats, Floats]:
    """Return what a customer earns and costs for ever under the reference intensities, per (block, state).

    ``(I - P/(1+d)) [earned, spent] = [reward, spend]``, in the environment after the horizon. Present and future
    customers alike: the value of an unaware or prospective customer is what the reference policy makes of it.

    States that cannot lead back to each other are solved one after another, from the last: purchases are only ever
    added, so the largest set that must be solved at once are the core customers.
    """
    step = chain.step(chain.environment[-1], chain.targets.reference)
    rows = np.arange(chain.group.size)[:, None]
    spend = chain.targets.reference.sum(axis=2)[chain.group[:, None], chain.block_stage]
    value = np.stack([step.reward[rows, chain.block_law], spend], axis=2)
    possible = step.probability.max(axis=0)[chain.space.law].max(axis=0) > 0
    sets = _classes_of_states(chain.space.successor, possible)
    solve_in_order(
        np.cumsum([0] + [members.size for members in sets]), np.concatenate(sets), chain.space.successor,
        chain.block_law, step.probability, 1 / (1 + chain.discount_rate), value,
    )  # fmt: skip
    return value[:, :, 0], value[:, :, 1]


def _classes_of_states(successor: Ints, possible: Flags) -> list[Ints]:
    """Return the sets of states that lead to each other, each after all those that it can lead to."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    states = successor.shape[0]
    line, outcome = np.nonzero(possible)
    links = csr_matrix((np.ones(line.size), (line, successor[line, outcome])), shape=(states, states))
    count, label = connected_components(links, connection="strong")
    members = [np.flatnonzero(label == i) for i in range(count)]
    after = [set(label[successor[m][possible[m]]].tolist()) - {i} for i, m in enumerate(members)]
    ordered: list[int] = []
    placed: set[int] = set()
    for start in range(count):
        stack = [start]
        while stack:
            waiting = after[stack[-1]] - placed
            if waiting:
                stack.append(waiting.pop())
                continue
            done = stack.pop()
            if done not in placed:
                placed.add(done)
                ordered.append(done)
    return [members[i] for i in ordered]
