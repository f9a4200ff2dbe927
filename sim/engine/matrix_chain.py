"""A chain given outright: matrices instead of a model of customers."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sim.arrays import Floats, Ints
from sim.contract import Targets
from sim.engine.chain import ALIVE, LOST, ControlledChain, Pull, StateSpace, Step
from sim.scenario.file import Scenario

__all__ = ["MatrixChain"]


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

    def actions(self, refine: bool = False) -> tuple[Floats, Ints]:
        """Return the actions as they are given."""
        spend = np.repeat(self.action_spend[:, None, :, None], self.targets.shape[1], axis=1)
        return spend, np.where(self.targets.allowed[:, :, 0], spend.shape[2], 1)

    @cached_property
    def limit(self) -> Floats:
        """Return the dearest action's money: there is nothing beyond it."""
        return np.broadcast_to(self.action_spend.max(axis=1)[:, None, None], self.targets.shape)

    @property
    def mixes_actions(self) -> bool:
        """Return that an intensity between two actions treats part of the target with each."""
        return True

    @staticmethod
    def of(scenario: Scenario) -> "MatrixChain | None":
        """Return the chain that a scenario gives outright; None where it gives none.

        More than one action beside doing nothing are a lever each.
        """
        given = scenario.chain
        if given is None:
            return None
        names = tuple(scenario.segments)
        groups, states = len(names), len(given.states)
        actions = [segment.actions or given.actions for segment in scenario.segments.values()]
        kind = np.array([LOST if state in given.gone else ALIVE for state in given.states])
        spend = np.array([[action.spend for action in row] for row in actions])
        levers = given.levers
        seen = np.array([given.targets is None or state in given.targets for state in given.states])
        allowed = np.broadcast_to(seen[None, :, None], (groups, states, len(levers))).copy()
        as_today = np.eye(len(actions[0]))[given.reference] * spend
        played = as_today[:, 1:] if len(levers) > 1 else as_today.sum(axis=1, keepdims=True)
        reference = np.where(allowed, played[:, None, :], 0.0)
        initial = np.zeros((groups, states))
        for group, segment in enumerate(scenario.segments.values()):
            for state, number in segment.heads.items():
                initial[group, given.states.index(state)] = round(number)
        kind_of_chain = SharesChain if len(levers) > 1 else MatrixChain
        return kind_of_chain(
            targets=Targets(
                names,
                ("unknown",) * groups,
                given.states,
                levers,
                allowed,
                reference,
                reference.copy(),
                (0,) * len(levers),
                (1,) * len(levers),
            ),
            space=StateSpace.plain(given.states, kind, groups),
            group=np.arange(groups),
            initial=initial,
            periods=scenario.periods,
            discount_rate=scenario.discount_per_period,
            environment=np.ones((scenario.periods + 1, groups, 1)),
            arrivals=np.zeros((scenario.periods, groups, states)),
            with_terminal=scenario.terminal == "value-to-go",
            action_spend=spend,
            moves=np.array([[action.moves for action in row] for row in actions], dtype=float),
            rewards=np.array([[action.reward for action in row] for row in actions], dtype=float),
        )


@dataclass(frozen=True, eq=False)
class SharesChain(MatrixChain):
    """The same with a lever for each action but the first, which is doing nothing.

    ``intensity = share x spend``: an intensity says which share of the target gets the action. Any mix of actions is a
    plan, also of the first and the last, which is what the best plan under a budget asks for. Shares that add up to
    more than all are paid for, and play as all.
    """

    def step(self, environment: Floats, intensity: Floats) -> Step:
        """Return one period, linear in the shares."""
        share = self._shares(intensity)
        moves, rewards = self._beyond_nothing
        reward = self.rewards[:, 0] + np.einsum("bsa,bas->bs", share, rewards)
        return Step(
            probability=self.moves[:, 0] + np.einsum("bsa,bast->bst", share, moves),
            purchases=np.zeros_like(reward),
            revenue=reward,
            reward=reward,
        )

    def _shares(self, intensity: Floats) -> Floats:
        """Return which share of each (block, state) gets each action but the first."""
        share = intensity / self.action_spend[:, None, 1:]
        return np.asarray(share / np.maximum(share.sum(axis=2, keepdims=True), 1.0))

    @property
    def _beyond_nothing(self) -> tuple[Floats, Floats]:
        """Return what each action moves and brings beyond doing nothing."""
        return self.moves[:, 1:] - self.moves[:, :1], self.rewards[:, 1:] - self.rewards[:, :1]

    def pull(self, environment: Floats, intensity: Floats) -> Pull:
        """Return the way back to (intensity, environment), as long as shares add up to no more than all."""
        moves, rewards = self._beyond_nothing

        def back(by_probability: Floats, by_reward: Floats) -> tuple[Floats, Floats]:
            by_share = np.einsum("bast,bst->bsa", moves, by_probability)
            by_share = by_share + np.einsum("bas,bs->bsa", rewards, by_reward)
            return by_share / self.action_spend[:, None, 1:], np.zeros_like(environment)

        return back

    def actions(self, refine: bool = False) -> tuple[Floats, Ints]:
        """Return the actions as they are given, each for all of a target."""
        groups, stages, levers = self.targets.shape
        offered = np.zeros((groups, stages, levers + 1, levers))
        for k in range(levers):
            offered[:, :, k + 1, k] = self.action_spend[:, None, k + 1]
        return offered, np.where(self.targets.allowed[:, :, 0], levers + 1, 1)

    @cached_property
    def limit(self) -> Floats:
        """Return each action's money: for all there is nothing beyond it."""
        return np.broadcast_to(self.action_spend[:, None, 1:], self.targets.shape)

    @property
    def contact_load(self) -> Floats:
        """Return the share of the target that a unit of money gets the action to: together they are at most all."""
        return np.asarray(1 / self.action_spend[:, None, 1:])
