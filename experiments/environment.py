"""A scenario as a Gymnasium environment, for policies that are learned: one step is one period.

With ``python -m pip install "tenure[gym]"``, ``MarketEnvironment(twin, budget)`` is an environment like any other.
"""

from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import Box

from sim.arrays import Floats
from sim.contract import Allocation, Observation
from sim.market.clock import Market, budget_of
from sim.twin import Twin

__all__ = ["MarketEnvironment"]

LARGEST_SEED = 2**32


class _Told:
    """A policy that does what it was told, and keeps what it saw."""

    name = "told"
    feedback = True

    def __init__(self, unit: Floats) -> None:
        self.unit, self.action = unit, np.zeros(int((unit > 0).sum()))
        self.seen: Observation | None = None

    def decide(self, observation: Observation) -> Allocation:
        self.seen = observation
        intensity = np.zeros(observation.targets.shape)
        intensity[self.unit > 0] = self.action * self.unit[self.unit > 0]
        return Allocation.within(intensity, observation)


class MarketEnvironment(gymnasium.Env[Floats, Floats]):  # type: ignore[misc]
    """One market, played period by period.

    An action is a number from 0 to 1 for each target and lever that may be used on it: intensity by the largest that
    brings anything. It is scaled back to the money there is, as for every policy. What is seen is, in this order: the
    part of the horizon that is over, the part of the budget that is left, and by (group, stage) heads as a share of
    those at the start, purchases and revenue of the period before by head at the start, and surveyed satisfaction as a
    share of 100 (-1 where it is not known). The reward is the period's discounted profit, at the last period with what
    customers are worth after it, as a share of ``scale``: the sum over an episode is the customer asset.

    Parameters
    ----------
    twin : Twin
    budget : float
    scale : float, optional
        Money that counts as a reward of 1; by default one unit of it.

    Examples
    --------
    >>> from experiments.environment import MarketEnvironment
    >>> env = MarketEnvironment(firm.twin, firm.budget)
    >>> seen, _ = env.reset(seed=1)
    >>> seen, reward, over, cut, facts = env.step(0 * env.action_space.sample())
    >>> over, facts["spend"]
    (False, 0.0)
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 - as Gymnasium declares it

    def __init__(self, twin: Twin, budget: float, scale: float = 1.0) -> None:
        self.twin, self.budget, self.scale = twin, budget, scale
        self.unit = np.where(twin.targets.allowed, np.maximum(twin.chain.most, 0.0), 0.0)
        groups, stages, _ = twin.targets.shape
        self.action_space = Box(0.0, 1.0, (int((self.unit > 0).sum()),), np.float64)
        low = np.concatenate([np.zeros(2 + 3 * groups * stages), -np.ones(groups * stages)])
        self.observation_space = Box(low, np.full(low.shape, np.inf), dtype=np.float64)
        self._start = max(float(twin.chain.initial.sum()), 1.0)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Floats, dict[str, Any]]:
        """Return what is seen at the start of a market; ``seed`` says which luck, None: another than before."""
        super().reset(seed=seed)
        luck = int(self.np_random.integers(LARGEST_SEED)) if seed is None else seed % LARGEST_SEED
        people = self.twin.population(luck, 0)
        self._told = _Told(self.unit)
        self._market = Market(self.twin, self._told, people, budget_of(self.twin, self.budget), seed=luck)
        return self._seen(), {"seed": luck}

    def step(self, action: Floats) -> tuple[Floats, float, bool, bool, dict[str, Any]]:
        """Return what is seen after a period, its reward, whether the horizon is over, never cut, and its money."""
        self._told.action = np.clip(np.asarray(action, dtype=float), 0.0, 1.0)
        period = self._market.period
        history = self._market.run(until=period + 1)
        discount = self.twin.chain.discount
        over = self._market.period == self.twin.chain.periods
        reward = float(discount[period] * history.profit[period])
        reward += float(discount[-1] * history.terminal) if over else 0.0
        return self._seen(), reward / self.scale, over, False, {"spend": float(history.spend[period].sum())}

    def _seen(self) -> Floats:
        """Return the market as the firm sees it now, as one row."""
        market = self._market
        seen, periods = market.seen(), self.twin.chain.periods
        left = market.budget_left / self.budget if self.budget > 0 else 0.0
        parts = [seen.customers, seen.purchases, seen.revenue]
        points = np.where(np.isnan(seen.satisfaction), -1.0, seen.satisfaction / 100)
        return np.concatenate(
            [
                [market.period / periods, left],
                *(np.maximum(each, 0).ravel() / self._start for each in parts),
                points.ravel(),
            ]
        )
