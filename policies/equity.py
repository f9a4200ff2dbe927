"""Rules of customer equity: what wins and what keeps customers, each until it pays no more, or one before the other."""

from typing import TYPE_CHECKING

import numpy as np

from policies.catalogue import policy
from policies.money import (
    LOYALTY,
    MoneyByClaims,
    MoneyByLever,
    bounds,
    filled,
    levers_moving,
    share_between,
    worth_a_head,
)
from policies.planned import Planned, fitted
from sim.arrays import Floats
from sim.contract import Observation

if TYPE_CHECKING:
    from sim.twin import Twin

__all__ = ["AcquisitionFirst", "BestCustomersFirst", "FourTasks", "RetentionFirst", "customer_equity"]

TASKS = {
    "awareness": ("awareness",),
    "winning": ("acquisition", "reactivation"),
    "growing": ("purchase_rate", "amount", "preference", "cross_buying", "club"),
    "loyalty": LOYALTY,
}
"""The four tasks of marketing, and the effects that serve each."""


class _First(MoneyByLever):
    """As much as the rules allow to the levers of some effects in their order, then evenly to the rest."""

    def __init__(self, twin: "Twin", budget: float, name: str, effects: tuple[str, ...]) -> None:
        groups, _, levers = twin.targets.shape
        first = levers_moving(twin, *effects)
        shares, caps = bounds(twin)
        for lever in first:
            shares[lever] = min(float(caps[lever]), float(shares[lever] + 1 - shares.sum()))
        rest = np.array([0.0 if lever in first else 1.0 for lever in range(levers)])
        shares = filled(rest, shares, caps, min(1.0, float(caps.sum())))
        super().__init__(twin, budget, name, shares, np.ones(groups), by_customer=True)


@policy("acquisition first")
class AcquisitionFirst(_First):
    """As much as the rules allow to winning customers, then to awareness, then evenly to the rest."""

    def __init__(self, twin: "Twin", budget: float) -> None:
        super().__init__(twin, budget, "acquisition first", ("acquisition", "awareness"))


@policy("retention first")
class RetentionFirst(_First):
    """As much as the rules allow to keeping customers, by survival, satisfaction and ties, then evenly to the rest."""

    def __init__(self, twin: "Twin", budget: float) -> None:
        super().__init__(twin, budget, "retention first", LOYALTY)


@policy("best customers first")
class BestCustomersFirst(MoneyByClaims):
    """Most of the money to the few customers worth most at the start, the rest to all others: 80/20.

    ``share``: of the money; ``part``: of the customers, by group.
    """

    name = "best customers first"

    def __init__(self, twin: "Twin", budget: float, share: float = 0.8, part: float = 0.2) -> None:
        super().__init__(twin, budget)
        share_between(self.name, share=share, part=part)
        chain = twin.chain
        heads = np.bincount(chain.group, weights=chain.initial.sum(axis=1), minlength=twin.targets.shape[0])
        worth = worth_a_head(twin)
        before = np.zeros_like(heads)  # customers worth more
        order = np.argsort(-np.where(heads > 0, worth, -np.inf), kind="stable")
        before[order] = np.cumsum(heads[order]) - heads[order]
        best = np.clip(part * heads.sum() - before, 0.0, heads) / np.maximum(heads, 1e-300)
        few, many = float((best * heads).sum()), float(((1 - best) * heads).sum())
        each = best * share / max(few, 1e-300) + (1 - best) * (1 - share) / max(many, 1e-300)
        self.each = each if each.any() else np.ones_like(each)

    def claims(self, observation: Observation) -> Floats:
        """Return a customer's claim by group, the same for every lever."""
        return np.asarray(self.each[:, None, None] * super().claims(observation))


@policy("four tasks")
class FourTasks(MoneyByClaims):
    """Fixed shares of the money for awareness, winning, growing and loyalty; a task without a lever leaves its share.

    ``awareness``, ``winning``, ``growing``, ``loyalty``: shares; only their ratios count.
    """

    name = "four tasks"

    def __init__(
        self, twin: "Twin", budget: float, awareness: float = 0.1, winning: float = 0.3, growing: float = 0.3,
        loyalty: float = 0.3,
    ) -> None:  # fmt: skip
        super().__init__(twin, budget)
        self.shares = np.zeros(twin.targets.shape[2])
        for effects, share in zip(TASKS.values(), (awareness, winning, growing, loyalty), strict=True):
            levers = levers_moving(twin, *effects)
            self.shares[levers] += share / max(len(levers), 1)
        if not self.shares.any():
            self.shares[:] = 1.0

    def claims(self, observation: Observation) -> Floats:
        """Return each lever's share, by heads inside."""
        heads = np.where(observation.targets.allowed, super().claims(observation), 0.0)
        return np.asarray(self.shares * heads / np.maximum(heads.sum(axis=(0, 1)), 1e-300))


@policy("customer equity", states_money=True)
def customer_equity(twin: "Twin", budget: float) -> Planned:
    """Winning and keeping, each at its optimum per segment: margin against response, all other levers as today.

    For every group the intensities ``A`` a prospect and ``R`` a customer that maximise (Blattberg and Deighton 1996)
    ``E = a(A) V(R) - A`` with ``V(R) = (m - R)/(1 - r(R)/(1 + d))``: ``a`` and ``r`` the chances to be won and to stay,
    ``m`` margin by period of a customer, ``d`` the discount rate. Scaled down alike where that is more than the budget.
    """
    from sim.market.purse import budget_of

    targets, intensity = twin.targets, twin.targets.reference.copy()
    for group, (margin, usual) in enumerate(zip(*_today(twin), strict=True)):
        keep, stay = _best(twin, group, levers_moving(twin, "survival"), "survival", usual)
        win, won = _best(twin, group, levers_moving(twin, "acquisition"), "acquisition", 0.0)
        value = (margin - keep) / np.maximum(1 - stay / (1 + twin.chain.discount_rate), 1e-9)
        at = int(value.argmax())
        for levers, money in (
            (levers_moving(twin, "survival"), keep[at]),
            (levers_moving(twin, "acquisition"), win[int((won * max(float(value[at]), 0.0) - win).argmax())]),
        ):
            for lever in levers[:1]:
                intensity[group, :, lever] = np.where(targets.allowed[group, :, lever], money, 0.0)
    plan = Planned(np.repeat(intensity[None], twin.chain.periods, axis=0), "customer equity", most=intensity)
    return fitted(twin, plan, budget_of(twin, budget))


def _best(twin: "Twin", group: int, levers: list[int], effect: str, usual: float) -> tuple[Floats, Floats]:
    """Return intensities of the first lever that moves an effect on a group, and the chance at each; else the usual."""
    from sim.engine.response import response

    if not levers:
        return np.zeros(1), np.full(1, usual)
    lever = twin.scenario.levers[twin.targets.levers[levers[0]]]
    own = lever.by_segment.get(twin.targets.segments[group])
    curve = lever.moves[effect] if own is None or effect not in own.moves else own.moves[effect]  # type: ignore[index]
    money = np.linspace(0.0, float(twin.chain.most[group, :, levers[0]].max()), 1001)
    return money, response(curve, money, lever.reach)


def _today(twin: "Twin") -> tuple[Floats, Floats]:
    """Return by group what a customer earns in a period before marketing, and the share who stay, as today goes on."""
    from sim.engine.fluid import expected_history

    chain = twin.chain
    today = np.repeat(chain.targets.reference[None], chain.periods, axis=0)
    history = expected_history(chain, twin.targets.with_committed(today))
    heads = np.maximum(history.alive[:-1].sum(axis=0), 1e-300)
    return history.reward.sum(axis=(0, 2)) / heads, 1 - history.events["left"].sum(axis=0) / heads
