"""The one interface that agents, fluid twin and optimiser work on: a controlled Markov chain.

Customers sit in *blocks* (one group and one trait class) and in *states*. What can happen in a period depends on the
state's *law* only: an outcome is drawn from ``probability[block, law, outcome]`` and leads to
``successor[state, outcome]``. Many states share a law (all lapsed customers of a block leave, buy or return at the
same odds), which keeps the arrays small. Spend and intensities are by group, observed stage and lever.

:class:`MatrixChain` is a chain given outright, one law per state; :mod:`sim.engine.lifecycle` is the standard maker.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sim.contract import Targets

__all__ = ["ALIVE", "ControlledChain", "MatrixChain", "StateSpace", "Step", "transition_matrix", "value_to_go"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

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
    """

    names: tuple[str, ...]
    kind: Ints
    stage: Ints
    law: Ints
    law_stage: Ints
    law_kind: Ints
    successor: Ints


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
    environment : (periods + 1, routes)
        Multipliers set by the market, such as competitors; the last row holds after the horizon.
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
    with_terminal: bool

    @abstractmethod
    def step(self, environment: Floats, intensity: Floats) -> Step:
        """Return one period under ``intensity[group, stage, lever]`` (money per customer) and one environment."""

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
    """
    step = chain.step(chain.environment[-1], chain.targets.reference)
    rows = np.arange(chain.group.size)[:, None]
    spend = chain.targets.reference.sum(axis=2)[chain.group[:, None], chain.block_stage]
    flows = np.stack([step.reward[rows, chain.block_law], spend], axis=2)
    system = np.eye(spend.shape[1]) - transition_matrix(chain, step) / (1 + chain.discount_rate)
    both = np.linalg.solve(system, flows)
    return both[:, :, 0], both[:, :, 1]
