"""Rules of thumb that firms use, each within the same rules as a plan.

Money is even over time: what is left of a lever's share over the periods left, so that money for which there were
no customers yet is spent later. Inside a lever every customer of a group gets the same. What a lever
must or may get over the horizon (floors, caps) bounds its share.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from policies.catalogue import policy
from sim.arrays import Floats
from sim.contract import Allocation, Observation

if TYPE_CHECKING:
    from sim.twin import Twin

__all__ = ["AcquisitionFirst", "EvenSplit", "ProportionalToValue", "bounded_shares", "filled"]


def bounded_shares(wanted: Floats, floors: Floats, caps: Floats) -> Floats:
    """Return shares nearest in proportion to ``wanted`` between floors and caps, adding up to one if caps allow.

    What the wanted cannot take goes to the others evenly.
    """
    total = min(1.0, float(caps.sum()))
    shares = filled(wanted, floors, caps, total)
    return filled(np.ones_like(wanted), shares, caps, total) if shares.sum() < total - 1e-9 else shares


def filled(wanted: Floats, floors: Floats, caps: Floats, total: float) -> Floats:
    """Return ``clip(scale x wanted, floors, caps)`` with the scale at which it adds up to ``total``, by bisection."""
    low, high = 0.0, 1.0
    while np.clip(high * wanted, floors, caps).sum() < total and high < 1e12:
        high *= 2
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if np.clip(middle * wanted, floors, caps).sum() < total else (low, middle)
    return np.asarray(np.clip(high * wanted, floors, caps))


@dataclass(frozen=True, eq=False)
class _MoneyByLever:
    """Spreads an even monthly budget over levers by share and over groups by weight.

    Attributes
    ----------
    budget : float
        Over the horizon.
    shares : (levers,)
        Of the budget.
    weights : (groups,)
        A group's claim on a lever's money: 1 per customer for all, or its value.
    per_head : bool
        Whether the claim counts for each customer (else for the group).
    """

    name: str
    budget: float
    shares: Floats
    weights: Floats
    per_head: bool

    def decide(self, observation: Observation) -> Allocation:
        """Return this period's money per customer."""
        targets = observation.targets
        heads = np.where(targets.allowed, observation.customers[:, :, None], 0.0).sum(axis=1)
        claim = self.weights[:, None] * (heads if self.per_head else (heads > 0))
        part = claim / np.maximum(claim.sum(axis=0), 1e-300)
        left = np.maximum(self.budget * self.shares - observation.lever_spent, 0.0)
        money = left / (observation.periods - observation.period) * part
        each = money / np.maximum(heads, 1e-300)
        intensity = np.where(targets.allowed & (heads > 0)[:, None, :], each[:, None, :], 0.0)
        return Allocation.within(intensity, observation)


@policy("even split")
class EvenSplit(_MoneyByLever):
    """The same money for every lever, and inside a lever for every customer it can be used on."""

    def __init__(self, twin: "Twin", budget: float) -> None:
        groups, _, levers = twin.targets.shape
        shares = bounded_shares(np.full(levers, 1 / levers), *_bounds(twin))
        super().__init__("even split", budget, shares, np.ones(groups), per_head=True)


@policy("proportional to value")
class ProportionalToValue(_MoneyByLever):
    """Money to groups in proportion to what they are worth today, the same for every lever that can be used there."""

    def __init__(self, twin: "Twin", budget: float) -> None:
        worth = np.maximum(_worth_today(twin), 0)
        if worth.sum() == 0:
            worth = np.ones_like(worth)
        usable = twin.targets.allowed.any(axis=1)
        per_lever = usable / np.maximum(usable.sum(axis=1, keepdims=True), 1)
        wanted = (worth[:, None] * per_lever).sum(axis=0) / worth.sum()
        shares = bounded_shares(wanted, *_bounds(twin))
        super().__init__("proportional to value", budget, shares, worth, per_head=False)


@policy("acquisition first")
class AcquisitionFirst(_MoneyByLever):
    """As much as the rules allow to winning customers, then to awareness, then evenly to the rest."""

    def __init__(self, twin: "Twin", budget: float) -> None:
        groups, _, levers = twin.targets.shape
        first = [
            lever
            for effect in ("acquisition", "awareness")
            for lever, name in enumerate(twin.targets.levers)
            if name in twin.scenario.levers and effect in twin.scenario.levers[name].moves
        ]
        shares, caps = _bounds(twin)
        for lever in first:
            shares[lever] = min(float(caps[lever]), float(shares[lever] + 1 - shares.sum()))
        rest = np.array([0.0 if lever in first else 1.0 for lever in range(levers)])
        shares = filled(rest, shares, caps, min(1.0, float(caps.sum())))
        super().__init__("acquisition first", budget, shares, np.ones(groups), per_head=True)


def _bounds(twin: "Twin") -> tuple[Floats, Floats]:
    """Return the least and the most share of the budget that each lever must and may get."""
    levers, rules = twin.targets.levers, twin.scenario.rules.levers
    floors = np.array([rules[lever].floor if lever in rules else 0.0 for lever in levers])
    return floors, np.array([rules[lever].cap if lever in rules else 1.0 for lever in levers])


def _worth_today(twin: "Twin") -> Floats:
    """Return what each group is worth for ever under today's spend; over the horizon where nothing is discounted."""
    from sim.engine.chain import value_to_go
    from sim.engine.fluid import expected_history

    chain = twin.chain
    if chain.discount_rate == 0:
        today = np.broadcast_to(chain.targets.reference, (chain.periods, *chain.targets.shape))
        history = expected_history(chain, today)
        return np.asarray(history.reward.sum(axis=(0, 2)) - history.spend.sum(axis=(0, 2, 3)))
    earned, spent = value_to_go(chain)
    by_block = (chain.initial * (earned - spent)).sum(axis=1)
    return np.asarray(np.bincount(chain.group, weights=by_block, minlength=chain.targets.shape[0]), dtype=float)
